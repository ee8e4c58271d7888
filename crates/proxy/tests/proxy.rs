//! The proxy as clients see it: real sockets, shards replaced by a map in memory, a real Redis beside it as oracle.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "proxy/administration.rs"]
mod administration;
#[path = "proxy/channels.rs"]
mod channels;
#[path = "proxy/golden.rs"]
mod golden;
#[path = "proxy/memory.rs"]
mod memory;
#[path = "proxy/oracle.rs"]
mod oracle;
#[path = "proxy/peer.rs"]
mod peer;
#[path = "proxy/protocol.rs"]
mod protocol;
#[path = "proxy/sockets.rs"]
mod sockets;
#[path = "proxy/tracking.rs"]
mod tracking;
#[path = "proxy/users.rs"]
mod users;
