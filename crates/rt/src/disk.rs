//! The disk: files that are written, synced and renamed, and a simulated one that loses what was not synced.
//!
//! [`RealDisk`] is the machine's. [`SimDisk`] lives in memory, outlives a crash of its host, and then holds only what
//! a real disk may hold after a power cut; it needs no simulation around it, so unit tests use it too.

mod real;
mod sim;

use std::{io, path::Path, time::Duration};

pub use real::RealDisk;
pub use sim::{SimDisk, SimDisks};

/// A directory tree. Production has [`RealDisk`].
pub trait Disk: Send + Sync + 'static {
    /// Creates a directory and those above it, durably.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Names of the files in a directory, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    /// Opens a file to read and write; `create` makes it if it is missing.
    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn File>>;
    /// Renames a file, replacing what had the name. Durable after [`Disk::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file. Durable after [`Disk::sync_dir`].
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Takes a file for this process alone, creating it if needed; [`io::ErrorKind::WouldBlock`] if another has it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
    /// How long a simulated device takes for a sync; a real one takes its time by itself.
    fn sync_delay(&self) -> Duration {
        Duration::ZERO
    }
}

/// An open file.
#[expect(clippy::len_without_is_empty, reason = "nobody asks a file whether it is empty")]
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

/// A held lock; dropping it lets others take it.
pub trait Lock: Send + Sync {}
