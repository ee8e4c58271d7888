//! Processes die, stand still and come back, while clients write.

use anyhow::{Context, Result, ensure};
use meridian_testkit::{Client, Cluster, Load, LoadOptions, Setup, Value};

use crate::WITHIN;

/// Writes that are acknowledged before and after a fault.
const AROUND: u64 = 200;

#[test]
fn a_power_cut_of_all_nodes_loses_nothing() {
    Setup::new(3).shards(4).run(|cluster| {
        let load = Load::start(LoadOptions::new(cluster.client_addresses()));
        load.wait_acknowledged(AROUND, WITHIN)?;
        for node in 0..3 {
            cluster.node(node).kill();
        }
        let record = load.stop()?;
        for node in [1, 2, 0] {
            cluster.start_node(node)?;
        }
        cluster.wait_ready()?;
        for node in 0..3 {
            record.verify(&mut cluster.client(node)?)?;
        }
        Ok(())
    });
}

#[test]
fn every_node_can_be_killed_stopped_and_halted_in_turn() {
    Setup::new(3).shards(4).run(|cluster| {
        let mut records = Vec::new();
        for node in 0..3 {
            for fault in [Fault::Kill, Fault::Stop, Fault::Pause] {
                let (record, gap) = around(cluster, node, |cluster| fault.strike(cluster, node))?;
                eprintln!("node {node}, {fault:?}: longest gap {} ms", gap.as_millis());
                // Coming back is not to be noticed either.
                let (back, gap) = around(cluster, node, |cluster| {
                    fault.heal(cluster, node)?;
                    cluster.wait_ready()
                })?;
                eprintln!("node {node}, back: longest gap {} ms", gap.as_millis());
                records.extend([record, back]);
            }
        }
        // At the end, so that what an earlier fault has kept is not lost by a later one.
        for (node, record) in records.iter().enumerate() {
            record.verify(&mut cluster.client(node % 3)?)?;
        }
        Ok(())
    });
}

/// What happens to a process.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// It dies.
    Kill,
    /// It is asked to stop, and does.
    Stop,
    /// It stands still.
    Pause,
}

impl Fault {
    fn strike(self, cluster: &mut Cluster, node: usize) -> Result<()> {
        match self {
            Fault::Kill => cluster.node(node).kill(),
            Fault::Stop => {
                let exit = cluster.node(node).stop(WITHIN)?;
                ensure!(exit.code == Some(0), "exit code {:?}\n{}", exit.code, exit.log);
            }
            Fault::Pause => cluster.node(node).pause()?,
        }
        Ok(())
    }

    fn heal(self, cluster: &mut Cluster, node: usize) -> Result<()> {
        match self {
            Fault::Kill | Fault::Stop => cluster.start_node(node),
            Fault::Pause => cluster.node(node).resume(),
        }
    }
}

#[test]
fn a_node_that_stood_still_does_not_answer_from_the_past() {
    Setup::new(3).run(|cluster| {
        let leader = cluster.busiest()?;
        let other = (leader + 1) % 3;
        let mut before = cluster.client(leader)?;
        before.call(&["SET", "stale", "old"])?;
        cluster.node(leader).pause()?;
        // Asked of a leader that does not yet know that it is none.
        before.send(&["GET", "stale"])?;
        cluster.client(other)?.call(&["SET", "stale", "new"])?;
        cluster.node(leader).resume()?;
        // The question came before the answer to the write: both values are right for it, but not for the next.
        let first = before.read()?;
        ensure!(matches!(first.as_str(), Some("old" | "new")), "{first:?}");
        let second = before.call(&["GET", "stale"])?;
        ensure!(second.as_str() == Some("new"), "{second:?} after {first:?}");
        cluster.wait_ready()
    });
}

#[test]
fn writers_at_a_node_that_stands_still_lose_nothing() {
    Setup::new(3).shards(4).run(|cluster| {
        let leader = cluster.busiest()?;
        let load = Load::start(LoadOptions::new(cluster.client_addresses()));
        load.wait_acknowledged(AROUND, WITHIN)?;
        cluster.node(leader).pause()?;
        load.wait_acknowledged(AROUND, WITHIN)?;
        cluster.node(leader).resume()?;
        cluster.wait_ready()?;
        load.wait_acknowledged(AROUND, WITHIN)?;
        let record = load.stop()?;
        let failures = record.failures(&[0, 1, 2]);
        ensure!(failures.is_empty(), "clients saw errors: {failures:#?}");
        record.verify(&mut cluster.client(leader)?)
    });
}

