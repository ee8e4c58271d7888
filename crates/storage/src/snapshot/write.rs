//! Writes a snapshot, built here or received.

use std::{io, mem, path::PathBuf};

use meridian_rt::disk::File;

use super::{
    SnapshotFile, Snapshots,
    format::{CHUNK_HEADER, ChunkHeader, Header, Trailer, chunk_header},
};

/// Chunks gather up to this before they are written.
const BUFFER_BYTES: usize = 256 << 10;
/// So much is synced at once, so that the log's own syncs never wait for a whole snapshot.
const SYNC_BYTES: u64 = 4 << 20;
/// The longest chunk.
pub(super) const CHUNK_MAX: usize = 64 << 20;

/// A snapshot that is being written. Dropped before [`SnapshotWriter::finish`], a built one is gone, and what was
/// received is kept for [`Snapshots::receive`] to continue.
pub struct SnapshotWriter {
    snapshots: Snapshots,
    path: PathBuf,
    file: Box<dyn File>,
    group: u32,
    received: bool,
    buffer: Vec<u8>,
    /// Where the buffer belongs.
    offset: u64,
    unsynced: u64,
    written: Trailer,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Open,
    /// Something could not be written: what follows would have a hole before it.
    Failed,
    Finished,
}

impl SnapshotWriter {
    pub(super) fn create(snapshots: Snapshots, path: PathBuf, header: Header) -> io::Result<SnapshotWriter> {
        let file = snapshots.0.disk.open(&path, true)?;
        Ok(SnapshotWriter::start(snapshots, path, file, &header, false))
    }

    pub(super) fn resume(snapshots: Snapshots, path: PathBuf, header: Header) -> io::Result<SnapshotWriter> {
        let file = snapshots.0.disk.open(&path, true)?;
        let found = match Header::read(&path, &*file) {
            Ok((found, end)) if found == header => Some(end),
            // Nothing, or nothing of use: it is received from the start.
            _ => None,
        };
        let Some(mut offset) = found else {
            file.set_len(0)?;
            return Ok(SnapshotWriter::start(snapshots, path, file, &header, true));
        };
        let mut written = Trailer::default();
        while let Some(length) = whole_chunk(&*file, offset, written.chunks)? {
            written.chunks += 1;
            written.bytes += length;
            offset += CHUNK_HEADER as u64 + length;
        }
        file.set_len(offset)?;
        let mut writer = SnapshotWriter::start(snapshots, path, file, &header, true);
        writer.buffer.clear();
        (writer.offset, writer.written) = (offset, written);
        Ok(writer)
    }

    fn start(
        snapshots: Snapshots,
        path: PathBuf,
        file: Box<dyn File>,
        header: &Header,
        received: bool,
    ) -> SnapshotWriter {
        SnapshotWriter {
            snapshots,
            path,
            file,
            group: header.group,
            received,
            buffer: header.encode(),
            offset: 0,
            unsynced: 0,
            written: Trailer::default(),
            state: State::Open,
        }
    }

    /// Bytes of all chunks so far, those of an earlier transfer included.
    pub fn bytes(&self) -> u64 {
        self.written.bytes
    }

    /// Adds a chunk of at most 64 MiB. An empty one adds nothing, so that each chunk begins at its own byte.
    ///
    /// # Errors
    /// If the disk fails; then nothing more can be written.
    pub fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        if chunk.len() > CHUNK_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the chunk is too long"));
        }
        if chunk.is_empty() {
            return Ok(());
        }
        self.buffer.extend_from_slice(&chunk_header(self.written.chunks, chunk));
        self.buffer.extend_from_slice(chunk);
        self.written.chunks += 1;
        self.written.bytes += chunk.len() as u64;
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Makes the snapshot durable and the group's newest.
    ///
    /// # Errors
    /// If the disk fails; the group's older snapshot then stays.
    pub fn finish(mut self) -> io::Result<SnapshotFile> {
        self.buffer.extend_from_slice(&self.written.encode());
        self.flush()?;
        self.file.sync()?;
        let file = self.snapshots.install(&self.path, self.group)?;
        self.state = State::Finished;
        Ok(file)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.state != State::Open {
            return Err(io::Error::other("an earlier write of this snapshot failed"));
        }
        let buffer = mem::take(&mut self.buffer);
        let outcome = self.write_through(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        if outcome.is_err() {
            self.state = State::Failed;
        }
        outcome
    }

    fn write_through(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        self.unsynced += bytes.len() as u64;
        if self.unsynced >= SYNC_BYTES {
            self.file.sync()?;
            self.unsynced = 0;
        }
        Ok(())
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if self.state == State::Finished {
            return;
        }
        let kept = if self.received {
            let flushed = if self.state == State::Open { self.flush() } else { Ok(()) };
            self.snapshots.stop_receiving(&self.path);
            flushed
        } else {
            self.snapshots.0.disk.remove(&self.path)
        };
        if let Err(error) = kept {
            tracing::info!(path = %self.path.display(), %error, "an unfinished snapshot is left as it is");
        }
    }
}

/// The length of the chunk at `offset`, if it is whole.
fn whole_chunk(file: &dyn File, offset: u64, number: u64) -> io::Result<Option<u64>> {
    let mut head = [0; CHUNK_HEADER];
    if file.read_at(&mut head, offset)? < CHUNK_HEADER {
        return Ok(None);
    }
    let Some(header) = ChunkHeader::decode(&head) else { return Ok(None) };
    let start = offset + CHUNK_HEADER as u64;
    if header.length == 0 || start + header.length as u64 > file.len()? {
        return Ok(None);
    }
    let mut chunk = vec![0; header.length];
    let filled = file.read_at(&mut chunk, start)?;
    Ok(header.matches(number, &chunk[..filled]).then_some(filled as u64))
}
