//! A shard's group, as the rest of the node sees it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use meridian_rt::clock::Instant;
use meridian_topology::{NodeId, ShardId};
use openraft::{
    ChangeMembers, EmptyNode, ServerState,
    errors::{ChangeMembershipError, ClientWriteError, ForwardReason, InitializeError, RaftError},
    raft::ClientWriteResult,
};
use tokio::sync::watch;

use crate::{
    error::{BootstrapError, MembershipError, ProposeError, TransferError},
    machine::Reply,
    replica::{Replica, send_now},
    types::{Completion, Metrics, Proposal, Types},
};

/// A leadership is handed over only to a voter that has all but so many entries: what may be on its way to one that
/// follows closely. Nobody can write until it has them all.
const TRANSFER_LAG_MAX: u64 = 64;

/// Who leads a shard, as its replica on this node knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The term.
    pub term: u64,
    /// Who leads in it, if that is known.
    pub leader: Option<NodeId>,
    /// This node leads, and has applied everything that earlier leaders have committed.
    pub ready: bool,
}

/// What a replica is in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Leads the group.
    Leader,
    /// Votes, and follows the leader.
    Follower,
    /// Stands for election.
    Candidate,
    /// Follows the leader without a vote.
    Learner,
    /// Has stopped for good, by an error of its disk.
    Stopped,
}

/// Where a replica stands.
#[derive(Clone, Debug)]
pub struct GroupStatus {
    /// The term.
    pub term: u64,
    /// Who leads, if that is known.
    pub leader: Option<NodeId>,
    /// What this replica is.
    pub role: Role,
    /// Index of the last entry in the log.
    pub last_index: u64,
    /// Up to where entries are known to be committed.
    pub committed: u64,
    /// Up to where they are applied.
    pub applied: u64,
    /// Up to where the log is cut off.
    pub purged: u64,
    /// The last entry in the newest snapshot.
    pub snapshot: u64,
    /// Bytes of log.
    pub log_bytes: u64,
    /// Who votes; during a change of voters, both the old and the new ones.
    pub voters: BTreeSet<NodeId>,
    /// Whether a change of voters is under way.
    pub changing: bool,
    /// Who follows without a vote.
    pub learners: BTreeSet<NodeId>,
    /// On the leader: up to where each replica has the log.
    pub matched: BTreeMap<NodeId, u64>,
    /// On the leader: how long ago a majority was last known to follow.
    pub quorum_age: Option<Duration>,
}

/// What is to be done with a proposal's outcome.
pub type Done = Box<dyn FnOnce(Result<Reply, ProposeError>) + Send>;

/// A replica of a shard on this node.
#[derive(Clone)]
pub struct Group(pub(crate) Arc<Replica>);

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Group({})", self.0.shard)
    }
}

impl Group {
    /// The shard.
    pub fn shard(&self) -> ShardId {
        self.0.shard
    }

    /// Starts the shard with its first voters. Done once, on one of them, while all their replicas are empty.
    ///
    /// # Errors
    /// If this replica is not empty, not among `voters`, or has stopped.
    pub async fn bootstrap(&self, voters: BTreeSet<NodeId>) -> Result<(), BootstrapError> {
        let nodes: BTreeMap<u64, EmptyNode> =
            voters.into_iter().map(|voter| (voter.0, EmptyNode::new())).collect();
        match self.0.raft.initialize(nodes).await {
            Ok(()) => Ok(()),
            Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Err(BootstrapError::NotEmpty),
            Err(RaftError::APIError(InitializeError::NotInMembers(_))) => Err(BootstrapError::NotAVoter),
            Err(RaftError::Fatal(fatal)) => Err(BootstrapError::Stopped(fatal.to_string())),
        }
    }

    /// Proposes an entry. `done` is called exactly once, on the apply path or at once: it must not block.
    ///
    /// Proposals of one task are logged in the order in which they are made, if they are.
    pub fn propose(&self, payload: Bytes, done: Done) {
        let completion = Completion::new(move |outcome| done(conclude(outcome)));
        // If the queue is full or the replica has stopped the completion is dropped, which reports an unknown outcome.
        // It never comes to that in practice: the queue is longer than any proposer's window.
        send_now(self.0.raft.client_write_ff(Proposal(payload), Some(completion)));
    }

    /// Whether this node may answer reads from its state without asking anyone.
    ///
    /// True while it leads, has applied an entry of its term, a majority has followed it within the lease, and it is
    /// not handing over. To be asked **after** the value was read: the process may be paused in between.
    pub fn can_read(&self) -> bool {
        self.0.can_read()
    }

    /// Whether this node leads and its proposals are taken: a majority follows it, and it is not handing over.
    ///
    /// A leader that is cut off still takes itself for the leader, but refuses proposals.
    pub fn can_propose(&self) -> bool {
        self.0.can_propose()
    }

