//! Snapshots: writing them, keeping the newest, sending it to a replica that is too far behind for the log.
//!
//! A file holds the state machine's chunks, each behind its length. Where files are cut into messages or blocks is
//! therefore nobody's business but the disk's and the network's.

mod build;
mod frames;
mod receive;
mod send;
mod shelf;

pub(crate) use build::Builder;
pub(crate) use receive::{offered, receive};
pub(crate) use send::send;
pub(crate) use shelf::{Data, Shelf};
