//! Latencies above `latency-monitor-threshold`, by event, a sample a second.

use std::collections::{BTreeMap, VecDeque};

use meridian_rt::clock::wall_micros;
use parking_lot::Mutex;

/// Samples that are kept of an event.
const SAMPLES_MAX: usize = 160;

/// The samples of one event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    /// Seconds since 1970, and milliseconds.
    pub(crate) samples: VecDeque<(u64, u64)>,
    /// The longest ever.
    pub(crate) longest: u64,
}

/// All events.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    events: Mutex<BTreeMap<&'static str, Series>>,
}

impl Latency {
    pub(crate) fn add(&self, event: &'static str, millis: u64) {
        let now = wall_micros() / 1_000_000;
        let mut events = self.events.lock();
        let series = events.entry(event).or_default();
        series.longest = series.longest.max(millis);
        match series.samples.back_mut() {
            Some((at, longest)) if *at == now => *longest = (*longest).max(millis),
            _ => series.samples.push_back((now, millis)),
        }
        if series.samples.len() > SAMPLES_MAX {
            series.samples.pop_front();
        }
    }

    pub(crate) fn all(&self) -> Vec<(&'static str, Series)> {
        self.events.lock().iter().map(|(event, series)| (*event, series.clone())).collect()
    }

    pub(crate) fn of(&self, event: &[u8]) -> Option<Series> {
        let events = self.events.lock();
        events.get(std::str::from_utf8(event).ok()?).cloned()
    }

    /// Forgets the named events, or all; how many there were.
    pub(crate) fn reset(&self, named: &[&[u8]]) -> usize {
        let mut events = self.events.lock();
        let before = events.len();
        events.retain(|event, _| {
            !named.is_empty() && !named.iter().any(|name| name.eq_ignore_ascii_case(event.as_bytes()))
        });
        before - events.len()
    }
}
