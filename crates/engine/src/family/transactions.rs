//! What proxies send to shards for MULTI, WATCH and blocked clients; clients cannot call any of it.

pub(crate) mod exec;
#[allow(dead_code, reason = "for blocking commands")]
pub(crate) mod timeout;
pub(crate) mod waiting;
pub(crate) mod watch;
