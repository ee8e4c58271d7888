//! Comparisons with a real redis-server as oracle. Without one on `PATH` they say so and compare nothing.
//!
//! `MERIDIAN_SEEDS=7` or `=0..200` chooses the seeds of the random comparison.

#[path = "oracle/cases.rs"]
mod cases;
#[path = "oracle/determinism.rs"]
mod determinism;
#[path = "oracle/dump.rs"]
mod dump;
#[path = "oracle/engine.rs"]
mod engine;
#[path = "oracle/hyperloglog.rs"]
mod hyperloglog;
#[path = "oracle/random.rs"]
mod random;
#[path = "oracle/table.rs"]
mod table;

use meridian_command::CommandSpec;

/// Whether the installed Redis (7.0) has a command. The cases of others are blessed by the engine and read by people.
fn redis_knows(spec: &CommandSpec) -> bool {
    spec.group.redis() != "json" && is_of_redis(spec.docs.since)
}

/// Whether the installed Redis has all options of a command.
fn redis_knows_all(spec: &CommandSpec) -> bool {
    redis_knows(spec) && spec.docs.args.iter().all(|arg| arg.since.is_none_or(is_of_redis))
}

/// Whether a version is that of the installed Redis or older.
fn is_of_redis(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let since: [u32; 2] = [parts.next().unwrap_or(0), parts.next().unwrap_or(0)];
    since <= [7, 0]
}
