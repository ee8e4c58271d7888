//! A node's data directory: held by one process at a time, and by one node of one cluster for ever.
//!
//! `lock` is held while the process lives. `identity` says whose directory it is; it is written once, when the node
//! joins, and is text so that an operator can read it. `log/` and `snapshots/` belong to the other modules.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use meridian_rt::disk::{Disk, Lock};

use crate::OpenError;

/// Format of a data directory that this version writes.
const FORMAT: u32 = 1;
const TITLE: &str = "meridian data directory, format ";
/// No identity file is longer.
const IDENTITY_BYTES: usize = 512;

/// Whose directory it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster's id.
    pub cluster: u128,
    /// The node's id in the cluster.
    pub node: u64,
}

/// An open data directory; dropping it lets another process open it.
pub struct DataDir {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    identity: Option<Identity>,
    _lock: Box<dyn Lock>,
}

impl DataDir {
    /// Opens a directory, which is created if it is missing, for this process alone.
    ///
    /// # Errors
    /// If another process has it, a newer version has written it, its identity is damaged, or the disk fails.
    pub fn open(disk: Arc<dyn Disk>, path: &Path) -> Result<DataDir, OpenError> {
        disk.create_dir_all(path).map_err(OpenError::io(path))?;
        let lock_path = path.join("lock");
        let lock = disk.lock(&lock_path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse { path: path.to_owned() },
            _ => OpenError::io(&lock_path)(error),
        })?;
        let identity = read_identity(&*disk, &path.join("identity"))?;
        Ok(DataDir { disk, path: path.to_owned(), identity, _lock: lock })
    }

    /// Whose directory it is; `None` if it was never claimed.
    pub fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// Makes the directory that of a node for ever, durably; nothing happens if it is so already.
    ///
    /// # Errors
    /// If it is another's, or the disk fails.
    pub fn claim(&mut self, wanted: Identity) -> Result<(), OpenError> {
        match self.identity {
            Some(found) if found == wanted => Ok(()),
            Some(found) => Err(OpenError::Foreign { path: self.path.clone(), found, wanted }),
            None => {
                self.write_identity(wanted).map_err(OpenError::io(&self.path.join("identity")))?;
                self.identity = Some(wanted);
                Ok(())
            }
        }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the log is.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Where the snapshots are.
    pub fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }

    fn write_identity(&self, identity: Identity) -> io::Result<()> {
        let temporary = self.path.join("identity.tmp");
        let file = self.disk.open(&temporary, true)?;
        file.set_len(0)?;
        file.write_at(encode(identity).as_bytes(), 0)?;
        file.sync()?;
        self.disk.rename(&temporary, &self.path.join("identity"))?;
        self.disk.sync_dir(&self.path)
    }
}

fn encode(identity: Identity) -> String {
    let text = format!("{TITLE}{FORMAT}\ncluster {:032x}\nnode {}\n", identity.cluster, identity.node);
    let crc = crc32fast::hash(text.as_bytes());
    format!("{text}checksum {crc:08x}\n")
}

fn read_identity(disk: &dyn Disk, path: &Path) -> Result<Option<Identity>, OpenError> {
    let file = match disk.open(path, false) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(path)(error)),
    };
    let mut bytes = [0; IDENTITY_BYTES];
    let length = file.read_at(&mut bytes, 0).map_err(OpenError::io(path))?;
    let text = std::str::from_utf8(&bytes[..length]).unwrap_or_default();
    let title = text.lines().next().and_then(|line| line.strip_prefix(TITLE));
    match title.and_then(|format| format.parse().ok()) {
        Some(FORMAT) => {}
        Some(found) if found > FORMAT => {
            return Err(OpenError::NewerFormat { path: path.to_owned(), found, known: FORMAT });
        }
        _ => return Err(OpenError::corrupt(path, 0, "no identity of a data directory")),
    }
    match decode(text) {
        Some(identity) if encode(identity) == text => Ok(Some(identity)),
        _ => Err(OpenError::corrupt(path, 0, "the checksum does not match")),
    }
}

fn decode(text: &str) -> Option<Identity> {
    let mut lines = text.lines().skip(1);
    let cluster = u128::from_str_radix(lines.next()?.strip_prefix("cluster ")?, 16).ok()?;
    let node = lines.next()?.strip_prefix("node ")?.parse().ok()?;
    Some(Identity { cluster, node })
}

#[cfg(test)]
mod tests {
    use meridian_rt::disk::{RealDisk, SimDisk};

    use super::*;

    const MINE: Identity = Identity { cluster: 0xabc, node: 3 };

    #[test]
    fn a_directory_is_one_nodes_for_ever() {
        let disk = SimDisk::new(5);
        let mut directory = DataDir::open(disk.mount(), Path::new("/data")).unwrap();
        assert_eq!(directory.identity(), None);
        directory.claim(MINE).unwrap();
        disk.crash();
        let mut directory = DataDir::open(disk.mount(), Path::new("/data")).unwrap();
        assert_eq!(directory.identity(), Some(MINE));
        directory.claim(MINE).unwrap();
        let error = directory.claim(Identity { cluster: 0xabd, node: 3 }).unwrap_err().to_string();
        assert!(error.starts_with("/data: ") && error.contains("0abd") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn two_processes_never_share_a_directory() {
        let directory = tempfile::tempdir().unwrap();
        let open = || DataDir::open(Arc::new(RealDisk), &directory.path().join("x"));
        let held = open().unwrap();
        assert!(matches!(open(), Err(OpenError::InUse { .. })));
        drop(held);
        open().unwrap();
    }

    #[test]
    fn a_damaged_identity_and_a_newer_format_are_refused() {
        let disk = SimDisk::new(5);
        DataDir::open(disk.mount(), Path::new("/data")).unwrap().claim(MINE).unwrap();
        let path = Path::new("/data/identity");
        let good = encode(MINE);
        for at in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1;
            disk.mount().open(path, false).unwrap().write_at(&bytes, 0).unwrap();
            assert!(DataDir::open(disk.mount(), Path::new("/data")).is_err(), "byte {at}");
        }
        let newer = good.replace("format 1", "format 2");
        disk.mount().open(path, false).unwrap().write_at(newer.as_bytes(), 0).unwrap();
        let opened = DataDir::open(disk.mount(), Path::new("/data"));
        assert!(matches!(opened, Err(OpenError::NewerFormat { found: 2, known: 1, .. })));
    }
}
