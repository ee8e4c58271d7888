//! When a client that does not read its replies is closed.

use std::time::Duration;

use meridian_rt::clock::Instant;

use crate::OutputLimit;

/// Follows how long a connection has been above its soft limit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OutputGuard {
    above_since: Option<Instant>,
}

impl OutputGuard {
    /// Whether a connection with `bytes` of unsent replies must be closed now.
    pub(crate) fn exceeded(&mut self, limit: OutputLimit, bytes: usize, now: Instant) -> bool {
        if limit.hard > 0 && bytes >= limit.hard {
            return true;
        }
        if limit.soft == 0 || bytes < limit.soft {
            self.above_since = None;
            return false;
        }
        let since = *self.above_since.get_or_insert(now);
        now.saturating_duration_since(since) > Duration::from_secs(limit.soft_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hard_limit_closes_at_once_and_soft_limit_after_its_time() {
        let limit = OutputLimit { hard: 100, soft: 50, soft_seconds: 10 };
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut guard = OutputGuard::default();
        assert!(guard.exceeded(limit, 100, start));
        assert!(!guard.exceeded(limit, 60, start));
        assert!(!guard.exceeded(limit, 60, later(10)));
        assert!(guard.exceeded(limit, 60, later(11)));
        assert!(!guard.exceeded(limit, 49, later(12)), "below the limit the clock starts anew");
        assert!(!guard.exceeded(limit, 60, later(13)));
        assert!(!OutputGuard::default().exceeded(OutputLimit::default(), usize::MAX, start), "no limit");
    }
}
