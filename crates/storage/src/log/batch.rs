//! One write: the records of everything that waited, encoded into as few buffers as possible.

use std::{io, mem, ops::Range};

use bytes::Bytes;
use crc32fast::Hasher;
use meridian_rt::disk::File;

use super::record::{ALIGNMENT, Header, RECORD_HEADER, Stamp, start_hash};

/// A payload of at least this size is written from where it is instead of being copied.
const SHARED_MIN: usize = 32 << 10;
/// A buffer that has grown beyond this is not kept for the next batch.
const BUFFER_KEPT: usize = 8 << 20;

enum Piece {
    Copied(Range<usize>),
    Shared(Bytes),
}

/// Records that are written together.
pub(super) struct Batch {
    stamp: Stamp,
    number: u32,
    /// Where in the segment the batch begins.
    offset: u64,
    length: u64,
    buffer: Vec<u8>,
    pieces: Vec<Piece>,
    /// Bytes of `buffer` that are in `pieces`.
    pieced: usize,
    /// The newest record: not yet encoded, because it may be the last.
    open: Option<(usize, Header, Hasher)>,
}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch {
            stamp: Stamp { generation: 0, salt: 0 },
            number: 0,
            offset: 0,
            length: 0,
            buffer: Vec::new(),
            pieces: Vec::new(),
            pieced: 0,
            open: None,
        }
    }

    /// Begins anew, at a place in a segment.
    pub(super) fn start(&mut self, stamp: Stamp, number: u32, offset: u64) {
        self.pieces.clear();
        if self.buffer.capacity() > BUFFER_KEPT {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        (self.stamp, self.number, self.offset) = (stamp, number, offset);
        (self.length, self.pieced, self.open) = (0, 0, None);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Where in the segment the batch ends.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.length
    }

    /// Adds a record and says where in the segment it is.
    pub(super) fn push(&mut self, mut header: Header, payload: &Bytes) -> u64 {
        header.length = payload.len() as u32;
        header.batch = self.number;
        header.first = self.is_empty();
        self.close_record(false);
        let at = self.buffer.len();
        self.buffer.resize(at + RECORD_HEADER, 0);
        let mut hasher = start_hash(self.stamp);
        hasher.update(payload);
        if payload.len() >= SHARED_MIN {
            self.pieces.push(Piece::Copied(self.pieced..self.buffer.len()));
            self.pieced = self.buffer.len();
            self.pieces.push(Piece::Shared(payload.clone()));
        } else {
            self.buffer.extend_from_slice(payload);
        }
        let length = RECORD_HEADER + payload.len();
        let padded = length.next_multiple_of(ALIGNMENT);
        self.buffer.resize(self.buffer.len() + padded - length, 0);
        self.open = Some((at, header, hasher));
        let offset = self.end();
        self.length += padded as u64;
        offset
    }

    fn close_record(&mut self, last: bool) {
        if let Some((at, mut header, hasher)) = self.open.take() {
            header.last = last;
            let bytes = header.encode(self.stamp, hasher);
            self.buffer[at..at + RECORD_HEADER].copy_from_slice(&bytes);
        }
    }

    /// Writes the batch to its segment; it is not durable yet.
    pub(super) fn write(&mut self, file: &dyn File) -> io::Result<()> {
        self.close_record(true);
        let rest = mem::replace(&mut self.pieced, self.buffer.len())..self.buffer.len();
        self.pieces.push(Piece::Copied(rest));
        let mut offset = self.offset;
        for piece in &self.pieces {
            let bytes = match piece {
                Piece::Copied(range) => &self.buffer[range.clone()],
                Piece::Shared(bytes) => &bytes[..],
            };
            if !bytes.is_empty() {
                file.write_at(bytes, offset)?;
            }
            offset += bytes.len() as u64;
        }
        // The payloads belong to others.
        self.pieces.clear();
        Ok(())
    }
}
