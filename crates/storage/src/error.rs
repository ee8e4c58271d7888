//! Why something on disk is not opened. Every message is one line and names the file.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::Identity;

/// Why a log, a snapshot store or a data directory is refused.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The disk failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not hold what was once written and acknowledged.
    #[error("{}: damaged at offset {offset}: {what}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A file between others is gone.
    #[error("{}: missing, though later segments of the log exist", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A later version of meridian wrote it.
    #[error("{}: has format {found}, but this version reads at most format {known}", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format that this version reads.
        known: u32,
    },
    /// Another process has the directory.
    #[error("{}: in use by another process", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory is another node's.
    #[error(
        "{}: belongs to node {} of cluster {:032x}, not to node {} of cluster {:032x}",
        path.display(), found.node, found.cluster, wanted.node, wanted.cluster
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: Identity,
        /// Whose it was expected to be.
        wanted: Identity,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
        move |source| OpenError::Io { path: path.to_owned(), source }
    }

    pub(crate) fn corrupt(path: &Path, offset: u64, what: impl Into<String>) -> OpenError {
        OpenError::Corrupt { path: path.to_owned(), offset, what: what.into() }
    }
}
