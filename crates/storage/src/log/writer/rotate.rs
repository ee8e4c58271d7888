//! Ends a segment, begins the next, and gives up those that are no longer needed.

use std::{io, path::Path, sync::Arc};

use bytes::Bytes;
use meridian_rt::{disk::Disk, random};

use super::{Active, Writer};
use crate::log::{
    batch::Batch,
    record::{Header, Kind, SEGMENT_HEADER, Stamp, encode_segment_header, record_bytes},
    segment::{Segment, Segments, segment_path},
    spare::Spares,
    usage::SegmentUsage,
};

impl Writer {
    /// Whether so many bytes, and the seal after them, fit into the active segment. An empty one takes anything.
    pub(super) fn fits(&self, bytes: u64) -> bool {
        let empty = self.active.offset == SEGMENT_HEADER as u64;
        empty || self.active.offset + bytes + record_bytes(0) <= self.active.capacity
    }

    /// What the next segment should have room for: small logs have small segments.
    pub(super) fn next_capacity(&self) -> u64 {
        (self.active.capacity * 4).min(self.options.segment_bytes)
    }

    /// Seals the active segment, durably, and begins the next.
    pub(super) fn rotate(&mut self) -> io::Result<()> {
        let mut seal = Batch::new();
        seal.start(self.active.segment.stamp, self.active.batch + 1, self.active.offset);
        seal.push(Header::new(Kind::Seal, 0, 0, 0), &Bytes::new());
        seal.write(&*self.active.segment.file)?;
        self.active.segment.file.sync()?;
        let generation = self.active.generation() + 1;
        let (disk, capacity) = (&*self.disk, self.next_capacity());
        self.active =
            begin_segment(disk, &self.directory, &self.spares, &self.segments, generation, capacity)?;
        self.usage.segments.insert(generation, SegmentUsage::default());
        Ok(())
    }

    /// Gives up the oldest segments, as long as nothing in them matters any more.
    pub(super) fn retire(&mut self) {
        while let Some((generation, _)) = self.usage.oldest()
            && self.usage.is_dead(generation)
        {
            self.usage.segments.remove(&generation);
            if let Some(segment) = self.segments.remove(generation) {
                self.spares.recycle(segment.path.clone(), generation, self.options.segment_bytes);
            }
        }
    }
}

/// Begins a segment in a spare file. If none is ready, in a new one that grows up to `capacity`: that is slower, but
/// not as slow as to wait.
pub(in crate::log) fn begin_segment(
    disk: &dyn Disk,
    directory: &Path,
    spares: &Spares,
    segments: &Segments,
    generation: u32,
    capacity: u64,
) -> io::Result<Active> {
    let stamp = Stamp { generation, salt: random::next_u64() as u32 };
    let ready = spares.take();
    let zeroed = ready.is_some();
    let spare = ready.map_or_else(|| spares.create_empty(), Ok)?;
    let file = disk.open(&spare, false)?;
    file.write_at(&encode_segment_header(stamp), 0)?;
    file.sync()?;
    let capacity = if zeroed { file.len()? } else { capacity };
    // Only a file with a durable header gets a segment's name.
    let path = segment_path(directory, generation);
    disk.rename(&spare, &path)?;
    disk.sync_dir(directory)?;
    let segment = Arc::new(Segment { path, stamp, file });
    segments.insert(segment.clone());
    Ok(Active { segment, offset: SEGMENT_HEADER as u64, batch: 0, capacity })
}
