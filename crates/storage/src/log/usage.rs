//! How much of each segment still matters, and what a group last had written about itself.
//!
//! Segments are freed in order, the oldest first. So a record that undoes older ones (a truncation, a removal) is
//! there for as long as any of those, and the segments that are left have no gap.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{LogPosition, group::Freed};

/// Bytes of a segment.
#[derive(Clone, Debug, Default)]
pub(super) struct SegmentUsage {
    /// Written.
    pub(super) used: u64,
    /// In records of entries that are neither purged, truncated nor moved; by group.
    pub(super) live: BTreeMap<u32, u64>,
    /// The same over all groups.
    pub(super) live_bytes: u64,
}

/// The newest written record of each kind that must not get lost, with the segment it is in.
#[derive(Clone, Debug, Default)]
pub(super) struct Markers {
    pub(super) vote: Option<(Bytes, u32)>,
    pub(super) committed: Option<(Bytes, u32)>,
    pub(super) purged: Option<(LogPosition, u32)>,
}

impl Markers {
    pub(super) fn is_in(&self, generation: u32) -> bool {
        self.vote.as_ref().is_some_and(|(_, at)| *at == generation)
            || self.committed.as_ref().is_some_and(|(_, at)| *at == generation)
            || self.purged.is_some_and(|(_, at)| at == generation)
    }
}

/// What is written, as the writer knows it.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    pub(super) segments: BTreeMap<u32, SegmentUsage>,
    pub(super) markers: BTreeMap<u32, Markers>,
}

impl Usage {
    pub(super) fn add(&mut self, generation: u32, group: u32, bytes: u64) {
        if bytes > 0 {
            let segment = self.segments.entry(generation).or_default();
            *segment.live.entry(group).or_default() += bytes;
            segment.live_bytes += bytes;
        }
    }

    pub(super) fn free(&mut self, group: u32, freed: &Freed) {
        for &(generation, bytes) in freed {
            let Some(segment) = self.segments.get_mut(&generation) else { continue };
            if let Some(live) = segment.live.get_mut(&group) {
                *live = live.checked_sub(bytes).expect("only what was added is freed");
                segment.live_bytes -= bytes;
                if *live == 0 {
                    segment.live.remove(&group);
                }
            }
        }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.used).sum()
    }

    pub(super) fn live_bytes(&self) -> u64 {
        self.segments.values().map(|segment| segment.live_bytes).sum()
    }

    /// The oldest segment, unless it is the one being written.
    pub(super) fn oldest(&self) -> Option<(u32, &SegmentUsage)> {
        if self.segments.len() < 2 {
            return None;
        }
        self.segments.first_key_value().map(|(generation, usage)| (*generation, usage))
    }

    /// Whether nothing in a segment matters any more.
    pub(super) fn is_dead(&self, generation: u32) -> bool {
        let entries = self.segments.get(&generation).is_some_and(|segment| !segment.live.is_empty());
        !entries && !self.markers.values().any(|markers| markers.is_in(generation))
    }
}
