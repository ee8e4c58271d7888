//! Bytes to requests, and replies back to values. Sans-IO: the caller owns the buffers and the sockets.
//!
//! The server's side is [`RequestParser`], written by hand because it runs for every command: it resumes where it
//! stopped, yields ranges instead of copies, allocates nothing from a declared length and cannot recurse. The client's
//! side is [`Value`], decoded by `redis-protocol` after [`ReplyScanner`] has checked length and depth (its decoder
//! recurses, and would overflow the stack on a hostile reply). Replies are written by
//! [`meridian_command::ReplyWriter`].

mod number;
mod reply;
mod request;
mod value;

pub use reply::{Elements, Malformed, ReplyScanner, elements, reply_length};
pub use request::{Limits, Progress, ProtocolError, RequestParser};
pub use value::{Value, decode, write_command};
