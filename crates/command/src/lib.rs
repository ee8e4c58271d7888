//! The vocabulary of commands: what exists, how it is called, how it answers.
//!
//! Pure data and codecs, no I/O. A command stands in one row of one table ([`table`]); lookup, arity check, key
//! extraction, routing, ACL categories and `COMMAND`'s answers are derived from the row.

mod args;
mod error;
mod reply;
mod spec;
pub mod table;
pub mod wire;

pub use args::Args;
pub use error::ReplyError;
pub use reply::{Protocol, ReplyWriter};
pub use spec::{Access, Arity, CommandSpec, Flags, Group, KeyAccess, KeySpec, Merge, Route};
pub use table::{Command, EngineCommand, ProxyCommand, lookup};
