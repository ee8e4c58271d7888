//! When keys were last used, or how often: 24 bits of each record.
//!
//! They say what `maxmemory-policy` asks for: seconds of a clock (modulo 2^24), or for the LFU policies 16 bits of
//! minutes and an 8-bit count. No replicated state: reads do not go through the log, so each replica knows its own, and
//! the leader's decide what is evicted.
//!
//! The count grows with the logarithm of the uses and falls with time, by Redis' rules: a use counts with a probability
//! of 1 / ((count - 5) * factor + 1), and every decay time takes one off.

use std::sync::atomic::{AtomicU64, Ordering};

use meridian_command::settings::{Settings, eviction::Order};

use super::Record;

/// A new key counts as used so often, so that it is not the first to go.
const NEW_KEY_USES: u8 = 5;

/// The bits there are.
const MASK: u32 = (1 << 24) - 1;

/// See the module.
#[derive(Debug)]
pub(crate) struct Access {
    /// Uses are counted, not timed.
    counts: bool,
    log_factor: u64,
    decay_minutes: u64,
    /// Draws whether a use counts.
    draws: AtomicU64,
}

impl Access {
    pub(crate) fn new(seed: u64) -> Access {
        let mut access =
            Access { counts: false, log_factor: 0, decay_minutes: 0, draws: AtomicU64::new(seed) };
        access.follow(&Settings::default());
        access
    }

    /// Puts into force what the settings say.
    pub(crate) fn follow(&mut self, settings: &Settings) {
        self.counts = settings.eviction().is_some_and(|policy| policy.order == Order::Lfu);
        self.log_factor = u64::try_from(settings.lfu_log_factor).unwrap_or_default();
        self.decay_minutes = u64::try_from(settings.lfu_decay_time).unwrap_or_default();
    }

    /// Whether uses are counted, not timed.
    pub(crate) fn counts(&self) -> bool {
        self.counts
    }

    /// Notes that a key is used.
    #[inline]
    pub(crate) fn touch(&self, record: &Record, now_ms: u64) {
        record.set_used(if self.counts { self.counted(record.used(), now_ms) } else { seconds(now_ms) });
    }

    /// Notes that a key is put in: one that has been used before keeps its count.
    pub(crate) fn put_in(&self, record: &Record, now_ms: u64) {
        if self.counts && record.used() == 0 {
            record.set_used(count_bits(NEW_KEY_USES, now_ms));
        } else {
            self.touch(record, now_ms);
        }
    }

    /// How long a key was not used; `None` where uses are counted.
    pub(crate) fn idle_s(&self, record: &Record, now_ms: u64) -> Option<u32> {
        (!self.counts).then(|| seconds(now_ms).wrapping_sub(record.used()) & MASK)
    }

    /// How often a key was used, on the scale of the count; `None` where uses are timed.
    pub(crate) fn frequency(&self, record: &Record, now_ms: u64) -> Option<u8> {
        self.counts.then(|| self.decayed(record.used(), now_ms))
    }

    /// Says for how long a key was not used, where that is known.
    pub(crate) fn set_idle(&self, record: &Record, idle_s: u64, now_ms: u64) {
        if !self.counts {
            record.set_used(((now_ms / 1000).saturating_sub(idle_s)) as u32 & MASK);
        }
    }

    /// Says how often a key was used, where that is known.
    pub(crate) fn set_frequency(&self, record: &Record, frequency: u8, now_ms: u64) {
        if self.counts {
            record.set_used(count_bits(frequency, now_ms));
        }
    }

    fn counted(&self, used: u32, now_ms: u64) -> u32 {
        let count = self.decayed(used, now_ms);
        let odds =
            u64::from(count.saturating_sub(NEW_KEY_USES)).saturating_mul(self.log_factor).saturating_add(1);
        let counts = odds == 1 || self.draw().is_multiple_of(odds);
        count_bits(count.saturating_add(u8::from(counts)), now_ms)
    }

    fn decayed(&self, used: u32, now_ms: u64) -> u8 {
        let (count, then) = (used as u8, (used >> 8) as u16);
        let elapsed = u64::from(minutes(now_ms).wrapping_sub(then));
        let periods = elapsed.checked_div(self.decay_minutes).unwrap_or(0);
        count.saturating_sub(u8::try_from(periods).unwrap_or(u8::MAX))
    }

