//! Long work away from the threads that run tasks.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Whether there are threads to spare. A simulation has one, and everything must happen on it in order.
pub(crate) fn has_threads() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// Runs `work` on a thread that may block; in place where there are none.
pub(crate) async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    if !has_threads() {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // Cancelled: the runtime is going down, and this task with it.
        Err(_) => std::future::pending().await,
    }
}
