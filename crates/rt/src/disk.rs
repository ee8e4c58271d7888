//! The disk: files that are written, synced and renamed, and a simulated one that loses what was not synced.

use std::{io, path::Path};

/// A directory tree. Production has [`RealDisk`].
pub trait Disk: Send + Sync + 'static {
    /// Creates a directory and those above it.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Names in a directory, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Opens a file to read and write; `create` makes it if it is missing.
    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn File>>;
    /// Renames a file, replacing what had the name. Durable after [`Disk::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file. Durable after [`Disk::sync_dir`].
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// An open file.
pub trait File: Send + Sync {
    /// Reads as much as there is, at most the buffer, from `offset`.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`, growing the file if needed. Durable after [`File::sync`].
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes all writes durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
    /// Length in bytes.
    fn len(&self) -> io::Result<u64>;
    /// Cuts or extends with zeroes.
    fn set_len(&self, length: u64) -> io::Result<()>;
}
