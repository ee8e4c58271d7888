//! CLIENT PAUSE: commands of this process' clients wait.

use std::sync::atomic::{AtomicBool, Ordering};

use meridian_command::{Command, EngineCommand, Flags};
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
        // These go through the log, but change no key.
        let learns =
            matches!(command, Command::Engine(EngineCommand::ScriptLoad | EngineCommand::ScriptFlush));
        let spec = command.spec();
        // Redis would tell its replicas of PUBLISH and PFCOUNT too.
        let writes = spec.is_write() && !learns || spec.flags.contains(Flags::MAY_REPLICATE);
        self.terms().is_some_and(|terms| terms.all || writes)
    }

    /// Whether reads have to wait too.
    pub(crate) fn holds_all(&self) -> bool {
        self.terms().is_some_and(|terms| terms.all)
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
