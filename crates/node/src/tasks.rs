//! The tasks of a member, which end with it. None of them may end by itself: if one does, by a bug, the process is told,
//! and stops rather than to live on half.

use tokio::{sync::watch, task::AbortHandle};
use tokio_util::sync::CancellationToken;

/// Starts tasks and stops them all.
#[derive(Clone)]
pub(crate) struct Tasks {
    stopped: CancellationToken,
    failed: watch::Sender<Option<&'static str>>,
}

impl Tasks {
    pub(crate) fn new() -> Tasks {
        Tasks { stopped: CancellationToken::new(), failed: watch::Sender::new(None) }
    }

    /// Runs a task until the member stops, or the handle aborts it.
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        let stopped = self.stopped.clone();
        let running = tokio::spawn(async move { stopped.run_until_cancelled(task).await });
        let handle = running.abort_handle();
        let failed = self.failed.clone();
        tokio::spawn(async move {
            if let Err(error) = running.await
                && error.is_panic()
            {
                tracing::error!(task = name, "a task has failed by a bug");
                failed.send_replace(Some(name));
            }
        });
        handle
    }

    pub(crate) fn stop(&self) {
        self.stopped.cancel();
    }

    /// Returns when the member stops.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        self.stopped.clone().cancelled_owned()
    }

    /// Waits for a task that fails, and names it.
    pub(crate) async fn failed(&self) -> &'static str {
        let mut failed = self.failed.subscribe();
        let name = failed.wait_for(Option::is_some).await.map(|name| *name);
        name.ok().flatten().expect("the sender lives as long as this")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_named() {
        let tasks = Tasks::new();
        tasks.spawn("sound", std::future::pending());
        tasks.spawn("faulty", async { panic!("a bug") });
        assert_eq!(tasks.failed().await, "faulty");
    }

    #[tokio::test]
    async fn stopping_is_no_failure() {
        let tasks = Tasks::new();
        tasks.spawn("sound", std::future::pending());
        let failed = tasks.clone();
        tasks.stop();
        tasks.stopped().await;
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), failed.failed()).await.is_err());
    }
}
