//! What openraft is told about our types.
//!
//! One entry carries one opaque [`Proposal`]: the same bytes go to the log, to every follower and to the state machine.

use std::{any::Any, fmt};

use bytes::Bytes;
use openraft::{EmptyNode, EntryPayload, impls, raft::responder::Responder, vote::RaftLeaderId};
use parking_lot::Mutex;

use crate::machine::Reply;

/// Binds openraft's type parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Types;

impl openraft::RaftTypeConfig for Types {
    type D = Proposal;
    type R = Answer;
    type NodeId = u64;
    type Node = EmptyNode;
    type Term = u64;
    type LeaderId = impls::leader_id_std::LeaderId<u64, u64>;
    type Vote = openraft::Vote<Self::LeaderId>;
    type Payload = EntryPayload<Proposal, u64, EmptyNode>;
    type Entry = openraft::Entry<<Self::LeaderId as RaftLeaderId>::Committed, Self::Payload>;
    type AsyncRuntime = crate::runtime::Runtime;
    type Responder<T>
        = Completion<T>
    where
        T: Send + 'static;
    type Batch<T>
        = impls::InlineBatch<T>
    where
        T: Send + 'static;
    type ErrorSource = impls::BoxedErrorSource;
}

pub(crate) type Raft = openraft::Raft<Types, crate::machine::Applier>;
pub(crate) type Vote = openraft::alias::VoteOf<Types>;
pub(crate) type LogId = openraft::alias::LogIdOf<Types>;
pub(crate) type Entry = openraft::alias::EntryOf<Types>;
pub(crate) type Membership = openraft::Membership<u64, EmptyNode>;
pub(crate) type StoredMembership = openraft::alias::StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = openraft::alias::SnapshotMetaOf<Types>;
pub(crate) type Snapshot = openraft::alias::SnapshotOf<Types, crate::snapshot::Data>;
pub(crate) type Metrics = openraft::RaftMetrics<Types>;
pub(crate) type RpcError = openraft::errors::RPCError<Types>;
pub(crate) type AppendRequest = openraft::raft::AppendEntriesRequest<Types>;
pub(crate) type AppendResult = openraft::raft::StreamAppendResult<Types>;
pub(crate) type VoteRequest = openraft::raft::VoteRequest<Types>;
pub(crate) type VoteResponse = openraft::raft::VoteResponse<Types>;

/// What was proposed, as the proposer encoded it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proposal(pub(crate) Bytes);

impl fmt::Debug for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What the state machine answered; empty for entries that are not proposals.
///
/// The lock is never contended: it only makes the type `Sync`, which openraft wants.
#[derive(Default)]
pub(crate) struct Answer(Mutex<Option<Reply>>);

impl Answer {
    pub(crate) fn new(reply: Reply) -> Self {
        Answer(Mutex::new(Some(reply)))
    }

    pub(crate) fn into_reply(self) -> Reply {
        self.0.into_inner().unwrap_or_else(|| Box::new(()) as Box<dyn Any + Send>)
    }
}

/// Runs a closure with the outcome of an entry, on the apply path; with `None` if the outcome was lost.
pub(crate) struct Completion<T>(Option<Box<dyn FnOnce(Option<T>) + Send>>);

impl<T> Completion<T> {
    pub(crate) fn new(done: impl FnOnce(Option<T>) + Send + 'static) -> Self {
        Completion(Some(Box::new(done)))
    }
}

impl<T: Send + 'static> Responder<Types, T> for Completion<T> {
    fn on_complete(mut self, outcome: T) {
        if let Some(done) = self.0.take() {
            done(Some(outcome));
        }
    }
}

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[test]
    fn a_dropped_completion_reports_that_the_outcome_was_lost() {
        let lost = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&lost);
        drop(Completion::<u8>::new(move |outcome| {
            assert_eq!(outcome, None);
            seen.fetch_add(1, Ordering::Relaxed);
        }));
        assert_eq!(lost.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_completion_runs_once() {
        let runs = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&runs);
        let completion = Completion::<u8>::new(move |outcome| {
            assert_eq!(outcome, Some(7));
            seen.fetch_add(1, Ordering::Relaxed);
        });
        completion.on_complete(7);
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }
}
