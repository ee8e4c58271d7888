//! What the comparisons with a real Redis share: the server, and case files.

pub mod case;
mod redis;

pub use redis::{Client, Redis};
