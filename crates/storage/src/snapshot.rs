//! Snapshot files: of each group the newest, and those that are being written or received.
//!
//! A file gets its final name only when it is whole and durable. What supersedes it removes it, but not before the
//! last handle is gone: a transfer to a follower reads on undisturbed.
//!
//! `0000000003-0000000000000012.snapshot` is the 12th of group 3. `….partial` is being received: it outlives the
//! process, and the transfer of the same snapshot continues in it. `….tmp` is being built, and worthless after a crash.

mod format;
mod read;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use meridian_rt::{
    disk::{Disk, File},
    random,
};
use parking_lot::Mutex;

use self::format::{Header, Trailer};
pub use self::{read::SnapshotReader, write::SnapshotWriter};
use crate::OpenError;

/// A node's snapshots; clones are the same.
#[derive(Clone)]
pub struct Snapshots(Arc<Store>);

struct Store {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    temporaries: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    latest: BTreeMap<u32, Numbered>,
    /// Partial files that someone writes to.
    receiving: BTreeSet<PathBuf>,
}

struct Numbered {
    number: u64,
    file: SnapshotFile,
}

impl Snapshots {
    /// Opens the snapshots in a directory, which is created if it is missing.
    ///
    /// # Errors
    /// If the disk fails, or a group's newest snapshot is not whole; the error names the file.
    pub fn open(disk: Arc<dyn Disk>, directory: &Path) -> Result<Snapshots, OpenError> {
        disk.create_dir_all(directory).map_err(OpenError::io(directory))?;
        let mut newest: BTreeMap<u32, u64> = BTreeMap::new();
        let mut obsolete = Vec::new();
        for name in disk.list(directory).map_err(OpenError::io(directory))? {
            match parse_name(&name) {
                Named::Whole(group, number) => {
                    if let Some(older) = newest.insert(group, number) {
                        obsolete.push(whole_path(directory, group, older));
                    }
                }
                Named::Temporary => obsolete.push(directory.join(name)),
                Named::Partial(_) | Named::Other => {}
            }
        }
        for path in obsolete {
            disk.remove(&path).map_err(OpenError::io(&path))?;
        }
        // What a killed process has renamed is relied on from now on.
        disk.sync_dir(directory).map_err(OpenError::io(directory))?;
        let mut state = State::default();
        for (group, number) in newest {
            let path = whole_path(directory, group, number);
            let file = open_whole(&disk, path, group)?;
            state.latest.insert(group, Numbered { number, file });
        }
        let directory = directory.to_owned();
        let temporaries = AtomicU64::new(0);
        Ok(Snapshots(Arc::new(Store { disk, directory, temporaries, state: Mutex::new(state) })))
    }

    /// The newest snapshot of a group.
    pub fn latest(&self, group: u32) -> Option<SnapshotFile> {
        self.0.state.lock().latest.get(&group).map(|numbered| numbered.file.clone())
    }

    /// Begins a snapshot of a group; `meta` is whatever its reader needs to know first.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn create(&self, group: u32, meta: Bytes) -> io::Result<SnapshotWriter> {
        let number = self.0.temporaries.fetch_add(1, Relaxed);
        let path = self.0.directory.join(format!("{group:010}-{number:016}.tmp"));
        SnapshotWriter::create(self.clone(), path, Header { group, id: random::next_u128(), meta })
    }

    /// Begins or continues to receive the snapshot `id` of another node: [`SnapshotWriter::bytes`] says from where.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] while another writer receives the same one; or if the disk fails.
    pub fn receive(&self, group: u32, id: u128, meta: Bytes) -> io::Result<SnapshotWriter> {
        let path = self.0.directory.join(format!("{group:010}-{id:032x}.partial"));
        if !self.0.state.lock().receiving.insert(path.clone()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let writer = SnapshotWriter::resume(self.clone(), path.clone(), Header { group, id, meta });
        if writer.is_err() {
            self.0.state.lock().receiving.remove(&path);
        }
        writer
    }

    /// Forgets a group's snapshots.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn remove_group(&self, group: u32) -> io::Result<()> {
        let mut state = self.0.state.lock();
        if let Some(numbered) = state.latest.remove(&group) {
            numbered.file.supersede();
        }
        self.0.remove_partials(&state, group)?;
        drop(state);
        self.0.disk.sync_dir(&self.0.directory)
    }

    /// Gives a whole and durable file its name, and supersedes the group's older snapshot.
    fn install(&self, written: &Path, group: u32) -> io::Result<SnapshotFile> {
        let mut state = self.0.state.lock();
        let number = state.latest.get(&group).map_or(1, |latest| latest.number + 1);
        let path = whole_path(&self.0.directory, group, number);
        self.0.disk.rename(written, &path)?;
        self.0.disk.sync_dir(&self.0.directory)?;
        let file = open_whole(&self.0.disk, path, group).map_err(|error| match error {
            OpenError::Io { source, .. } => source,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        })?;
        if let Some(older) = state.latest.insert(group, Numbered { number, file: file.clone() }) {
            older.file.supersede();
        }
        state.receiving.remove(written);
        self.0.remove_partials(&state, group)?;
        Ok(file)
    }

    fn stop_receiving(&self, path: &Path) {
        self.0.state.lock().receiving.remove(path);
    }
}

