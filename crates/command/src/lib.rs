//! The vocabulary of commands: what exists, how it is called, how it answers.
//!
//! Pure data and codecs, no I/O. A command stands in one row of one table ([`table`]); lookup, arity check, key
//! extraction, routing, ACL categories and `COMMAND`'s answers are derived from the row.

pub mod acl;
mod args;
pub mod doc;
pub mod document;
mod error;
mod glob;
pub mod introspect;
mod keys;
pub mod number;
pub mod quotes;
mod reply;
pub mod settings;
pub mod shebang;
mod spec;
pub mod table;
mod wait;
pub mod wire;

pub use acl::Categories;
pub use args::Args;
pub use error::ReplyError;
pub use glob::glob_match;
pub use keys::{Begin, Find, KeyFlags, KeyPositions, KeySpec, Narrow};
pub use reply::{Protocol, ReplyWriter};
pub use spec::{Access, Arity, Channels, CommandSpec, Flags, Group, Merge, Route};
pub use table::{Command, Container, EngineCommand, ProxyCommand, lookup, resolve, rows};
pub use wait::Wait;