#[test]
fn without_a_majority_nothing_is_acknowledged() {
    Setup::new(3).setting("command_timeout = \"1s\"").run(|cluster| {
        let survivor = 0;
        cluster.client(survivor)?.call(&["SET", "a", "1"])?;
        cluster.node(1).kill();
        cluster.node(2).kill();
        let mut client = cluster.client(survivor)?;
        // Twice: the first may still be under way when the leader learns that it is alone.
        for _ in 0..2 {
            let refused = client.call(&["SET", "a", "2"]);
            ensure!(refused.is_err(), "acknowledged by one of three: {refused:?}");
        }
        cluster.start_node(1)?;
        cluster.wait_ready()?;
        let value = cluster.client(1)?.call(&["GET", "a"])?;
        ensure!(matches!(value.as_str(), Some("1" | "2")), "{value:?}");
        cluster.client(survivor)?.call(&["SET", "a", "3"])?;
        Ok(())
    });
}

#[test]
fn commands_wait_through_the_loss_of_their_leader() {
    Setup::new(3).run(|cluster| {
        let leader = cluster.busiest()?;
        let mut clients: Vec<Client> = Vec::new();
        for node in (0..3).filter(|node| *node != leader) {
            for _ in 0..20 {
                clients.push(cluster.client(node)?);
            }
        }
        cluster.node(leader).kill();
        // More than one command each, sent while nobody leads.
        for (index, client) in clients.iter_mut().enumerate() {
            client.send(&["INCR", "count"])?;
            client.send(&["SET", &format!("w:{index}"), "x"])?;
        }
        let mut seen = Vec::new();
        for client in &mut clients {
            seen.push(client.read()?.as_integer().context("INCR answers a number")?);
            ensure!(client.read()? == Value::Simple("OK".into()), "SET");
        }
        seen.sort_unstable();
        ensure!(seen.iter().copied().eq(1..=40), "every increment happened once: {seen:?}");
        Ok(())
    });
}

#[test]
fn wait_counts_those_who_have_it_and_no_others() {
    Setup::new(3).run(|cluster| {
        let leader = cluster.busiest()?;
        let [near, far] = [(leader + 1) % 3, (leader + 2) % 3];
        let mut clients = [cluster.client(leader)?, cluster.client(near)?];
        for client in &mut clients {
            client.call(&["SET", "a", "1"])?;
            ensure!(client.call(&["WAIT", "2", "0"])? == Value::Integer(2), "both others have it");
        }
        cluster.node(far).kill();
        for client in &mut clients {
            client.call(&["SET", "a", "2"])?;
            ensure!(client.call(&["WAIT", "2", "300"])? == Value::Integer(1), "one of the others has it");
            ensure!(client.call(&["WAIT", "1", "0"])? == Value::Integer(1), "one is enough");
            client.send(&["WAIT", "2", "0"])?;
        }
        cluster.start_node(far)?;
        for client in &mut clients {
            ensure!(client.read()? == Value::Integer(2), "until the third has it too");
        }
        Ok(())
    });
}

/// Does something to a node while clients write through the others, who must not notice more than a delay. Yields
/// what became of their writes, and the longest gap since the fault.
pub(crate) fn around(
    cluster: &mut Cluster,
    node: usize,
    fault: impl FnOnce(&mut Cluster) -> Result<()>,
) -> Result<(meridian_testkit::Record, std::time::Duration)> {
    let mut targets = cluster.client_addresses();
    targets.remove(node);
    let all: Vec<usize> = (0..targets.len()).collect();
    let load = Load::start(LoadOptions::new(targets));
    load.wait_acknowledged(AROUND, WITHIN)?;
    let from = load.now();
    fault(cluster)?;
    load.wait_acknowledged(AROUND, WITHIN)?;
    let to = load.now();
    let record = load.stop()?;
    let failures = record.failures(&all);
    ensure!(failures.is_empty(), "clients saw errors: {failures:#?}");
    let gap = record.longest_gap(&all, from, to);
    Ok((record, gap))
}
