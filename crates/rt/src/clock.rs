//! Time: the monotonic clock for time-outs and leases, the wall clock for what Redis calls now.

pub use tokio::time::Instant;

/// Milliseconds since 1970 by this node's clock. May jump; what must not run back keeps its own maximum.
pub fn wall_ms() -> u64 {
    wall_micros() / 1000
}

/// Microseconds since 1970 by the same clock.
#[cfg(not(feature = "sim"))]
pub fn wall_micros() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(feature = "sim")]
pub use simulated::{Skew, wall_micros};

#[cfg(feature = "sim")]
mod simulated {
    use std::{
        cell::RefCell,
        sync::{
            Arc, Weak,
            atomic::{AtomicI64, Ordering},
        },
    };

    use tokio::runtime::{Handle, Id};

    /// A fixed instant of 2026, at which every simulation starts.
    const START_MS: i64 = 1_790_000_000_000;

    thread_local! {
        /// Every life of a simulated host has a runtime of its own.
        static SKEWS: RefCell<Vec<(Id, Weak<AtomicI64>)>> = const { RefCell::new(Vec::new()) };
    }

    /// How far a simulated host's wall clock is off; clones are the same clock, which outlives the host's crashes.
    #[derive(Clone, Debug, Default)]
    pub struct Skew(Arc<AtomicI64>);

    impl Skew {
        /// Sets it, in milliseconds.
        pub fn set_ms(&self, skew: i64) {
            self.0.store(skew, Ordering::Relaxed);
        }

        /// Makes it the clock of the host that calls, for this life of it.
        pub fn use_here(&self) {
            let skew = Arc::downgrade(&self.0);
            SKEWS.with_borrow_mut(|skews| {
                // The host's earlier lives are over, and perhaps whole simulations of this thread.
                skews.retain(|(_, other)| other.strong_count() > 0 && !other.ptr_eq(&skew));
                skews.push((Handle::current().id(), skew));
            });
        }
    }

    /// Microseconds since 1970 as the simulated host believes, its skew included.
    pub fn wall_micros() -> u64 {
        let elapsed = turmoil::sim_elapsed().unwrap_or_default().as_micros() as i64;
        let skew = Handle::try_current().map_or(0, |here| skew_of(here.id()));
        ((START_MS + skew) * 1000 + elapsed).max(0) as u64
    }

    fn skew_of(host: Id) -> i64 {
        SKEWS.with_borrow(|skews| {
            let skew = skews.iter().find(|(of, _)| *of == host).and_then(|(_, skew)| skew.upgrade());
            skew.map_or(0, |skew| skew.load(Ordering::Relaxed))
        })
    }
}
