//! What proxies send to shards for MULTI, WATCH and blocked clients; clients cannot call any of it.

pub(crate) mod exec;
pub(crate) mod timeout;
pub(crate) mod waiting;
pub(crate) mod watch;
