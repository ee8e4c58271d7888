//! How long clients wait around a fault. The bounds leave room for a machine with other work; `cargo xtask bench` holds
//! the figures against what is wanted.

use std::time::Duration;

use anyhow::{Result, ensure};
use meridian_testkit::{Cluster, Setup, until};

use crate::{WITHIN, faults::around};

/// The longest gap in acknowledged writes after a node was killed is 1 s, and as much again for the machine.
const GAP_OF_KILL: Duration = Duration::from_secs(2);
/// A graceful stop hands leaders over: 50 ms, and room for the machine.
const GAP_OF_STOP: Duration = Duration::from_millis(500);
/// How often a node is stopped where the median counts. 50 ms are wanted, with a release build on a machine of its own.
const STOPS: usize = 10;
const GAP_MEDIAN: Duration = Duration::from_millis(100);

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

/// A node that leads most is stopped and comes back, ten times over: it hands its leaders over and is given leaders again.
#[test]
fn most_restarts_are_not_noticed() {
    Setup::new(3).shards(16).run(|cluster| {
        let (mut stops, mut returns) = (Vec::new(), Vec::new());
        for _ in 0..STOPS {
            let node = cluster.busiest()?;
            let (record, gap) = around(cluster, node, |cluster| {
                let exit = cluster.node(node).stop(WITHIN)?;
                ensure!(exit.code == Some(0), "exit code {:?}\n{}", exit.code, exit.log);
                Ok(())
            })?;
            stops.push(gap);
            record.verify(&mut cluster.client((node + 1) % 3)?)?;
            let (record, gap) = around(cluster, node, |cluster| {
                cluster.start_node(node)?;
                cluster.wait_ready()?;
                until(WITHIN, "leaders for the node that has come back", || {
                    cluster
                        .leaders()
                        .is_ok_and(|leaders| leaders.iter().filter(|leader| **leader == node).count() >= 4)
                })
            })?;
            returns.push(gap);
            record.verify(&mut cluster.client(node)?)?;
        }
        bounded("SIGTERM", stops)?;
        bounded("coming back", returns)
    });
}

fn bounded(what: &str, mut gaps: Vec<Duration>) -> Result<()> {
    gaps.sort_unstable();
    let (median, longest) = (gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
    eprintln!("{what}: median of the longest gaps {median:?}, of all {gaps:?}");
    ensure!(
        median <= GAP_MEDIAN && longest <= GAP_OF_STOP,
        "{what}: {gaps:?}, median at most {GAP_MEDIAN:?}"
    );
    Ok(())
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