    /// splitmix64, over a counter.
    fn draw(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.draws.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }
}

fn seconds(now_ms: u64) -> u32 {
    (now_ms / 1000) as u32 & MASK
}

fn minutes(now_ms: u64) -> u16 {
    (now_ms / 60_000) as u16
}

fn count_bits(count: u8, now_ms: u64) -> u32 {
    u32::from(minutes(now_ms)) << 8 | u32::from(count)
}

#[cfg(test)]
mod tests {
    use meridian_command::settings::find;

    use super::*;
    use crate::value::StringForm;

    const MINUTE_MS: u64 = 60_000;

    fn counting(changes: &[(&str, &str)]) -> Access {
        let mut settings = Settings::default();
        for (name, value) in [("maxmemory-policy", "allkeys-lfu")].iter().chain(changes) {
            find(name.as_bytes()).unwrap().set(&mut settings, value.as_bytes()).unwrap();
        }
        let mut access = Access::new(1);
        access.follow(&settings);
        access
    }

    fn record() -> Record {
        Record::string(b"key", b"", StringForm::Auto, None)
    }

    #[test]
    fn an_idle_time_is_that_since_the_last_use_even_when_the_clock_wraps() {
        let (access, record) = (Access::new(1), record());
        let wrap_ms = (1_u64 << 24) * 1000;
        access.put_in(&record, wrap_ms - 5000);
        assert_eq!(access.idle_s(&record, wrap_ms + 4000), Some(9));
        access.touch(&record, wrap_ms + 4000);
        assert_eq!((access.idle_s(&record, wrap_ms + 4000), access.frequency(&record, 0)), (Some(0), None));
        access.set_idle(&record, 100, wrap_ms + 5000);
        assert_eq!(access.idle_s(&record, wrap_ms + 5000), Some(100));
    }

    #[test]
    fn a_count_grows_with_the_logarithm_of_the_uses() {
        let (access, record) = (counting(&[]), record());
        access.put_in(&record, 7 * MINUTE_MS);
        assert_eq!(access.frequency(&record, 7 * MINUTE_MS), Some(NEW_KEY_USES));
        let mut last = NEW_KEY_USES;
        // What Redis documents for a factor of 10: about 10 after 100 uses, 18 after 1000, 142 after 100 000.
        for (uses, least, most) in [(100, 7, 15), (1000, 14, 25), (100_000, 125, 160)] {
            for _ in 0..uses {
                access.touch(&record, 7 * MINUTE_MS);
            }
            let count = access.frequency(&record, 7 * MINUTE_MS).unwrap();
            assert!((least..=most).contains(&count) && count >= last, "{count} after {uses}");
            last = count;
        }
        assert_eq!(access.idle_s(&record, 0), None);
    }

    #[test]
    fn a_count_falls_by_one_in_each_decay_time() {
        let record = record();
        let (minutely, slow, never) =
            (counting(&[]), counting(&[("lfu-decay-time", "10")]), counting(&[("lfu-decay-time", "0")]));
        // The minutes wrap between the two.
        let then = (65_536 * 3 - 5) * MINUTE_MS;
        minutely.set_frequency(&record, 100, then);
        for (minutes, expected) in [(0, 100), (1, 99), (30, 70), (100, 0), (5000, 0)] {
            assert_eq!(minutely.frequency(&record, then + minutes * MINUTE_MS), Some(expected));
        }
        assert_eq!(slow.frequency(&record, then + 35 * MINUTE_MS), Some(97));
        assert_eq!(never.frequency(&record, then + 5000 * MINUTE_MS), Some(100));
        minutely.set_idle(&record, 4, then);
        assert_eq!(minutely.frequency(&record, then), Some(100));
    }

    #[test]
    fn without_a_factor_every_use_counts_up_to_the_end() {
        let (access, record) = (counting(&[("lfu-log-factor", "0")]), record());
        access.put_in(&record, 0);
        for _ in 0..300 {
            access.touch(&record, 0);
        }
        assert_eq!(access.frequency(&record, 0), Some(255));
    }
}
