//! CLIENT PAUSE: commands of this process' clients wait.

use std::sync::atomic::{AtomicBool, Ordering};

use meridian_command::{Command, EngineCommand, ProxyCommand};
use meridian_rt::clock::Instant;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The pause in force, if one is.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    on: AtomicBool,
    terms: Mutex<Option<Terms>>,
    ended: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Terms {
    until: Instant,
    /// Reads wait too.
    all: bool,
}

impl Pause {
    /// Begins a pause. One under way is only ever made longer and stricter.
    pub(crate) fn begin(&self, until: Instant, all: bool) {
        let mut terms = self.terms.lock();
        let before = terms.filter(|terms| terms.until > Instant::now());
        *terms = Some(match before {
            Some(before) => Terms { until: before.until.max(until), all: before.all || all },
            None => Terms { until, all },
        });
        self.on.store(true, Ordering::Release);
    }

    pub(crate) fn end(&self) {
        *self.terms.lock() = None;
        self.on.store(false, Ordering::Release);
        self.ended.notify_waiters();
    }

    /// Whether there may be a pause: cheap.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    fn terms(&self) -> Option<Terms> {
        let mut terms = self.terms.lock();
        if terms.is_some_and(|terms| terms.until <= Instant::now()) {
            *terms = None;
            self.on.store(false, Ordering::Release);
        }
        *terms
    }

    /// Whether a command has to wait.
    pub(crate) fn holds(&self, command: Command) -> bool {
        // Those that a Redis would tell its replicas of, though they change no key.
        let publishes = matches!(
            command,
            Command::Proxy(ProxyCommand::Publish | ProxyCommand::Spublish)
                | Command::Engine(EngineCommand::Pfcount)
        );
        self.terms().is_some_and(|terms| terms.all || publishes || command.spec().is_write())
    }

    /// Returns when a command of that kind need no longer wait.
    pub(crate) async fn over(&self, command: Command) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            let Some(terms) = self.terms().filter(|_| self.holds(command)) else { return };
            tokio::select! {
                () = ended => {}
                () = tokio::time::sleep_until(terms.until) => {}
            }
        }
    }
}
