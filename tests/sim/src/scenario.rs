//! What a seed stands for. Pure: nothing here runs anything.
//!
//! Each seed allows only some kinds of faults: many runs with few kinds find more than all runs with all of them.

use std::{collections::BTreeSet, time::Duration};

use meridian_topology::{NodeId, ShardId};

use crate::draw::Draw;

/// Faults begin when the cluster has had time to start.
const FAULTS_BEGIN: Duration = Duration::from_secs(2);

/// How a node comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The power is cut: what was not synced may be lost.
    Power,
    /// The power is cut after so many more changes to the disk.
    Torn(u64),
    /// The process is killed: nothing is lost.
    Kill,
    /// The node is asked to stop: it hands over first.
    Asked,
}

/// Something that is done to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Messages between two hosts are lost.
    Cut(String, String),
    /// Messages from the first to the second are lost.
    CutOneWay(String, String),
    /// Messages between two hosts are kept back.
    Hold(String, String),
    /// All of that ends for two hosts; what was kept back arrives.
    Mend(String, String),
    /// A node stops.
    Stop(NodeId, Stop),
    /// It starts again.
    Start(NodeId),
    /// Syncs of a node's disk take so long.
    SlowSync(NodeId, Duration),
    /// A node's clock is so many milliseconds off.
    Skew(NodeId, i64),
    /// Messages take up to so long.
    Latency(Duration),
    /// So many of a million messages are lost.
    Loss(u32),
    /// The leader of a shard hands over to a node.
    Transfer(ShardId, NodeId),
    /// These become the voters of a shard.
    Voters(ShardId, BTreeSet<NodeId>),
    /// A replica writes a snapshot.
    Snapshot(ShardId, NodeId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Cut,
    CutOneWay,
    Isolate,
    Split,
    Hold,
    Power,
    Torn,
    Kill,
    Asked,
    AllDown,
    SlowSync,
    Skew,
    Latency,
    Loss,
    Transfer,
    Voters,
    Snapshot,
}

const KINDS: [Kind; 17] = [
    Kind::Cut,
    Kind::CutOneWay,
    Kind::Isolate,
    Kind::Split,
    Kind::Hold,
    Kind::Power,
    Kind::Torn,
    Kind::Kill,
    Kind::Asked,
    Kind::AllDown,
    Kind::SlowSync,
    Kind::Skew,
    Kind::Latency,
    Kind::Loss,
    Kind::Transfer,
    Kind::Voters,
    Kind::Snapshot,
];

/// One run, as its seed describes it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    pub nodes: u64,
    /// Whether nodes are whole processes with a control plane, or wired by hand.
    pub managed: bool,
    /// Voters that the control plane gives each shard.
    pub replication: u32,
    /// Hosts that run only a router and clients.
    pub clients: u64,
    pub shards: Vec<ShardId>,
    /// Who votes at the beginning, where nobody else decides that.
    pub voters: BTreeSet<NodeId>,
    pub snapshot_log_bytes: u64,
    pub segment_bytes: u64,
    /// How long a sync takes in good times.
    pub sync_delay: Duration,
    /// How long a message takes at most in good times.
    pub latency: Duration,
    /// The chance that a message mends a link that was broken by loss.
    pub repair_rate: f64,
    /// When a client gets an error instead of an answer.
    pub deadline: Duration,
    /// Whether clocks may be off.
    pub skewed: bool,
    pub faults: Vec<(Duration, Fault)>,
    /// When all faults end.
    pub calm_at: Duration,
}

impl Scenario {
    /// The scenario of a seed: even ones have three nodes, odd ones five; every other two have a control plane.
    pub fn new(seed: u64) -> Scenario {
        let mut draw = Draw::new(seed, 1);
        let nodes = if seed.is_multiple_of(2) { 3 } else { 5 };
        let mut scenario = Scenario {
            seed,
            nodes,
            managed: seed / 2 % 2 == 1,
            replication: if nodes == 5 && draw.percent(50) { 5 } else { 3 },
            clients: draw.between(1, 2),
            shards: (1..=draw.between(1, 2) as u32).map(ShardId).collect(),
            voters: (1..=nodes).map(NodeId).collect(),
            snapshot_log_bytes: *draw.pick(&[8 << 10, 32 << 10, 1 << 20]),
            segment_bytes: *draw.pick(&[16 << 10, 64 << 10, 1 << 20]),
            sync_delay: Duration::from_millis(draw.between(0, 3)),
            latency: Duration::from_millis(draw.between(1, 12)),
            repair_rate: draw.between(2, 10) as f64 / 10.0,
            deadline: Duration::from_millis(draw.between(1000, 6000)),
            skewed: false,
            faults: Vec::new(),
            calm_at: FAULTS_BEGIN + Duration::from_millis(draw.between(6000, 12_000)),
        };
        if nodes == 5 && draw.percent(30) {
            scenario.voters = (1..=3).map(NodeId).collect();
        }
        let mut schedule = Schedule { scenario: &scenario, draw: &mut draw, faults: Vec::new() };
        schedule.fill();
        let mut faults = schedule.faults;
        faults.retain(|(at, _)| *at < scenario.calm_at);
        faults.sort_by_key(|(at, _)| *at);
        scenario.skewed = faults.iter().any(|(_, fault)| matches!(fault, Fault::Skew(..)));
        scenario.faults = faults;
        scenario
    }

