//! How long calls took, counted in classes that grow with the time: 16 for every doubling.

use std::sync::atomic::{AtomicU64, Ordering};

/// Classes for every doubling, as a power of two.
const FINENESS: u32 = 4;
/// Longer calls count as that long: over an hour.
const LONGEST: u64 = u32::MAX as u64;
const CLASSES: usize = ((32 - FINENESS as usize) + 1) << FINENESS;

/// See the module. Times are in microseconds.
#[derive(Debug)]
pub(crate) struct Histogram {
    classes: Box<[AtomicU64]>,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { classes: std::iter::repeat_with(AtomicU64::default).take(CLASSES).collect() }
    }
}

fn class_of(micros: u64) -> usize {
    let micros = micros.min(LONGEST);
    if micros < 1 << FINENESS {
        return micros as usize;
    }
    let doublings = micros.ilog2() - FINENESS;
    let within = (micros >> doublings) - (1 << FINENESS);
    (((doublings as u64 + 1) << FINENESS) + within) as usize
}

/// The longest time of a class.
fn end_of(class: usize) -> u64 {
    let class = class as u64;
    let doublings = class >> FINENESS;
    if doublings == 0 {
        return class;
    }
    let within = class & ((1 << FINENESS) - 1);
    ((((1 << FINENESS) + within + 1) << (doublings - 1)) - 1).min(LONGEST)
}

impl Histogram {
    /// Counts calls that took so long each.
    pub(crate) fn add(&self, micros: u64, calls: u64) {
        self.classes[class_of(micros)].fetch_add(calls, Ordering::Relaxed);
    }

    fn counts(&self) -> Vec<u64> {
        self.classes.iter().map(|class| class.load(Ordering::Relaxed)).collect()
    }

    /// How many calls were counted.
    pub(crate) fn calls(&self) -> u64 {
        self.counts().iter().sum()
    }

    /// For 1, 2, 4, … microseconds, how many calls took no longer, up to the longest.
    pub(crate) fn cumulative(&self) -> Vec<(u64, u64)> {
        let counts = self.counts();
        let total: u64 = counts.iter().sum();
        let mut steps = Vec::new();
        let mut shown = 0;
        for power in 0..32 {
            let limit = 1 << power;
            let below: u64 = counts
                .iter()
                .enumerate()
                .filter(|(class, _)| end_of(*class) <= limit)
                .map(|(_, count)| count)
                .sum();
            if below > shown {
                shown = below;
                steps.push((limit, below));
            }
            if below == total {
                break;
            }
        }
        steps
    }

    /// The time that this share of the calls (in per cent) did not exceed.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        let counts = self.counts();
        let total: u64 = counts.iter().sum();
        let wanted = ((total as f64 * percent / 100.0).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        for (class, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return end_of(class);
            }
        }
        0
    }

    /// Forgets all.
    pub(crate) fn reset(&self) {
        self.classes.iter().for_each(|class| class.store(0, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_a_class_that_ends_no_earlier_and_hardly_later() {
        for micros in (0..5000).chain([65_535, 1 << 20, LONGEST]) {
            let class = class_of(micros);
            assert!(class < CLASSES);
            let end = end_of(class);
            assert!(end >= micros && end - micros <= micros / 16, "{micros}: {end}");
            assert!(class == 0 || end_of(class - 1) < micros);
        }
    }

    #[test]
    fn shares_are_found() {
        let histogram = Histogram::default();
        for micros in 1..=100 {
            histogram.add(micros, 1);
        }
        assert!((50..=53).contains(&histogram.percentile(50.0)));
        assert_eq!(histogram.percentile(0.0), 1);
        assert_eq!(histogram.calls(), 100);
        assert_eq!(histogram.cumulative().first(), Some(&(1, 1)));
        assert_eq!(histogram.cumulative().last(), Some(&(128, 100)));
    }
}
