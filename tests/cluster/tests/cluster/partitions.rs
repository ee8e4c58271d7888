//! Lines between nodes break, in both directions or in one.

use std::sync::Arc;

use anyhow::{Result, ensure};
use meridian_testkit::{Load, LoadOptions, Network, Setup};

use crate::{
    WITHIN,
    histories::{Run, leader, verify},
};

/// Writes that are acknowledged before and after a line breaks.
const AROUND: u64 = 200;

/// The directions in which nothing arrives.
#[derive(Clone, Copy, Debug)]
enum Lost {
    Both,
    FromIt,
    ToIt,
}

impl Lost {
    const ALL: [Lost; 3] = [Lost::Both, Lost::FromIt, Lost::ToIt];

    fn lines(self, node: usize, other: usize) -> Vec<(usize, usize)> {
        match self {
            Lost::Both => vec![(node, other), (other, node)],
            Lost::FromIt => vec![(node, other)],
            Lost::ToIt => vec![(other, node)],
        }
    }

    fn cut(self, network: &Network, node: usize, other: usize) -> Result<()> {
        self.lines(node, other).into_iter().try_for_each(|(from, to)| network.cut(from, to))
    }

    fn mend(self, network: &Network, node: usize, other: usize) -> Result<()> {
        self.lines(node, other).into_iter().try_for_each(|(from, to)| network.mend(from, to))
    }
}

fn others(node: usize) -> impl Iterator<Item = usize> {
    (0..3).filter(move |other| *other != node)
}

/// A network of three hosts, if one may be made here.
fn network() -> Result<Option<Arc<Network>>> {
    let network = Network::new(3)?;
    if network.is_none() {
        eprintln!("SKIPPED: network namespaces cannot be made here");
    }
    Ok(network.map(Arc::new))
}

#[test]
fn clients_of_the_others_wait_a_moment_when_a_leader_is_cut_off() -> Result<()> {
    let Some(network) = network()? else { return Ok(()) };
    Setup::new(3).shards(3).network(&network).run(|cluster| {
        for lost in Lost::ALL {
            let node = leader(cluster)?;
            let targets: Vec<_> = others(node).map(|other| cluster.client_addresses()[other]).collect();
            let load = Load::start(LoadOptions::new(targets));
            load.wait_acknowledged(AROUND, WITHIN)?;
            let from = load.now();
            others(node).try_for_each(|other| lost.cut(&network, node, other))?;
            load.wait_acknowledged(AROUND, WITHIN)?;
            let to = load.now();
            others(node).try_for_each(|other| lost.mend(&network, node, other))?;
            cluster.wait_ready()?;
            load.wait_acknowledged(AROUND, WITHIN)?;
            let record = load.stop()?;
            let gap = record.longest_gap(&[0, 1], from, to);
            eprintln!("node {node}, {lost:?}: longest gap {} ms", gap.as_millis());
            let failures = record.failures(&[0, 1]);
            ensure!(failures.is_empty(), "{lost:?}: clients saw errors: {failures:#?}");
            record.verify(&mut cluster.client(node)?)?;
        }
        Ok(())
    });
    Ok(())
}

#[test]
fn histories_are_linearizable_while_lines_break() -> Result<()> {
    let Some(network) = network()? else { return Ok(()) };
    Setup::new(3).shards(3).network(&network).run(|cluster| {
        let run = Run::start(&cluster.client_addresses());
        for lost in Lost::ALL {
            // First the leader is cut off from both, then from one that the third still hears.
            for count in [2, 1] {
                let node = leader(cluster)?;
                run.go_on()?;
                others(node).take(count).try_for_each(|other| lost.cut(&network, node, other))?;
                run.go_on()?;
                others(node).try_for_each(|other| lost.mend(&network, node, other))?;
                cluster.wait_ready()?;
            }
        }
        run.go_on()?;
        verify(run.stop()?)
    });
    Ok(())
}