    /// All nodes.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (1..=self.nodes).map(NodeId)
    }

    /// The names of all hosts.
    pub fn hosts(&self) -> Vec<String> {
        let clients = (1..=self.clients).map(client_name);
        self.node_ids().map(node_name).chain(clients).collect()
    }
}

/// The host of a node.
pub(crate) fn node_name(node: NodeId) -> String {
    format!("node-{node}")
}

/// The host of a client.
pub(crate) fn client_name(client: u64) -> String {
    format!("client-{client}")
}

struct Schedule<'a> {
    scenario: &'a Scenario,
    draw: &'a mut Draw,
    faults: Vec<(Duration, Fault)>,
}

impl Schedule<'_> {
    fn fill(&mut self) {
        let kinds: Vec<Kind> = KINDS.into_iter().filter(|_| self.draw.percent(40)).collect();
        if kinds.is_empty() {
            return;
        }
        let gap = self.draw.between(100, 1500);
        let mut at = FAULTS_BEGIN;
        while at < self.scenario.calm_at {
            let kind = *self.draw.pick(&kinds);
            self.add(kind, at);
            at += Duration::from_millis(self.draw.between(gap / 4, gap * 2));
        }
    }

    fn push(&mut self, at: Duration, fault: Fault) {
        self.faults.push((at, fault));
    }

    fn some_time(&mut self) -> Duration {
        let longest = *self.draw.pick(&[300, 1500, 5000]);
        Duration::from_millis(self.draw.between(20, longest))
    }

    fn node(&mut self) -> NodeId {
        NodeId(self.draw.between(1, self.scenario.nodes))
    }

    fn shard(&mut self) -> ShardId {
        *self.draw.pick(&self.scenario.shards)
    }

    fn two_hosts(&mut self) -> (String, String) {
        let mut hosts = self.scenario.hosts();
        let first = node_name(self.node());
        hosts.retain(|host| *host != first);
        let second = self.draw.pick(&hosts).clone();
        if self.draw.percent(50) { (first, second) } else { (second, first) }
    }

    fn add(&mut self, kind: Kind, at: Duration) {
        let end = at + self.some_time();
        match kind {
            Kind::Cut | Kind::CutOneWay | Kind::Hold => {
                let (a, b) = self.two_hosts();
                self.between(kind, at, end, a, b);
            }
            Kind::Isolate => self.isolate(at, end),
            Kind::Split => self.split(at, end),
            Kind::Power => self.stop(at, end, Stop::Power),
            Kind::Torn => {
                let changes = self.draw.between(0, 40);
                self.stop(at, end, Stop::Torn(changes));
            }
            Kind::Kill => self.stop(at, end, Stop::Kill),
            Kind::Asked => self.stop(at, end + Duration::from_secs(1), Stop::Asked),
            Kind::AllDown => {
                for node in self.scenario.node_ids() {
                    let spread = Duration::from_millis(self.draw.between(0, 300));
                    self.push(at, Fault::Stop(node, Stop::Power));
                    self.push(end + spread, Fault::Start(node));
                }
            }
            Kind::SlowSync => {
                let node = self.node();
                let delay = Duration::from_millis(self.draw.between(5, 400));
                self.push(at, Fault::SlowSync(node, delay));
                self.push(end, Fault::SlowSync(node, self.scenario.sync_delay));
            }
            Kind::Skew => {
                let node = self.node();
                let size = *self.draw.pick(&[50, 3000, 3_600_000]);
                let skew = self.draw.between(0, 2 * size) as i64 - size as i64;
                self.push(at, Fault::Skew(node, skew));
            }
            Kind::Latency => {
                let latency = Duration::from_millis(self.draw.between(20, 300));
                self.push(at, Fault::Latency(latency));
                self.push(end, Fault::Latency(self.scenario.latency));
            }
            Kind::Loss => {
                let loss = *self.draw.pick(&[200, 2000, 20_000]);
                self.push(at, Fault::Loss(loss));
                self.push(end, Fault::Loss(0));
            }
            Kind::Transfer => {
                let (shard, node) = (self.shard(), self.node());
                self.push(at, Fault::Transfer(shard, node));
            }
            Kind::Voters => self.voters(at),
            Kind::Snapshot => {
                let (shard, node) = (self.shard(), self.node());
                self.push(at, Fault::Snapshot(shard, node));
            }
        }
    }

    fn between(&mut self, kind: Kind, at: Duration, end: Duration, a: String, b: String) {
        let fault = match kind {
            Kind::CutOneWay => Fault::CutOneWay(a.clone(), b.clone()),
            Kind::Hold => Fault::Hold(a.clone(), b.clone()),
            _ => Fault::Cut(a.clone(), b.clone()),
        };
        self.push(at, fault);
        self.push(end, Fault::Mend(a, b));
    }

    /// One node is cut off from all others, in both directions or in one; its clients may still reach it.
    fn isolate(&mut self, at: Duration, end: Duration) {
        let node = node_name(self.node());
        let direction = self.draw.between(0, 3);
        let clients_too = self.draw.percent(50);
        for other in self.scenario.hosts() {
            if other == node || (other.starts_with("client") && !clients_too) {
                continue;
            }
            match direction {
                0 => self.between(Kind::CutOneWay, at, end, node.clone(), other),
                1 => self.between(Kind::CutOneWay, at, end, other, node.clone()),
                2 => self.between(Kind::Hold, at, end, node.clone(), other),
                _ => self.between(Kind::Cut, at, end, node.clone(), other),
            }
        }
    }

    /// The hosts fall into two halves.
    fn split(&mut self, at: Duration, end: Duration) {
        let kind = if self.draw.percent(70) { Kind::Cut } else { Kind::Hold };
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for host in self.scenario.hosts() {
            let side = if self.draw.percent(50) { &mut left } else { &mut right };
            side.push(host);
        }
        for a in &left {
            for b in &right {
                self.between(kind, at, end, a.clone(), b.clone());
            }
        }
    }

    fn stop(&mut self, at: Duration, end: Duration, how: Stop) {
        let node = self.node();
        self.push(at, Fault::Stop(node, how));
        self.push(end, Fault::Start(node));
    }

    /// Never fewer voters than survive the loss of one node.
    fn voters(&mut self, at: Duration) {
        let least = if self.scenario.nodes == 3 { 2 } else { 3 };
        let mut voters: BTreeSet<NodeId> = self.scenario.node_ids().collect();
        let wanted = self.draw.between(least, self.scenario.nodes) as usize;
        while voters.len() > wanted {
            let node = self.node();
            voters.remove(&node);
        }
        let shard = self.shard();
        self.push(at, Fault::Voters(shard, voters));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_scenario() {
        for seed in 0..50 {
            let text = |seed| format!("{:?}", Scenario::new(seed));
            assert_eq!(text(seed), text(seed));
            assert_ne!(text(seed), text(seed + 1));
        }
    }

    #[test]
    fn every_kind_of_fault_occurs_in_fifty_seeds() {
        let faults: Vec<Fault> =
            (0..50).flat_map(|seed| Scenario::new(seed).faults).map(|(_, fault)| fault).collect();
        let has = |what: fn(&Fault) -> bool| assert!(faults.iter().any(what));
        has(|fault| matches!(fault, Fault::Cut(..)));
        has(|fault| matches!(fault, Fault::CutOneWay(..)));
        has(|fault| matches!(fault, Fault::Hold(..)));
        has(|fault| matches!(fault, Fault::Stop(_, Stop::Power)));
        has(|fault| matches!(fault, Fault::Stop(_, Stop::Torn(_))));
        has(|fault| matches!(fault, Fault::Stop(_, Stop::Asked)));
        has(|fault| matches!(fault, Fault::SlowSync(..)));
        has(|fault| matches!(fault, Fault::Skew(..)));
        has(|fault| matches!(fault, Fault::Loss(_)));
        has(|fault| matches!(fault, Fault::Transfer(..)));
        has(|fault| matches!(fault, Fault::Voters(..)));
        has(|fault| matches!(fault, Fault::Snapshot(..)));
    }
}
