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
