//! Conversions between messages and the words of the workspace, one file per message.
//!
//! Into a message always succeeds. Out of a message fails with [`Error`] where a field holds what it must not: nothing
//! that came over a socket or from a disk is trusted.

mod cluster_map;
mod database;
mod node;
mod shard;

pub use cluster_map::{bytes_of_u128, u128_of_bytes};

/// A message holds what it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// The field, as `message.field`.
    pub field: &'static str,
}

impl Error {
    pub(crate) fn at(field: &'static str) -> Error {
        Error { field }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the field {} of a message is invalid", self.field)
    }
}

impl std::error::Error for Error {}
