//! A disk that takes long holds up those who need it, and nobody else.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use meridian_testkit::{Client, Cluster, Setup, SlowSync};

/// How long a sync takes on the slow disk.
const SLOW: Duration = Duration::from_millis(400);
/// Writes whose median is looked at.
const WRITES: usize = 15;

/// A key of every shard, with the node that leads it.
fn keys_by_leader(cluster: &Cluster) -> Result<Vec<(String, usize)>> {
    let shards = cluster.status(0)?.shards()?;
    // The meta group comes first.
    let leaders = cluster.leaders()?;
    let mut client = cluster.client(0)?;
    let mut keys = Vec::new();
    for (shard, leader) in shards.iter().zip(leaders).skip(1) {
        let (first, last) = *shard.slots.first().context("a shard without slots")?;
        for number in 0.. {
            let key = format!("key:{number}");
            let slot = client.call(&["CLUSTER", "KEYSLOT", &key])?.as_integer().context("a slot")?;
            if (i64::from(first)..=i64::from(last)).contains(&slot) {
                keys.push((key, leader));
                break;
            }
        }
    }
    Ok(keys)
}

/// The median time of a write.
fn median(client: &mut Client, key: &str) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..WRITES {
        let begun = std::time::Instant::now();
        client.call(&["SET", key, "value"])?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[WRITES / 2])
}

#[test]
fn a_slow_disk_holds_up_no_shard_of_another_node() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let slow = SlowSync::new(folder.path())?;
    Setup::new(3).shards(6).run_unformed(|cluster| {
        let node = 2;
        cluster.node(node).kill();
        cluster.node(node).set_environment(slow.environment());
        cluster.start_node(node)?;
        cluster.init()?;
        cluster.wait_ready()?;
        let keys = keys_by_leader(cluster)?;
        ensure!(keys.iter().any(|(_, leader)| *leader == node), "the node leads nothing: {keys:?}");
        slow.set(SLOW)?;
        // Through every node, the slow one too: whoever writes elsewhere does not wait for its disk.
        for through in 0..3 {
            let mut client = cluster.client(through)?;
            for (key, leader) in &keys {
                let median = median(&mut client, key)?;
                eprintln!("through node {through}, led by node {leader}: {} ms", median.as_millis());
                ensure!(*leader == node || median < SLOW / 2, "a write at node {leader} takes {median:?}");
            }
        }
        slow.set(Duration::ZERO)?;
        cluster.wait_ready()
    });
    Ok(())
}