impl Store {
    /// Removes what was received of a group's other snapshots and is of no use any more.
    fn remove_partials(&self, state: &State, group: u32) -> io::Result<()> {
        for name in self.disk.list(&self.directory)? {
            let path = self.directory.join(&name);
            if matches!(parse_name(&name), Named::Partial(of) if of == group)
                && !state.receiving.contains(&path)
            {
                self.disk.remove(&path)?;
            }
        }
        Ok(())
    }
}

/// A whole snapshot; clones are the same file, which stays as long as one of them.
#[derive(Clone)]
pub struct SnapshotFile(Arc<Opened>);

struct Opened {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Box<dyn File>,
    header: Header,
    trailer: Trailer,
    /// Where the trailer begins.
    end: u64,
    superseded: AtomicBool,
}

impl SnapshotFile {
    /// The group whose state it is.
    pub fn group(&self) -> u32 {
        self.0.header.group
    }

    /// Identifies the snapshot on all nodes that receive it.
    pub fn id(&self) -> u128 {
        self.0.header.id
    }

    /// What its writer gave for the reader to know first.
    pub fn meta(&self) -> &Bytes {
        &self.0.header.meta
    }

    /// Bytes of all chunks.
    pub fn bytes(&self) -> u64 {
        self.0.trailer.bytes
    }

    /// Reads the chunks as they were written, each verified.
    pub fn reader(&self) -> SnapshotReader {
        SnapshotReader::new(self.clone())
    }

    /// Reads the chunks behind the first `bytes` bytes of chunks.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if no chunk begins there; or if the disk fails.
    pub fn reader_at(&self, bytes: u64) -> io::Result<SnapshotReader> {
        let mut reader = self.reader();
        reader.skip_to(bytes)?;
        Ok(reader)
    }

    fn supersede(&self) {
        self.0.superseded.store(true, Relaxed);
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if self.superseded.load(Relaxed)
            && let Err(error) = self.disk.remove(&self.path)
        {
            tracing::info!(path = %self.path.display(), %error, "an old snapshot stays until the next start");
        }
    }
}

fn open_whole(disk: &Arc<dyn Disk>, path: PathBuf, group: u32) -> Result<SnapshotFile, OpenError> {
    let file = disk.open(&path, false).map_err(OpenError::io(&path))?;
    let (header, _) = Header::read(&path, &*file)?;
    if header.group != group {
        return Err(OpenError::corrupt(&path, 0, format!("the snapshot of group {}", header.group)));
    }
    let (trailer, end) = Trailer::read(&path, &*file)?;
    let superseded = AtomicBool::new(false);
    let opened = Opened { disk: disk.clone(), path, file, header, trailer, end, superseded };
    Ok(SnapshotFile(Arc::new(opened)))
}

enum Named {
    Whole(u32, u64),
    Partial(u32),
    Temporary,
    Other,
}

fn whole_path(directory: &Path, group: u32, number: u64) -> PathBuf {
    directory.join(format!("{group:010}-{number:016}.snapshot"))
}

fn parse_name(name: &str) -> Named {
    let parts = name.split_once('.').and_then(|(stem, kind)| {
        let (group, rest) = stem.split_once('-')?;
        Some((group.parse().ok()?, rest, kind))
    });
    match parts {
        Some((group, number, "snapshot")) => {
            number.parse().map_or(Named::Other, |number| Named::Whole(group, number))
        }
        Some((group, _, "partial")) => Named::Partial(group),
        Some((_, _, "tmp")) => Named::Temporary,
        _ => Named::Other,
    }
}

#[cfg(test)]
mod tests;
