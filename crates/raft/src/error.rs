//! What can go wrong, by operation.

use std::io;

use meridian_topology::NodeId;

/// Why a proposal has no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// This node does not lead, or not safely: the proposal was certainly not made.
    #[error("not proposed: this node does not lead")]
    NotLeader {
        /// Who leads, if that is known.
        leader: Option<NodeId>,
    },
    /// The proposal was made, and lost from sight: it may or may not be applied.
    #[error("proposed, with unknown outcome")]
    Unknown,
}

/// Why a replica could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The shard is open already.
    #[error("the shard is open already")]
    AlreadyOpen,
    /// Its log or snapshot could not be read or applied.
    #[error("the replica's state cannot be restored: {0}")]
    Restore(String),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The host is shutting down.
    #[error("the node is shutting down")]
    ShuttingDown,
}

/// Why a shard could not be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapError {
    /// The replica has a log or has voted.
    #[error("the shard was started before")]
    NotEmpty,
    /// This node is not among the voters.
    #[error("this node is not among the voters")]
    NotAVoter,
    /// The replica has stopped.
    #[error("the replica has stopped: {0}")]
    Stopped(String),
}

/// Why a leadership was not handed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// This node does not lead.
    #[error("this node does not lead")]
    NotLeader {
        /// Who leads, if that is known.
        leader: Option<NodeId>,
    },
    /// The target does not vote, or leads already.
    #[error("the target is no other voter")]
    NotAVoter,
    /// The target lacks too many entries.
    #[error("the target is {entries} entries behind")]
    Behind {
        /// How many.
        entries: u64,
    },
    /// There is no link to the target.
    #[error("the target is not reachable")]
    Unreachable,
    /// The target has not answered on this link, or not lately: its replica may not be open yet.
    #[error("the target does not follow yet")]
    Silent,
    /// Nobody came to lead in time.
    #[error("the target did not come to lead in time")]
    TimedOut,
    /// The replica has stopped.
    #[error("the replica has stopped: {0}")]
    Stopped(String),
}

/// Why the members of a shard were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// This node does not lead.
    #[error("this node does not lead")]
    NotLeader {
        /// Who leads, if that is known.
        leader: Option<NodeId>,
    },
    /// Another change is not finished.
    #[error("another change is under way")]
    InProgress,
    /// A new voter must be a learner first.
    #[error("node {node} is no learner of the shard")]
    NotALearner {
        /// Which.
        node: NodeId,
    },
    /// Not allowed.
    #[error("{0}")]
    Refused(String),
    /// Proposed, with unknown outcome.
    #[error("proposed, with unknown outcome")]
    Unknown,
    /// The replica has stopped.
    #[error("the replica has stopped: {0}")]
    Stopped(String),
}
