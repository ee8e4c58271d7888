//! What the comparisons with a real Redis share: the server, the engine alone, and case files.

mod bare;
pub mod case;
pub mod files;
mod redis;

pub use bare::Bare;
pub use redis::{Client, Redis};