    /// Who leads; changes only when that does, not with every entry.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.0.leadership.subscribe()
    }

    /// Where this replica stands.
    pub fn status(&self) -> GroupStatus {
        let replica = &self.0;
        let metrics = replica.metrics_now();
        let membership = metrics.membership_config.membership();
        let index = |id: &Option<crate::types::LogId>| id.as_ref().map_or(0, |id| id.index());
        let now = Instant::now();
        let leads = metrics.state == ServerState::Leader;
        let held = leads.then(|| {
            replica.lease.held_since(metrics.current_term, membership.get_joint_config(), replica.node.0, now)
        });
        GroupStatus {
            term: metrics.current_term,
            leader: metrics.current_leader.map(NodeId),
            role: role(&metrics),
            last_index: metrics.last_log_index.unwrap_or(0),
            committed: index(&metrics.local_committed),
            applied: replica.progress.index(),
            purged: index(&metrics.purged),
            snapshot: index(&metrics.snapshot),
            log_bytes: replica.progress.log_bytes(),
            voters: membership.voter_ids().map(NodeId).collect(),
            changing: membership.get_joint_config().len() > 1,
            learners: membership.learner_ids().map(NodeId).collect(),
            matched: matched(&metrics).map(|(node, index)| (NodeId(node), index)).collect(),
            quorum_age: held.flatten().map(|since| now.saturating_duration_since(since)),
        }
    }

    /// How many voters beside this node have the entry at `index` on disk. Known to the leader only; 0 elsewhere.
    pub fn replicated_to(&self, index: u64) -> usize {
        self.0.with_metrics(|metrics| {
            let voters: BTreeSet<u64> = metrics.membership_config.membership().voter_ids().collect();
            matched(metrics)
                .filter(|(node, matched)| {
                    *node != self.0.node.0 && voters.contains(node) && *matched >= index
                })
                .count()
        })
    }

    /// Hands the leadership to another voter and waits until somebody else leads.
    ///
    /// # Errors
    /// If this node does not lead, if the target is not fit to lead, or if it did not come to lead in time; the
    /// group then elects somebody by itself.
    pub async fn transfer(&self, to: NodeId) -> Result<(), TransferError> {
        let term = self.check_transfer(to)?;
        tracing::info!(shard = %self.0.shard, term, %to, "handing over");
        // Before anything is sent: the target does not wait for our lease to end.
        self.0.handed_over_in.fetch_max(term, Ordering::AcqRel);
        let mut leadership = self.leadership();
        self.0
            .raft
            .trigger()
            .transfer_leader(to.0)
            .await
            .map_err(|fatal| TransferError::Stopped(fatal.to_string()))?;
        // The core may have got the request in a later term, if it was elected once more in the meantime.
        let handed_over_in = self.0.with_metrics(|metrics| metrics.current_term);
        if self.0.with_metrics(|metrics| metrics.state == ServerState::Leader) {
            self.0.handed_over_in.fetch_max(handed_over_in, Ordering::AcqRel);
        }
        let node = self.0.node;
        let elected =
            leadership.wait_for(|now| now.term > term && now.leader.is_some_and(|leader| leader != node));
        match tokio::time::timeout(self.0.timing.election_max * 2, elected).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(TransferError::Stopped("the replica was closed".to_owned())),
            Err(_) => Err(TransferError::TimedOut),
        }
    }

    fn check_transfer(&self, to: NodeId) -> Result<u64, TransferError> {
        let replica = &self.0;
        let checked = replica.with_metrics(|metrics| {
            if metrics.state != ServerState::Leader {
                return Err(TransferError::NotLeader { leader: metrics.current_leader.map(NodeId) });
            }
            let voters = metrics.membership_config.membership().get_joint_config();
            if to == replica.node || !voters.iter().all(|voters| voters.contains(&to.0)) {
                return Err(TransferError::NotAVoter);
            }
            let has = matched(metrics).find(|(node, _)| *node == to.0).map_or(0, |(_, index)| index);
            let behind = metrics.last_log_index.unwrap_or(0).saturating_sub(has);
            if behind > TRANSFER_LAG_MAX {
                return Err(TransferError::Behind { entries: behind });
            }
            Ok(metrics.current_term)
        })?;
        let up_since = replica.links.up_since(to.0).ok_or(TransferError::Unreachable)?;
        // The request to take over is sent only once. A node that has just come back has a link before it has opened
        // its replicas: what it had answered in its last life says nothing.
        let followed = replica.lease.followed_at(checked, to.0);
        let follows = followed.is_some_and(|at| at >= up_since && at.elapsed() < replica.timing.silence());
        if follows { Ok(checked) } else { Err(TransferError::Silent) }
    }

    /// Whether this node leads and is not the only voter.
    pub(crate) fn could_hand_over(&self) -> bool {
        self.0.with_metrics(|metrics| {
            let mut voters = metrics.membership_config.membership().voter_ids();
            metrics.state == ServerState::Leader && voters.any(|voter| voter != self.0.node.0)
        })
    }

    /// Whom to hand the leadership to: the voter that has most of the log, of those that follow now.
    pub fn transfer_target(&self) -> Option<NodeId> {
        let mut candidates: Vec<(u64, u64)> = self.0.with_metrics(|metrics| matched(metrics).collect());
        candidates.sort_unstable_by_key(|(node, index)| (std::cmp::Reverse(*index), *node));
        candidates.into_iter().map(|(node, _)| NodeId(node)).find(|node| self.check_transfer(*node).is_ok())
    }

    /// Adds a replica without a vote; it gets the log, or a snapshot, from now on.
    ///
    /// # Errors
    /// If this node does not lead, or a change is under way.
    pub async fn add_learner(&self, node: NodeId) -> Result<(), MembershipError> {
        changed(self.0.raft.add_learner(node.0, EmptyNode::new(), false).await)
    }

    /// Replaces the voters, in two steps (old and new together, then new alone). New ones must be learners before.
    /// Voters that are left out are members no longer.
    ///
    /// # Errors
    /// If this node does not lead, a change is under way, or a new voter is not a learner.
    pub async fn change_voters(&self, voters: BTreeSet<NodeId>) -> Result<(), MembershipError> {
        let voters = ChangeMembers::ReplaceAllVoters(voters.into_iter().map(|voter| voter.0).collect());
        changed(self.0.raft.change_membership(voters, false).await)
    }

    /// Removes a replica that has no vote. Nobody tells it: its node closes it.
    ///
    /// # Errors
    /// If this node does not lead, a change is under way, or the replica votes.
    pub async fn remove_learner(&self, node: NodeId) -> Result<(), MembershipError> {
        let nodes = ChangeMembers::RemoveNodes([node.0].into());
        changed(self.0.raft.change_membership(nodes, false).await)
    }

    /// Writes a snapshot now, whatever the size of the log.
    pub fn trigger_snapshot(&self) {
        if send_now(self.0.raft.trigger().snapshot()).is_none() {
            tracing::warn!(shard = %self.0.shard, "no snapshot: the replica is overloaded or has stopped");
        }
    }
}

