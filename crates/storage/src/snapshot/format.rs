//! The bytes of a snapshot file.
//!
//! ```text
//! header   magic 8 | format u32 | group u32 | id u128 | meta length u32 | crc u32 of all of it | meta
//! chunk    length u32 | crc u32 of its number and its bytes | bytes
//! trailer  u32::MAX | crc u32 | chunks u64 | bytes u64
//! ```

use std::path::Path;

use bytes::Bytes;
use crc32fast::Hasher;
use meridian_rt::disk::File;

use crate::OpenError;

const FORMAT: u32 = 1;
const MAGIC: [u8; 8] = *b"mrdnsnap";
const HEADER_BYTES: usize = 40;
/// Length of what precedes a chunk's bytes.
pub(super) const CHUNK_HEADER: usize = 8;
const TRAILER_BYTES: usize = 24;
/// What stands for a chunk's length where the chunks end.
const NO_CHUNK: u32 = u32::MAX;

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) group: u32,
    pub(super) id: u128,
    pub(super) meta: Bytes,
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.meta.len());
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.group.to_le_bytes());
        bytes.extend_from_slice(&self.id.to_le_bytes());
        bytes.extend_from_slice(&(self.meta.len() as u32).to_le_bytes());
        let mut hasher = Hasher::new();
        hasher.update(&bytes);
        hasher.update(&self.meta);
        bytes.extend_from_slice(&hasher.finalize().to_le_bytes());
        bytes.extend_from_slice(&self.meta);
        bytes
    }

    /// Reads the header and says where it ends.
    pub(super) fn read(path: &Path, file: &dyn File) -> Result<(Header, u64), OpenError> {
        let damaged = || OpenError::corrupt(path, 0, "no header of a snapshot");
        let mut head = [0; HEADER_BYTES];
        let filled = file.read_at(&mut head, 0).map_err(OpenError::io(path))?;
        if filled < HEADER_BYTES || head[..8] != MAGIC {
            return Err(damaged());
        }
        let length = u32_at(&head, 32) as usize;
        let whole = file.len().map_err(OpenError::io(path))?;
        if (HEADER_BYTES + length) as u64 > whole {
            return Err(damaged());
        }
        let mut meta = vec![0; length];
        let filled = file.read_at(&mut meta, HEADER_BYTES as u64).map_err(OpenError::io(path))?;
        let mut hasher = Hasher::new();
        hasher.update(&head[..36]);
        hasher.update(&meta);
        if filled < length || hasher.finalize() != u32_at(&head, 36) {
            return Err(damaged());
        }
        let found = u32_at(&head, 8);
        if found != FORMAT {
            return Err(OpenError::NewerFormat { path: path.to_owned(), found, known: FORMAT });
        }
        let id = u128::from_le_bytes(head[16..32].try_into().expect("sixteen bytes"));
        let header = Header { group: u32_at(&head, 12), id, meta: meta.into() };
        Ok((header, (HEADER_BYTES + length) as u64))
    }
}

/// What precedes a chunk's bytes.
pub(super) fn chunk_header(number: u64, chunk: &[u8]) -> [u8; CHUNK_HEADER] {
    let mut bytes = [0; CHUNK_HEADER];
    bytes[..4].copy_from_slice(&(chunk.len() as u32).to_le_bytes());
    bytes[4..].copy_from_slice(&chunk_crc(number, chunk).to_le_bytes());
    bytes
}

fn chunk_crc(number: u64, chunk: &[u8]) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(chunk);
    hasher.finalize()
}

/// A chunk's length and checksum, as its header says.
pub(super) struct ChunkHeader {
    pub(super) length: usize,
    crc: u32,
}

impl ChunkHeader {
    /// `None` where the chunks end.
    pub(super) fn decode(bytes: &[u8]) -> Option<ChunkHeader> {
        let length = u32_at(bytes, 0);
        (length != NO_CHUNK).then(|| ChunkHeader { length: length as usize, crc: u32_at(bytes, 4) })
    }

    pub(super) fn matches(&self, number: u64, chunk: &[u8]) -> bool {
        chunk.len() == self.length && chunk_crc(number, chunk) == self.crc
    }
}

/// What all chunks add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) chunks: u64,
    pub(super) bytes: u64,
}

impl Trailer {
    pub(super) fn encode(self) -> [u8; TRAILER_BYTES] {
        let mut bytes = [0; TRAILER_BYTES];
        bytes[..4].copy_from_slice(&NO_CHUNK.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.chunks.to_le_bytes());
        bytes[16..].copy_from_slice(&self.bytes.to_le_bytes());
        let crc = crc32fast::hash(&bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the trailer at a file's end and says where it begins.
    pub(super) fn read(path: &Path, file: &dyn File) -> Result<(Trailer, u64), OpenError> {
        let length = file.len().map_err(OpenError::io(path))?;
        let start = length.saturating_sub(TRAILER_BYTES as u64);
        let mut bytes = [0; TRAILER_BYTES];
        file.read_at(&mut bytes, start).map_err(OpenError::io(path))?;
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let trailer = Trailer { chunks: u64_at(8), bytes: u64_at(16) };
        if trailer.encode() == bytes {
            Ok((trailer, start))
        } else {
            Err(OpenError::corrupt(path, start, "no trailer of a snapshot"))
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
