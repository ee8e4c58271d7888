//! Reads a segment from front to back, batch by batch, and judges where it ends.
//!
//! A batch counts only whole: one that was not synced was not acknowledged, so what a crash has left of it is cut. But
//! if a later batch is behind the damage, then the damaged one had been synced, and the disk has lost what it promised.

use std::{io, path::Path};

use meridian_rt::disk::File;

use super::record::{
    ALIGNMENT, Header, Kind, PAYLOAD_MAX, RECORD_HEADER, SEGMENT_HEADER, Stamp, claimed_length, decode,
    record_bytes,
};
use crate::OpenError;

const WINDOW_BYTES: usize = 1 << 20;
/// Zeroes are skipped in steps of this.
const SKIP_BYTES: usize = 4 << 10;

/// Reads a file through a buffer.
struct Window<'a> {
    file: &'a dyn File,
    length: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn File) -> io::Result<Window<'a>> {
        Ok(Window { file, length: file.len()?, start: 0, buffer: Vec::new() })
    }

    /// Bytes from `offset` on, `wanted` of them unless the file ends before.
    fn at(&mut self, offset: u64, wanted: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.length.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = wanted.min(left);
        if wanted == 0 {
            return Ok(&[]);
        }
        let has = (self.start + self.buffer.len() as u64).saturating_sub(offset);
        if offset < self.start || has < wanted as u64 {
            self.buffer.resize(wanted.max(WINDOW_BYTES.min(left)), 0);
            let filled = self.file.read_at(&mut self.buffer, offset)?;
            self.buffer.truncate(filled);
            self.start = offset;
        }
        let from = (offset - self.start) as usize;
        Ok(&self.buffer[from..self.buffer.len().min(from + wanted)])
    }

    fn record(&mut self, offset: u64, stamp: Stamp) -> io::Result<Option<(Header, &[u8])>> {
        let header = self.at(offset, RECORD_HEADER)?;
        if header.len() < RECORD_HEADER {
            return Ok(None);
        }
        let Some(length) = claimed_length(header, stamp) else { return Ok(None) };
        // More than the file holds is never read, whatever length is claimed.
        let bytes = self.at(offset, RECORD_HEADER + length.min(PAYLOAD_MAX))?;
        Ok(decode(bytes, stamp))
    }
}

/// A record of a whole batch.
pub(super) struct Record {
    pub(super) header: Header,
    pub(super) offset: u64,
    /// Empty for entries, which stay on disk.
    pub(super) payload: Vec<u8>,
}

/// How a segment ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    /// Where the last whole batch ends.
    pub(super) offset: u64,
    /// Its number.
    pub(super) batch: u32,
    /// The segment was ended by its writer.
    pub(super) sealed: bool,
    /// Where the first record is that cannot be read; the same as `offset` or within the batch that was cut.
    pub(super) unreadable: u64,
    /// Records of the batch that was cut are left behind the end.
    pub(super) remains: bool,
}

/// Reads a segment and hands over the records of whole batches.
pub(super) fn read_segment(
    path: &Path,
    file: &dyn File,
    stamp: Stamp,
    newest: bool,
    mut each: impl FnMut(Record),
) -> Result<End, OpenError> {
    let mut window = Window::new(file).map_err(OpenError::io(path))?;
    let mut end =
        End { offset: SEGMENT_HEADER as u64, batch: 0, sealed: false, unreadable: 0, remains: false };
    let mut offset = end.offset;
    let mut batch: Vec<Record> = Vec::new();
    while !end.sealed {
        let Some((header, payload)) = window.record(offset, stamp).map_err(OpenError::io(path))? else {
            break;
        };
        if header.batch != end.batch + 1 || header.first != batch.is_empty() {
            break;
        }
        let keep = header.kind != Kind::Entry;
        let payload = if keep { payload.to_vec() } else { Vec::new() };
        batch.push(Record { header, offset, payload });
        offset += record_bytes(header.length as usize);
        if header.last {
            end.sealed = header.kind == Kind::Seal;
            end.offset = offset;
            end.batch = header.batch;
            batch.drain(..).for_each(&mut each);
        }
    }
    end.unreadable = offset;
    if end.sealed {
        return Ok(end);
    }
    if !newest {
        return Err(OpenError::corrupt(path, offset, "no record, but the log goes on in the next segment"));
    }
    end.remains = judge_tail(path, &mut window, stamp, offset, end.batch + 1)? || !batch.is_empty();
    Ok(end)
}

/// Looks behind what cannot be read for records: of `cut`, the batch that may be torn, or of later ones, which tell
/// that it was not torn but synced.
fn judge_tail(
    path: &Path,
    window: &mut Window<'_>,
    stamp: Stamp,
    unreadable: u64,
    cut: u32,
) -> Result<bool, OpenError> {
    let mut remains = false;
    let mut offset = unreadable;
    while offset < window.length {
        let skip = window.at(offset, SKIP_BYTES).map_err(OpenError::io(path))?;
        if skip.iter().all(|byte| *byte == 0) {
            // A header has its length of zeroes at most, so one that begins in here reaches out of it.
            let skipped = skip.len().saturating_sub(RECORD_HEADER).max(ALIGNMENT);
            offset += skipped as u64;
            continue;
        }
        let until = (offset + skip.len() as u64).min(window.length);
        while offset < until {
            let found = window.record(offset, stamp).map_err(OpenError::io(path))?;
            match found.map(|(header, _)| header) {
                Some(header) if header.batch > cut => {
                    let what = format!("unreadable, though batch {} was written behind it", header.batch);
                    return Err(OpenError::corrupt(path, unreadable, what));
                }
                Some(header) => {
                    remains |= header.batch == cut;
                    offset += record_bytes(header.length as usize);
                }
                None => offset += ALIGNMENT as u64,
            }
        }
    }
    Ok(remains)
}
