//! A node's part in the control plane: proposes commands, hears what nodes report, and while it leads, drives.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use meridian_proto::{
    admin::ReportRequest,
    meta::{Command, GroupRecord, RecordGroups, command::Kind},
};
use meridian_raft::{Group, ProposeError};
use meridian_rt::clock::{self, Instant};
use meridian_topology::{ClusterMap, NodeId, ShardId};
use parking_lot::Mutex;
use prost::Message;
use tokio::sync::{Notify, oneshot, watch};

use crate::{
    driver,
    machine::{Answer, Machine},
    state::{Applied, Refused, would_change},
};

/// A node that has not reported for so long is not counted on. Nodes report at least every [`REPORT_INTERVAL`].
const PRESENCE: Duration = Duration::from_millis(3500);
/// How often a node reports if nothing changes.
pub const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What a shard's leader is asked to do. Answers when it is done.
pub trait Leaders: Send + Sync + 'static {
    /// Makes exactly these nodes the voters of the shard. `term` is that of the meta leader that asks.
    fn change_voters(&self, term: u64, leader: NodeId, shard: ShardId, voters: &BTreeSet<NodeId>) -> Asked;
    /// Hands the leadership over.
    fn move_leader(&self, leader: NodeId, shard: ShardId, target: NodeId) -> Asked;
}

/// What the group looks like afterwards, or why it could not be done.
pub type Asked = Pin<Box<dyn Future<Output = Result<GroupRecord, String>> + Send>>;

/// Why a command has no effect, or none that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another node leads the meta group, perhaps this one.
    #[error("this node does not lead the meta group")]
    NotLeader(Option<NodeId>),
    /// The leader was lost while the command was under way.
    #[error("the command was lost from sight: it may or may not take effect")]
    Unknown,
    /// The state refused it.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Handle to the meta group's replica on this node.
#[derive(Clone)]
pub struct Control {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) machine: Arc<Machine>,
    pub(crate) group: Group,
    presence: Mutex<BTreeMap<NodeId, Seen>>,
    pub(crate) presence_changed: Notify,
}

struct Seen {
    at: Instant,
    draining: bool,
    open: Vec<u32>,
}

/// What can be counted on.
pub(crate) struct Present {
    /// Nodes that are alive and stay.
    pub(crate) nodes: BTreeSet<NodeId>,
    /// Replicas that they have open.
    pub(crate) open: BTreeSet<(NodeId, ShardId)>,
    /// When the first of them is no longer counted on unless it reports again.
    pub(crate) until: Option<Instant>,
}

impl Control {
    /// A handle to the replica. It drives only while [`Control::drive`] runs.
    pub fn new(machine: Arc<Machine>, group: Group) -> Control {
        let presence = Mutex::default();
        Control { shared: Arc::new(Shared { machine, group, presence, presence_changed: Notify::new() }) }
    }

    /// Drives whenever this replica leads. Does not end by itself.
    pub async fn drive(self, leaders: Arc<dyn Leaders>) {
        driver::run(&self.shared, leaders).await;
    }

    /// The meta group's replica.
    pub fn group(&self) -> &Group {
        &self.shared.group
    }

    /// The map as this replica knows it.
    pub fn map(&self) -> watch::Receiver<Arc<ClusterMap>> {
        self.shared.machine.map()
    }

    /// Executes a command.
    ///
    /// # Errors
    /// If it is refused, or this node does not lead the meta group.
    pub async fn propose(&self, kind: Kind) -> Result<Applied, Error> {
        self.shared.propose(kind).await
    }

    /// Takes a node's report. Answers when what is new in it is in the map.
    ///
    /// # Errors
    /// As [`Control::propose`].
    pub async fn report(&self, report: ReportRequest) -> Result<(), Error> {
        {
            let leadership = self.shared.group.leadership();
            let leadership = leadership.borrow();
            if !leadership.ready {
                return Err(Error::NotLeader(leadership.leader));
            }
        }
        self.shared.note(NodeId(report.node), report.draining, report.open);
        self.shared.record(report.groups).await
    }
}

impl Shared {
    pub(crate) async fn propose(&self, kind: Kind) -> Result<Applied, Error> {
        let command = Command { time_ms: clock::wall_ms(), kind: Some(kind) };
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |result: Result<meridian_raft::Reply, ProposeError>| {
            // The proposer may have gone away.
            let _ = sender.send(result);
        });
        self.group.propose(command.encode_to_vec().into(), done);
        match receiver.await {
            Ok(Ok(reply)) => {
                let answer =
                    reply.downcast::<Answer>().expect("meta's state machine replies with its answer");
                Ok((*answer)?)
            }
            Ok(Err(ProposeError::NotLeader { leader })) => Err(Error::NotLeader(leader)),
            Ok(Err(ProposeError::Unknown)) | Err(_) => Err(Error::Unknown),
        }
    }

    /// Writes down what is new among the records.
    pub(crate) async fn record(&self, mut groups: Vec<GroupRecord>) -> Result<(), Error> {
        let map = Arc::clone(&self.machine.map().borrow());
        // What the map does not hold yet, nobody has to know of.
        groups.retain(|group| {
            map.shards.get(&ShardId(group.shard)).is_some_and(|info| would_change(info, group))
        });
        if groups.is_empty() {
            return Ok(());
        }
        self.propose(Kind::RecordGroups(RecordGroups { groups })).await.map(|_| ())
    }

    fn note(&self, node: NodeId, draining: bool, open: Vec<u32>) {
        let now = Instant::now();
        let mut presence = self.presence.lock();
        let before = presence.get(&node);
        let same = before
            .is_some_and(|seen| now - seen.at < PRESENCE && seen.draining == draining && seen.open == open);
        presence.insert(node, Seen { at: now, draining, open });
        if !same {
            self.presence_changed.notify_one();
        }
    }

    pub(crate) fn present(&self) -> Present {
        let now = Instant::now();
        let presence = self.presence.lock();
        let mut present = Present { nodes: BTreeSet::new(), open: BTreeSet::new(), until: None };
        for (node, seen) in presence.iter().filter(|(_, seen)| !seen.draining && now - seen.at < PRESENCE) {
            present.nodes.insert(*node);
            present.open.extend(seen.open.iter().map(|shard| (*node, ShardId(*shard))));
            let until = seen.at + PRESENCE;
            present.until = Some(present.until.map_or(until, |earliest| earliest.min(until)));
        }
        present
    }
}
