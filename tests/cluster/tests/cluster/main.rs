//! Clusters of real processes: how they form, what clients see while they break, and what is there afterwards.
//!
//! Every test has a cluster of its own. Tests whose module is called `timed` look at how long something takes, and run
//! while no other test does.

mod cases;
mod clients;
mod damage;
mod damaged_logs;
mod dev;
mod eviction;
mod faults;
mod forming;
mod garbage;
mod histories;
mod invocation;
mod large;
mod observed;
mod partitions;
mod scripts;
mod slow_disk;
mod timed;
mod tracking;
mod users;
mod waiting;

use std::time::Duration;

use anyhow::{Result, ensure};
use meridian_testkit::{Client, Value};

/// How long anything may take on a machine that is busy with other tests.
const WITHIN: Duration = Duration::from_secs(60);

/// Sets so many keys.
fn write(client: &mut Client, prefix: &str, count: usize) -> Result<()> {
    let commands: Vec<Vec<String>> = (0..count)
        .map(|index| vec!["SET".into(), format!("{prefix}:{index}"), format!("value {index}")])
        .collect();
    for reply in client.pipeline(&commands)? {
        ensure!(reply == Value::Simple("OK".into()), "SET: {reply:?}");
    }
    Ok(())
}

/// Checks that the keys of [`write`] are there.
fn read_back(client: &mut Client, prefix: &str, count: usize) -> Result<()> {
    let commands: Vec<Vec<String>> =
        (0..count).map(|index| vec!["GET".into(), format!("{prefix}:{index}")]).collect();
    for (index, reply) in client.pipeline(&commands)?.iter().enumerate() {
        let wanted = format!("value {index}");
        ensure!(reply.as_str() == Some(wanted.as_str()), "{prefix}:{index} is {reply:?}");
    }
    Ok(())
}
