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
pub use simulated::{set_skew_ms, wall_micros};

#[cfg(feature = "sim")]
mod simulated {
    use std::{cell::RefCell, collections::BTreeMap, net::IpAddr};

    /// A fixed instant of 2026, at which every simulation starts.
    const START_MS: u64 = 1_790_000_000_000;

    thread_local! {
        static SKEW_MS: RefCell<BTreeMap<IpAddr, i64>> = const { RefCell::new(BTreeMap::new()) };
    }

    /// Microseconds since 1970 as the simulated host believes, its skew included.
    pub fn wall_micros() -> u64 {
        let elapsed = turmoil::sim_elapsed().unwrap_or_default().as_micros() as i64;
        let skew = if turmoil::in_simulation() {
            SKEW_MS.with_borrow(|skew| skew.get(&turmoil::lookup("localhost")).copied().unwrap_or(0))
        } else {
            0
        };
        ((START_MS as i64 + skew) * 1000 + elapsed).max(0) as u64
    }

    /// Sets how far the clock of a host is off.
    pub fn set_skew_ms(host: IpAddr, skew: i64) {
        SKEW_MS.with_borrow_mut(|map| map.insert(host, skew));
    }
}
