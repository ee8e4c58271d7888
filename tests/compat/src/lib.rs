//! What the comparisons with a real Redis share: the server, started for one test and gone with it.

mod redis;

pub use redis::{Client, Redis};
