//! Comparisons with a real redis-server as oracle. Without one on `PATH` they say so and compare nothing.

#[path = "oracle/table.rs"]
mod table;
