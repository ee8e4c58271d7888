//! Snapshots: writing them, keeping the newest, sending it to a replica that is too far behind for the log.
//!
//! A file holds the state machine's chunks, each behind its length, cut into blocks of even size. A transfer that breaks
//! off goes on with the next block.

mod build;
mod frames;
mod receive;
mod send;
mod shelf;

pub(crate) use build::Builder;
pub(crate) use receive::{offered, receive};
pub(crate) use send::send;
pub(crate) use shelf::{Data, Shelf};

/// A file's data is in blocks of this size; one block is one message.
const BLOCK_BYTES: usize = 256 << 10;
