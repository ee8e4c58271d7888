//! How long clients wait around a fault. The bounds leave room for a machine with other work; `cargo xtask bench` holds
//! the figures against what is wanted.

use std::time::Duration;

use anyhow::{Result, ensure};
use meridian_testkit::{Cluster, Setup};

use crate::{WITHIN, faults::around};

/// The longest gap in acknowledged writes after a node was killed is 1 s, and as much again for the machine.
const GAP_OF_KILL: Duration = Duration::from_secs(2);
/// A graceful stop hands leaders over: 50 ms, and room for the machine.
const GAP_OF_STOP: Duration = Duration::from_millis(500);

#[test]
fn the_kill_of_the_busiest_node_is_a_short_gap() {
    Setup::new(3).shards(4).run(|cluster| {
        let node = cluster.busiest()?;
        measured(cluster, "kill -9", node, GAP_OF_KILL, |cluster| {
            cluster.node(node).kill();
            Ok(())
        })
    });
}

#[test]
fn a_graceful_stop_is_hardly_noticed() {
    Setup::new(3).shards(4).run(|cluster| {
        let node = cluster.busiest()?;
        measured(cluster, "SIGTERM", node, GAP_OF_STOP, |cluster| {
            let exit = cluster.node(node).stop(WITHIN)?;
            ensure!(exit.code == Some(0), "exit code {:?}\n{}", exit.code, exit.log);
            Ok(())
        })
    });
}

#[test]
fn a_leader_that_stands_still_is_replaced() {
    Setup::new(3).shards(4).run(|cluster| {
        let node = cluster.busiest()?;
        measured(cluster, "SIGSTOP", node, 2 * GAP_OF_KILL, |cluster| cluster.node(node).pause())?;
        cluster.node(node).resume()?;
        cluster.wait_ready()
    });
}

fn measured(
    cluster: &mut Cluster,
    what: &str,
    node: usize,
    bound: Duration,
    fault: impl FnOnce(&mut Cluster) -> Result<()>,
) -> Result<()> {
    let (record, gap) = around(cluster, node, fault)?;
    eprintln!("{what}: longest gap {} ms, {} writes acknowledged", gap.as_millis(), record.acknowledged());
    record.verify(&mut cluster.client((node + 1) % cluster.len())?)?;
    ensure!(gap <= bound, "{what}: a gap of {gap:?}, at most {bound:?} is allowed");
    Ok(())
}
