//! How long clients wait around faults, how long a restart takes, and what an idle cluster costs.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use meridian_testkit::{Cluster, Load, LoadOptions, cpu_time, until};

use super::{
    Effort,
    memory::fill,
    setup,
    table::{Goal, Spread, Table},
};

/// How long the writers go on before and after a fault.
const AROUND: u64 = 400;
const WITHIN: Duration = Duration::from_secs(60);

/// The longest gap in acknowledged writes around a kill of the busiest node, and around its graceful stop.
pub(super) fn failover(binary: &Path, effort: Effort, table: &mut Table) -> Result<()> {
    let mut cluster = setup(binary, 3, 4).start()?;
    let mut killed = Vec::new();
    let mut stopped = Vec::new();
    for _ in 0..effort.rounds {
        killed.push(gap(&mut cluster, |cluster, node| {
            cluster.node(node).kill();
            Ok(())
        })?);
        stopped.push(gap(&mut cluster, |cluster, node| {
            let exit = cluster.node(node).stop(WITHIN)?;
            ensure!(exit.code == Some(0), "a graceful stop ends with {:?}", exit.code);
            Ok(())
        })?);
    }
    table.add("kill -9 of the busiest node: gap ms", Goal::at_most(1000.0, 500.0), Spread::of(killed));
    table.add("graceful stop of the busiest node: gap ms", Goal::at_most(50.0, 50.0), Spread::of(stopped));
    Ok(())
}

/// Ends the busiest node under load through the others, in milliseconds; then brings it back.
fn gap(cluster: &mut Cluster, end: impl FnOnce(&mut Cluster, usize) -> Result<()>) -> Result<f64> {
    let node = cluster.busiest()?;
    let mut targets = cluster.client_addresses();
    targets.remove(node);
    let all: Vec<usize> = (0..targets.len()).collect();
    let load = Load::start(LoadOptions { rate: 1000.0, ..LoadOptions::new(targets) });
    load.wait_acknowledged(AROUND, WITHIN)?;
    let from = load.now();
    end(cluster, node)?;
    load.wait_acknowledged(AROUND, WITHIN)?;
    let record = load.stop()?;
    let failures = record.failures(&all);
    ensure!(failures.is_empty(), "clients saw errors: {:?}", failures.first());
    let survivor = (0..cluster.len()).find(|index| *index != node).unwrap_or_default();
    record.verify(&mut cluster.client(survivor)?)?;
    cluster.start_node(node)?;
    cluster.wait_ready()?;
    Ok(record.longest_gap(&all, from, Duration::MAX).as_secs_f64() * 1e3)
}

/// How long after its start a node with many keys serves them.
pub(super) fn restart(binary: &Path, effort: Effort, table: &mut Table) -> Result<()> {
    let mut cluster = setup(binary, 3, 4).start()?;
    fill(&mut cluster.client(0)?, "mem:", effort.keys, 8)?;
    let mut seconds = Vec::new();
    for _ in 0..effort.rounds.min(3) {
        cluster.node(0).kill();
        let begun = Instant::now();
        cluster.start_node(0)?;
        until(WITHIN, "a restarted node", || {
            let served =
                cluster.client(0).and_then(|mut client| Ok(client.call(&["GET", "mem:000000000000"])?));
            let caught_up = || {
                let shards = cluster.status(0)?.shards()?;
                let behind =
                    |shard: &meridian_testkit::Shard| shard.voters.values().any(|lag| *lag != Some(0));
                ensure!(!shards.iter().any(behind), "a replica is behind");
                anyhow::Ok(())
            };
            served.is_ok() && caught_up().is_ok()
        })?;
        seconds.push(begun.elapsed().as_secs_f64());
        cluster.wait_ready()?;
    }
    let goal = Goal::at_most(5.0, 5.0);
    table.add(&format!("restart of a node with {} keys: s", effort.keys), goal, Spread::of(seconds));
    Ok(())
}

/// The CPU of a process of a cluster that nobody uses.
pub(super) fn idle(binary: &Path, effort: Effort, table: &mut Table) -> Result<()> {
    let cluster = setup(binary, 3, 16).start()?;
    let processes = cluster.process_ids();
    let mut parts = Vec::new();
    for _ in 0..effort.rounds {
        let (before, begun) = (cpu_time(&processes)?, Instant::now());
        thread::sleep(Duration::from_secs_f64(effort.seconds * 3.0));
        let used = cpu_time(&processes)?.saturating_sub(before);
        parts.push(100.0 * used.as_secs_f64() / begun.elapsed().as_secs_f64() / processes.len() as f64);
    }
    table.add("idle, 16 shards: % of a core per process", Goal::at_most(2.0, 2.0), Spread::of(parts));
    Ok(())
}
