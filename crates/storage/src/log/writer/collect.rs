//! Frees old segments that little still matters in, by repeating that little at the log's head.
//!
//! Entries of a group that lags, and what a quiet group last voted, would otherwise keep a segment, and with it all
//! later ones, for ever. Some is repeated with each batch, so that nobody waits for it.
//!
//! A repeated record is correct wherever it comes to stand: it was live when it was collected, so whatever undoes it
//! is queued and will be written behind it. And the old segment is given up only when what was collected from it is
//! durable and everything else in it was undone by records that are durable too.

use std::{io, sync::atomic::Ordering::Relaxed};

use bytes::Bytes;

use super::Writer;
use crate::log::{
    group::{Cell, Place},
    read::{self, Wanted},
    record::{Header, Kind, record_bytes},
    usage::Markers,
};

/// At most about this much is repeated with one batch.
const STEP_BYTES: u64 = 1 << 20;
/// A segment is emptied when at most one part in so many of it matters,
const WORTH_PARTS: u64 = 8;
/// or when the log is twice as long as what matters in it, and so many segments longer.
const SLACK_SEGMENTS: u64 = 4;

/// A record to be repeated.
pub(super) struct Moved {
    pub(super) header: Header,
    pub(super) payload: Bytes,
    /// Where an entry was, `None` for what is no entry.
    from: Option<Place>,
    /// Where it was repeated.
    pub(super) offset: u64,
}

impl Moved {
    pub(super) fn bytes(&self) -> u64 {
        record_bytes(self.payload.len())
    }

    fn marker(header: Header, payload: Bytes) -> Moved {
        Moved { header: Header { moved: true, ..header }, payload, from: None, offset: 0 }
    }
}

impl Writer {
    /// Chooses what to repeat with the next batch, usually nothing.
    pub(super) fn collect(&self) -> io::Result<Vec<Moved>> {
        let Some((generation, usage)) = self.usage.oldest() else { return Ok(Vec::new()) };
        let live = usage.live_bytes;
        let slack = 2 * self.usage.live_bytes() + SLACK_SEGMENTS * self.options.segment_bytes;
        if live * WORTH_PARTS > usage.used && self.usage.used_bytes() <= slack {
            return Ok(Vec::new());
        }
        let mut moved = Vec::new();
        let mut bytes = 0;
        for (&group, &live) in &usage.live {
            if bytes >= STEP_BYTES {
                return Ok(moved);
            }
            if let Some(cell) = self.groups.get(group) {
                let budget = live.min(STEP_BYTES - bytes);
                bytes += self.collect_entries(&cell, generation, budget, &mut moved)?;
            }
        }
        for (&group, markers) in &self.usage.markers {
            if markers.is_in(generation) {
                collect_markers(group, markers, generation, &mut moved);
            }
        }
        Ok(moved)
    }

    fn collect_entries(
        &self,
        cell: &Cell,
        generation: u32,
        budget: u64,
        moved: &mut Vec<Moved>,
    ) -> io::Result<u64> {
        let mut wanted = Vec::new();
        let mut bytes = 0;
        {
            let memory = cell.memory.lock();
            let here = |place: Place| matches!(place, Place::At { generation: at, .. } if at == generation);
            for (index, slot) in (memory.first..).zip(&memory.slots).filter(|(_, slot)| here(slot.place)) {
                if bytes >= budget {
                    break;
                }
                bytes += slot.bytes();
                wanted.push(Wanted::of(index, slot));
            }
        }
        read::load(cell.id, &self.segments, &mut wanted).map_err(|failed| failed.error)?;
        for wanted in wanted {
            let mut header = Header::new(Kind::Entry, cell.id, wanted.term, wanted.index);
            header.entry_kind = wanted.kind;
            header.moved = true;
            let payload = wanted.payload.expect("written entries were loaded");
            moved.push(Moved { header, payload, from: Some(wanted.place), offset: 0 });
        }
        Ok(bytes)
    }

    /// Notes where the repeated records, now durable, are.
    pub(super) fn account_moved(&mut self) {
        let generation = self.active.generation();
        for moved in self.flight.moved.drain(..) {
            let (group, bytes) = (moved.header.group, moved.bytes());
            self.counters.moved_bytes.fetch_add(bytes, Relaxed);
            match moved.from {
                Some(from @ Place::At { generation: old, .. }) => {
                    let to = Place::At { generation, offset: moved.offset as u32 };
                    let Some(cell) = self.groups.get(group) else { continue };
                    // Otherwise it was undone meanwhile, and who undid it will free it in the old segment.
                    if cell.memory.lock().relocate(moved.header.index, from, to) {
                        self.usage.free(group, &vec![(old, bytes)]);
                        self.usage.add(generation, group, bytes);
                    }
                }
                _ => {
                    let markers = self.usage.markers.entry(group).or_default();
                    match moved.header.kind {
                        Kind::Vote => markers.vote = Some((moved.payload, generation)),
                        Kind::Committed => markers.committed = Some((moved.payload, generation)),
                        _ => {
                            if let Some((_, at)) = &mut markers.purged {
                                *at = generation;
                            }
                        }
                    }
                }
            }
        }
    }
}

fn collect_markers(group: u32, markers: &Markers, generation: u32, moved: &mut Vec<Moved>) {
    let in_segment = |marker: &Option<(Bytes, u32)>| match marker {
        Some((payload, at)) if *at == generation => Some(payload.clone()),
        _ => None,
    };
    if let Some(vote) = in_segment(&markers.vote) {
        moved.push(Moved::marker(Header::new(Kind::Vote, group, 0, 0), vote));
    }
    if let Some(committed) = in_segment(&markers.committed) {
        moved.push(Moved::marker(Header::new(Kind::Committed, group, 0, 0), committed));
    }
    if let Some((upto, at)) = markers.purged
        && at == generation
    {
        moved.push(Moved::marker(Header::new(Kind::Purge, group, upto.term, upto.index), Bytes::new()));
    }
}
