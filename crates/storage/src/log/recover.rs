//! Opens a log: reads its segments in order and rebuilds what memory held.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use meridian_rt::disk::{Disk, File};

use super::{
    LogPosition,
    group::{Groups, Memory, Place, Slot},
    record::{self, BadHeader, Header, Kind, SEGMENT_HEADER, Stamp},
    scan::{self, End, Record},
    segment::{Named, Segment, Segments, name, segment_path},
    usage::{Markers, SegmentUsage, Usage},
};
use crate::OpenError;

/// What was found on disk.
pub(super) struct Recovered {
    pub(super) groups: Groups,
    pub(super) segments: Segments,
    pub(super) usage: Usage,
    /// Files that may become segments.
    pub(super) spares: Vec<PathBuf>,
    /// The newest segment, and how it ends; `None` in a new log.
    pub(super) newest: Option<(Arc<Segment>, End)>,
}

/// What the records read so far add up to, for one group.
#[derive(Default)]
struct Replayed {
    markers: Markers,
    entries: BTreeMap<u64, Slot>,
}

#[derive(Default)]
struct Replay {
    groups: BTreeMap<u32, Replayed>,
}

pub(super) fn recover(disk: &dyn Disk, directory: &Path) -> Result<Recovered, OpenError> {
    let mut generations = Vec::new();
    let mut spares = Vec::new();
    for file in disk.list(directory).map_err(OpenError::io(directory))? {
        match name(&file) {
            Named::Segment(generation) => generations.push(generation),
            Named::Spare => spares.push(directory.join(file)),
            Named::Other => tracing::info!(file, "not a file of the log; left alone"),
        }
    }
    check_complete(directory, &generations)?;
    let mut replay = Replay::default();
    let segments = Segments::default();
    let mut usage = Usage::default();
    let mut newest = None;
    for &generation in &generations {
        let is_newest = generations.last() == Some(&generation);
        let segment = open_segment(disk, directory, generation)?;
        let mut each = |record: Record| replay.apply(generation, record);
        let end = scan::read_segment(&segment.path, &*segment.file, segment.stamp, is_newest, &mut each)?;
        if is_newest {
            // A process that was killed may leave here what is not durable yet. From now on it is relied on.
            segment.file.sync().map_err(OpenError::io(&segment.path))?;
        }
        usage.segments.insert(generation, SegmentUsage { used: end.offset, ..SegmentUsage::default() });
        segments.insert(segment.clone());
        newest = Some((segment, end));
    }
    disk.sync_dir(directory).map_err(OpenError::io(directory))?;
    let groups = Groups::default();
    for (id, replayed) in replay.groups {
        let (memory, markers) = replayed.into_memory(id, directory, &mut usage)?;
        usage.markers.insert(id, markers);
        *groups.get_or_create(id).memory.lock() = memory;
    }
    Ok(Recovered { groups, segments, usage, spares, newest })
}

fn check_complete(directory: &Path, generations: &[u32]) -> Result<(), OpenError> {
    for pair in generations.windows(2) {
        if pair[1] != pair[0] + 1 {
            return Err(OpenError::Missing { path: segment_path(directory, pair[0] + 1) });
        }
    }
    Ok(())
}

fn open_segment(disk: &dyn Disk, directory: &Path, generation: u32) -> Result<Arc<Segment>, OpenError> {
    let path = segment_path(directory, generation);
    let file = disk.open(&path, false).map_err(OpenError::io(&path))?;
    let stamp = read_stamp(&path, &*file)?;
    if stamp.generation != generation {
        let what = format!("generation {} under the name of another", stamp.generation);
        return Err(OpenError::corrupt(&path, 0, what));
    }
    Ok(Arc::new(Segment { path, stamp, file }))
}

fn read_stamp(path: &Path, file: &dyn File) -> Result<Stamp, OpenError> {
    let mut bytes = [0; SEGMENT_HEADER];
    let filled = file.read_at(&mut bytes, 0).map_err(OpenError::io(path))?;
    record::decode_segment_header(&bytes[..filled]).map_err(|bad| match bad {
        BadHeader::Damaged => OpenError::corrupt(path, 0, "no header of a log segment"),
        BadHeader::NewerFormat(found) => {
            OpenError::NewerFormat { path: path.to_owned(), found, known: record::FORMAT }
        }
    })
}

impl Replay {
    fn apply(&mut self, generation: u32, record: Record) {
        let Record { header, offset, payload } = record;
        if header.kind == Kind::Seal {
            return;
        }
        if header.kind == Kind::Remove {
            self.groups.remove(&header.group);
            return;
        }
        let group = self.groups.entry(header.group).or_default();
        match header.kind {
            Kind::Entry => group.entry(&header, Place::At { generation, offset: offset as u32 }),
            Kind::Vote => group.markers.vote = Some((Bytes::from(payload), generation)),
            Kind::Committed => group.markers.committed = Some((Bytes::from(payload), generation)),
            Kind::Truncate if header.entry_kind == 1 => group.entries.clear(),
            Kind::Truncate => drop(group.entries.split_off(&header.index.saturating_add(1))),
            Kind::Purge => group.purge(LogPosition { term: header.term, index: header.index }, generation),
            Kind::Remove | Kind::Seal => {}
        }
    }
}

impl Replayed {
    fn entry(&mut self, header: &Header, place: Place) {
        if self.markers.purged.is_some_and(|(purged, _)| header.index <= purged.index) {
            return;
        }
        if !header.moved {
            self.entries.split_off(&header.index);
        }
        let slot =
            Slot { term: header.term, place, payload: None, length: header.length, kind: header.entry_kind };
        self.entries.insert(header.index, slot);
    }

    fn purge(&mut self, upto: LogPosition, generation: u32) {
        if self.markers.purged.is_none_or(|(purged, _)| purged.index <= upto.index) {
            self.markers.purged = Some((upto, generation));
            self.entries = self.entries.split_off(&upto.index.saturating_add(1));
        }
    }

    fn into_memory(
        self,
        id: u32,
        directory: &Path,
        usage: &mut Usage,
    ) -> Result<(Memory, Markers), OpenError> {
        let Replayed { markers, entries } = self;
        let purged = markers.purged.map(|(purged, _)| purged);
        let mut memory = Memory {
            vote: markers.vote.as_ref().map(|(vote, _)| vote.clone()),
            committed: markers.committed.as_ref().map(|(committed, _)| committed.clone()),
            purged,
            ..Memory::default()
        };
        let expected = purged.map(|purged| purged.index.saturating_add(1));
        memory.first = expected.or(entries.keys().next().copied()).unwrap_or(0);
        for (index, slot) in entries {
            if index != memory.end() {
                let what = format!("entry {} of group {id} is missing", memory.end());
                return Err(OpenError::corrupt(directory, 0, what));
            }
            if let Place::At { generation, .. } = slot.place {
                usage.add(generation, id, slot.bytes());
            }
            memory.bytes += slot.bytes();
            memory.slots.push_back(slot);
        }
        Ok((memory, markers))
    }
}
