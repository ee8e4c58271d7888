//! Comparisons with a real redis-server as oracle. Without one on `PATH` they say so and compare nothing.
//!
//! `MERIDIAN_SEEDS=7` or `=0..200` chooses the seeds of the random comparison.

#[path = "oracle/bare.rs"]
mod bare;
#[path = "oracle/cases.rs"]
mod cases;
#[path = "oracle/engine.rs"]
mod engine;
#[path = "oracle/random.rs"]
mod random;
#[path = "oracle/table.rs"]
mod table;

use meridian_command::CommandSpec;

/// Whether the installed Redis (7.0) has a command. The cases of others are blessed by the engine and read by people.
fn redis_knows(spec: &CommandSpec) -> bool {
    let mut version = spec.docs.since.split('.').map(|part| part.parse().unwrap_or(0));
    let since: [u32; 2] = [version.next().unwrap_or(0), version.next().unwrap_or(0)];
    spec.group.redis() != "json" && since <= [7, 0]
}