fn role(metrics: &Metrics) -> Role {
    if metrics.running_state.is_err() {
        return Role::Stopped;
    }
    match metrics.state {
        ServerState::Leader => Role::Leader,
        ServerState::Follower => Role::Follower,
        ServerState::Candidate => Role::Candidate,
        ServerState::Learner => Role::Learner,
        ServerState::Shutdown => Role::Stopped,
    }
}

/// On the leader: which replica has the log up to which index.
fn matched(metrics: &Metrics) -> impl Iterator<Item = (u64, u64)> + '_ {
    let replication = metrics.replication.iter().flatten();
    replication.map(|(node, matched)| (*node, matched.as_ref().map_or(0, |id| id.index())))
}

fn conclude(outcome: Option<ClientWriteResult<Types>>) -> Result<Reply, ProposeError> {
    match outcome {
        Some(Ok(response)) => Ok(response.data.into_reply()),
        Some(Err(ClientWriteError::ForwardToLeader(forward))) => {
            // While a leadership is handed over, the target does not lead yet.
            let leader = if forward.reason == ForwardReason::NotLeader { forward.leader_id } else { None };
            Err(ProposeError::NotLeader { leader: leader.map(NodeId) })
        }
        // The entry was in the log and is not in this one any more; or the replica has stopped.
        Some(Err(_)) | None => Err(ProposeError::Unknown),
    }
}

fn changed<T>(result: Result<T, RaftError<Types, ClientWriteError<Types>>>) -> Result<(), MembershipError> {
    let error = match result {
        Ok(_) => return Ok(()),
        Err(RaftError::Fatal(fatal)) => return Err(MembershipError::Stopped(fatal.to_string())),
        Err(RaftError::APIError(error)) => error,
    };
    Err(match error {
        ClientWriteError::ForwardToLeader(forward) => {
            MembershipError::NotLeader { leader: forward.leader_id.map(NodeId) }
        }
        ClientWriteError::LogEntryDiscarded(_) => MembershipError::Unknown,
        ClientWriteError::ChangeMembershipError(
            ChangeMembershipError::InProgress(_) | ChangeMembershipError::UncommittedLeaderLog(_),
        ) => MembershipError::InProgress,
        ClientWriteError::ChangeMembershipError(ChangeMembershipError::LearnerNotFound(missing)) => {
            MembershipError::NotALearner { node: NodeId(missing.node_id) }
        }
        other => MembershipError::Refused(other.to_string()),
    })
}

pub(crate) fn leadership_of(replica: &Replica) -> Leadership {
    let applied_term = replica.progress.term();
    replica.with_metrics(|metrics| {
        let leads = metrics.state == ServerState::Leader && metrics.running_state.is_ok();
        Leadership {
            term: metrics.current_term,
            leader: metrics.current_leader.filter(|_| metrics.running_state.is_ok()).map(NodeId),
            ready: leads && applied_term == metrics.current_term,
        }
    })
}
