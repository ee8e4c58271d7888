//! Reads entries: from memory where the payload is cached, else from the segments, neighbours together.

use std::{io, ops::Range, sync::Arc};

use bytes::Bytes;

use super::{
    LogEntry,
    group::{Cell, Memory, Place, Slot},
    record::{self, Kind, RECORD_HEADER, record_bytes},
    segment::Segments,
};

/// Records of one segment are read together up to this many bytes,
const SPAN_BYTES: u64 = 1 << 20;
/// if no more than this lies between them.
const GAP_BYTES: u64 = 16 << 10;

/// An entry whose payload may have to be read.
pub(super) struct Wanted {
    pub(super) index: u64,
    pub(super) term: u64,
    pub(super) kind: u8,
    pub(super) length: u32,
    pub(super) place: Place,
    pub(super) payload: Option<Bytes>,
}

impl Wanted {
    pub(super) fn of(index: u64, slot: &Slot) -> Wanted {
        Wanted {
            index,
            term: slot.term,
            kind: slot.kind,
            length: slot.length,
            place: slot.place,
            payload: slot.payload.clone(),
        }
    }

    fn position(&self) -> Option<(u32, u64)> {
        match self.place {
            Place::At { generation, offset } if self.payload.is_none() => {
                Some((generation, u64::from(offset)))
            }
            _ => None,
        }
    }

    fn end(&self) -> u64 {
        self.position().map_or(0, |(_, offset)| offset + (RECORD_HEADER + self.length as usize) as u64)
    }
}

fn wanted(memory: &Memory, range: &Range<u64>, max_bytes: usize) -> Vec<Wanted> {
    let mut found = Vec::new();
    let mut bytes = 0_usize;
    for index in range.start.max(memory.first)..range.end.min(memory.end()) {
        let Some(slot) = memory.slot(index) else { break };
        bytes = bytes.saturating_add(slot.length as usize);
        if bytes > max_bytes && !found.is_empty() {
            break;
        }
        found.push(Wanted::of(index, slot));
    }
    found
}

/// Reads the entries in `range`, as many as `max_bytes` allow, at least one.
pub(super) fn entries(
    cell: &Arc<Cell>,
    segments: &Segments,
    range: &Range<u64>,
    max_bytes: usize,
) -> io::Result<Vec<LogEntry>> {
    let mut before: Option<(u64, Place)> = None;
    loop {
        let mut found = wanted(&cell.memory.lock(), range, max_bytes);
        let Err(failed) = load(cell.id, segments, &mut found) else {
            return Ok(found.into_iter().map(into_entry).collect());
        };
        // The writer may have moved the entry and reused its segment meanwhile. Then it is elsewhere now.
        let at = (failed.index, failed.place);
        if before == Some(at) {
            return Err(failed.error);
        }
        before = Some(at);
    }
}

fn into_entry(wanted: Wanted) -> LogEntry {
    let data = wanted.payload.expect("queued entries keep their payload, others were loaded");
    LogEntry { index: wanted.index, term: wanted.term, kind: wanted.kind, data }
}

/// An entry could not be read from where it was said to be.
pub(super) struct Failed {
    index: u64,
    place: Place,
    pub(super) error: io::Error,
}

/// Fills in the payloads that are not there.
pub(super) fn load(group: u32, segments: &Segments, wanted: &mut [Wanted]) -> Result<(), Failed> {
    let mut rest = wanted;
    loop {
        let Some(start) = rest.iter().position(|wanted| wanted.position().is_some()) else { return Ok(()) };
        rest = &mut rest[start..];
        let count = run(rest);
        let (now, later) = rest.split_at_mut(count);
        load_run(group, segments, now)?;
        rest = later;
    }
}

/// How many of the first wanted lie close enough together to be read at once.
fn run(wanted: &[Wanted]) -> usize {
    let Some((generation, start)) = wanted[0].position() else { return 1 };
    let mut end = wanted[0].end();
    let mut count = 1;
    for next in &wanted[1..] {
        let close = next.position().is_some_and(|(other, offset)| {
            let near = offset >= end && offset - end <= GAP_BYTES && next.end() - start <= SPAN_BYTES;
            other == generation && near
        });
        if !close {
            break;
        }
        end = next.end();
        count += 1;
    }
    count
}

fn load_run(group: u32, segments: &Segments, run: &mut [Wanted]) -> Result<(), Failed> {
    let Some((generation, start)) = run[0].position() else { return Ok(()) };
    let fail = |wanted: &Wanted, error| Failed { index: wanted.index, place: wanted.place, error };
    let Some(segment) = segments.get(generation) else {
        let error = io::Error::other(format!("segment {generation} of the log is gone"));
        return Err(fail(&run[0], error));
    };
    // The lengths are those of records that were verified when they were written or recovered.
    let span = run[run.len() - 1].end() - start;
    let mut buffer = vec![0; span as usize];
    let filled = segment.file.read_at(&mut buffer, start).map_err(|error| fail(&run[0], error))?;
    buffer.truncate(filled);
    let buffer = Bytes::from(buffer);
    for wanted in run {
        let Some((_, offset)) = wanted.position() else { continue };
        let from = ((offset - start) as usize).min(buffer.len());
        let to = (from + record_bytes(wanted.length as usize) as usize).min(buffer.len());
        let bytes = buffer.slice(from..to);
        let same = record::decode(&bytes, segment.stamp).is_some_and(|(header, _)| {
            let found = (header.kind, header.group, header.index, header.term, header.length);
            found == (Kind::Entry, group, wanted.index, wanted.term, wanted.length)
        });
        if !same {
            let text = format!("{}: damaged at offset {offset}: not the entry", segment.path.display());
            return Err(fail(wanted, io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        wanted.payload = Some(bytes.slice(RECORD_HEADER..RECORD_HEADER + wanted.length as usize));
    }
    Ok(())
}
