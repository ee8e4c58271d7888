//! Reads a snapshot's chunks.

use std::io;

use bytes::Bytes;

use super::{
    SnapshotFile,
    format::{CHUNK_HEADER, ChunkHeader, Header, Trailer},
};

/// So much is read at once, or a whole chunk if it is longer.
const BUFFER_BYTES: u64 = 512 << 10;

/// The chunks of a snapshot, as they were written. Ends after the first error.
pub struct SnapshotReader {
    file: SnapshotFile,
    /// Where the next chunk begins; 0 before the first.
    offset: u64,
    /// Bytes of the file from `offset` on.
    buffer: Bytes,
    read: Trailer,
    ended: bool,
}

impl SnapshotReader {
    pub(super) fn new(file: SnapshotFile) -> SnapshotReader {
        SnapshotReader { file, offset: 0, buffer: Bytes::new(), read: Trailer::default(), ended: false }
    }

    /// The snapshot that is read.
    pub fn file(&self) -> &SnapshotFile {
        &self.file
    }

    /// Bytes of all chunks read so far.
    pub fn bytes(&self) -> u64 {
        self.read.bytes
    }

    pub(super) fn skip_to(&mut self, bytes: u64) -> io::Result<()> {
        while self.read.bytes < bytes {
            let Some(header) = self.header()? else { break };
            self.check_inside(header.length)?;
            self.advance(header.length);
        }
        if self.read.bytes == bytes {
            Ok(())
        } else {
            let text = format!("no chunk begins behind {bytes} bytes of the snapshot");
            Err(io::Error::new(io::ErrorKind::InvalidInput, text))
        }
    }

    fn step(&mut self) -> io::Result<Option<Bytes>> {
        let Some(header) = self.header()? else {
            return if self.read == self.file.0.trailer { Ok(None) } else { Err(self.damaged()) };
        };
        self.check_inside(header.length)?;
        self.fill(CHUNK_HEADER + header.length)?;
        let chunk = self.buffer.slice(CHUNK_HEADER..CHUNK_HEADER + header.length);
        if !header.matches(self.read.chunks, &chunk) {
            return Err(self.damaged());
        }
        self.advance(header.length);
        Ok(Some(chunk))
    }

    /// The next chunk's header; `None` where the trailer begins.
    fn header(&mut self) -> io::Result<Option<ChunkHeader>> {
        if self.offset == 0 {
            let opened = &self.file.0;
            let (_, end) = Header::read(&opened.path, &*opened.file).map_err(io::Error::other)?;
            self.offset = end;
        }
        if self.offset == self.file.0.end {
            return Ok(None);
        }
        self.fill(CHUNK_HEADER)?;
        match ChunkHeader::decode(&self.buffer) {
            Some(header) => Ok(Some(header)),
            None => Err(self.damaged()),
        }
    }

    fn check_inside(&self, length: usize) -> io::Result<()> {
        let inside = self.offset + (CHUNK_HEADER + length) as u64 <= self.file.0.end;
        if inside { Ok(()) } else { Err(self.damaged()) }
    }

    fn advance(&mut self, length: usize) {
        let length = CHUNK_HEADER + length;
        self.buffer = self.buffer.slice(length.min(self.buffer.len())..);
        self.offset += length as u64;
        self.read.chunks += 1;
        self.read.bytes += (length - CHUNK_HEADER) as u64;
    }

    /// Makes sure that the buffer holds `wanted` bytes, which the file has.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        if self.buffer.len() >= wanted {
            return Ok(());
        }
        let opened = &self.file.0;
        let left = opened.end.saturating_sub(self.offset);
        let mut buffer = vec![0; left.min(BUFFER_BYTES.max(wanted as u64)) as usize];
        let filled = opened.file.read_at(&mut buffer, self.offset)?;
        buffer.truncate(filled);
        self.buffer = buffer.into();
        if filled < wanted { Err(self.damaged()) } else { Ok(()) }
    }

    fn damaged(&self) -> io::Error {
        let path = self.file.0.path.display();
        let text = format!("{path}: damaged at offset {}: not chunk {}", self.offset, self.read.chunks);
        io::Error::new(io::ErrorKind::InvalidData, text)
    }
}

impl Iterator for SnapshotReader {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.ended {
            return None;
        }
        let step = self.step().transpose();
        self.ended = !matches!(step, Some(Ok(_)));
        step
    }
}
