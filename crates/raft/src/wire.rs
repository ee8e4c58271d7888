//! Between openraft's types and those of the wire and the log.
//!
//! Everything that comes from a socket or a disk is checked here, so that openraft's assertions are never reached by
//! what somebody else wrote.

use std::collections::BTreeSet;

use bytes::Bytes;
use meridian_proto::raft as pb;
use meridian_storage::LogEntry;
use openraft::{EmptyNode, EntryPayload, entry::RaftEntry};
use prost::Message;

use crate::types::{AppendRequest, Entry, LogId, Membership, Proposal, SnapshotMeta, StoredMembership, Vote};

/// A message or record that no replica of this version writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed: {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

impl From<Malformed> for std::io::Error {
    fn from(error: Malformed) -> Self {
        std::io::Error::new(std::io::ErrorKind::InvalidData, error)
    }
}

impl From<Malformed> for tonic::Status {
    fn from(error: Malformed) -> Self {
        tonic::Status::invalid_argument(error.to_string())
    }
}

pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new_term_index(term, index)
}

pub(crate) fn term_of(id: &LogId) -> u64 {
    **id.committed_leader_id()
}

pub(crate) fn position_to_wire(id: &LogId) -> pb::LogPosition {
    pb::LogPosition { term: term_of(id), index: id.index() }
}

pub(crate) fn position_from_wire(position: pb::LogPosition) -> LogId {
    log_id(position.term, position.index)
}

pub(crate) fn vote_to_wire(vote: &Vote) -> pb::Vote {
    pb::Vote { term: vote.leader_id.term, node: vote.leader_id.voted_for, committed: vote.is_committed() }
}

pub(crate) fn vote_from_wire(vote: Option<pb::Vote>) -> Result<Vote, Malformed> {
    let vote = vote.ok_or(Malformed("a message without a vote"))?;
    Ok(if vote.committed {
        Vote::new_committed(vote.term, vote.node)
    } else {
        Vote::new(vote.term, vote.node)
    })
}

pub(crate) fn membership_to_wire(membership: &Membership) -> pb::Membership {
    let voter_sets = membership
        .get_joint_config()
        .iter()
        .map(|voters| pb::VoterSet { voters: voters.iter().copied().collect() })
        .collect();
    pb::Membership { voter_sets, learners: membership.learner_ids().collect() }
}

pub(crate) fn membership_from_wire(membership: &pb::Membership) -> Result<Membership, Malformed> {
    let sets: Vec<BTreeSet<u64>> =
        membership.voter_sets.iter().map(|set| set.voters.iter().copied().collect()).collect();
    let nodes: BTreeSet<u64> = sets.iter().flatten().chain(&membership.learners).copied().collect();
    if sets.is_empty() && nodes.is_empty() {
        return Ok(Membership::default());
    }
    let nodes: std::collections::BTreeMap<u64, EmptyNode> =
        nodes.into_iter().map(|node| (node, EmptyNode::new())).collect();
    Membership::new(sets, nodes).map_err(|_| Malformed("a membership without voters"))
}

/// Entries as they are sent: the proposal's bytes are shared, not copied.
pub(crate) fn entry_to_wire(entry: Entry) -> pb::Entry {
    let (term, index) = (term_of(&entry.log_id), entry.log_id.index());
    let (kind, data) = match entry.payload {
        EntryPayload::Blank => (pb::EntryKind::Blank, Bytes::new()),
        EntryPayload::Normal(proposal) => (pb::EntryKind::Normal, proposal.0),
        EntryPayload::Membership(membership) => {
            (pb::EntryKind::Membership, membership_to_wire(&membership).encode_to_vec().into())
        }
    };
    pb::Entry { term, index, kind: kind.into(), data, partial: false }
}

fn entry_from_parts(term: u64, index: u64, kind: pb::EntryKind, data: Bytes) -> Result<Entry, Malformed> {
    let payload = match kind {
        pb::EntryKind::Unspecified => return Err(Malformed("an entry of an unknown kind")),
        pb::EntryKind::Blank => EntryPayload::Blank,
        pb::EntryKind::Normal => EntryPayload::Normal(Proposal(data)),
        pb::EntryKind::Membership => {
            let membership =
                pb::Membership::decode(data).map_err(|_| Malformed("an entry without a membership"))?;
            EntryPayload::Membership(membership_from_wire(&membership)?)
        }
    };
    Ok(Entry::new(log_id(term, index), payload))
}

/// Entries as they are logged; `kind` is the wire's [`pb::EntryKind`].
pub(crate) fn entry_to_log(entry: Entry) -> LogEntry {
    let wire = entry_to_wire(entry);
    LogEntry {
        index: wire.index,
        term: wire.term,
        kind: u8::try_from(wire.kind).expect("kinds are small"),
        data: wire.data,
    }
}

pub(crate) fn entry_from_log(entry: LogEntry) -> Result<Entry, Malformed> {
    let kind = pb::EntryKind::try_from(i32::from(entry.kind)).unwrap_or(pb::EntryKind::Unspecified);
    entry_from_parts(entry.term, entry.index, kind, entry.data)
}

/// A whole request, its parts put together again.
pub(crate) fn append_from_wire(request: pb::AppendRequest) -> Result<AppendRequest, Malformed> {
    let vote = vote_from_wire(request.vote)?;
    if !vote.is_committed() {
        return Err(Malformed("an append by a node that does not lead"));
    }
    let previous = request.previous.map(position_from_wire);
    let mut last = previous;
    let mut entries = Vec::new();
    for entry in request.entries {
        if last.as_ref().map_or(0, |last| last.index() + 1) != entry.index {
            return Err(Malformed("entries with a gap"));
        }
        let next = log_id(entry.term, entry.index);
        if last.as_ref().is_some_and(|last| term_of(last) > entry.term) || entry.term > vote.leader_id.term {
            return Err(Malformed("entries whose terms run back"));
        }
        let kind = pb::EntryKind::try_from(entry.kind).unwrap_or(pb::EntryKind::Unspecified);
        entries.push(entry_from_parts(entry.term, entry.index, kind, entry.data)?);
        last = Some(next);
    }
    let leader_commit = request.committed.map(position_from_wire);
    Ok(AppendRequest { vote, prev_log_id: previous, entries, leader_commit })
}

pub(crate) fn snapshot_meta_to_wire(meta: &SnapshotMeta) -> Bytes {
    let membership = pb::StoredMembership {
        position: meta.last_membership.log_id().as_ref().map(position_to_wire),
        membership: Some(membership_to_wire(meta.last_membership.membership())),
    };
    let meta = pb::SnapshotMeta {
        last: meta.last_log_id.as_ref().map(position_to_wire),
        membership: Some(membership),
    };
    meta.encode_to_vec().into()
}

pub(crate) fn snapshot_meta_from_wire(bytes: &[u8]) -> Result<SnapshotMeta, Malformed> {
    let meta = pb::SnapshotMeta::decode(bytes).map_err(|_| Malformed("a snapshot without a header"))?;
    let membership = meta.membership.ok_or(Malformed("a snapshot without a membership"))?;
    let members = membership_from_wire(&membership.membership.unwrap_or_default())?;
    Ok(SnapshotMeta {
        last_log_id: meta.last.map(position_from_wire),
        last_membership: StoredMembership::new(membership.position.map(position_from_wire), members),
    })
}

pub(crate) fn vote_to_log(vote: &Vote) -> Bytes {
    vote_to_wire(vote).encode_to_vec().into()
}

pub(crate) fn vote_from_log(bytes: &[u8]) -> Result<Vote, Malformed> {
    let vote = pb::Vote::decode(bytes).map_err(|_| Malformed("a vote record"))?;
    vote_from_wire(Some(vote))
}

pub(crate) fn position_to_log(id: &LogId) -> Bytes {
    position_to_wire(id).encode_to_vec().into()
}

pub(crate) fn position_from_log(bytes: &[u8]) -> Result<LogId, Malformed> {
    let position = pb::LogPosition::decode(bytes).map_err(|_| Malformed("a log position record"))?;
    Ok(position_from_wire(position))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn members(voters: &[&[u64]], learners: &[u64]) -> Membership {
        let sets: Vec<BTreeSet<u64>> = voters.iter().map(|set| set.iter().copied().collect()).collect();
        let nodes: BTreeSet<u64> = sets.iter().flatten().chain(learners).copied().collect();
        let nodes: std::collections::BTreeMap<u64, EmptyNode> =
            nodes.into_iter().map(|node| (node, EmptyNode::new())).collect();
        Membership::new(sets, nodes).unwrap()
    }

    #[test]
    fn a_joint_membership_survives_the_wire() {
        let joint = members(&[&[1, 2, 3], &[3, 4, 5]], &[9]);
        assert_eq!(membership_from_wire(&membership_to_wire(&joint)), Ok(joint));
    }

    #[test]
    fn a_snapshot_header_survives() {
        let meta = SnapshotMeta {
            last_log_id: Some(log_id(3, 77)),
            last_membership: StoredMembership::new(Some(log_id(2, 5)), members(&[&[1, 2, 3]], &[4])),
        };
        assert_eq!(snapshot_meta_from_wire(&snapshot_meta_to_wire(&meta)), Ok(meta));
    }

    #[test]
    fn appends_with_gaps_or_from_followers_are_refused() {
        let entry = |term, index| pb::Entry { term, index, kind: 1, data: Bytes::new(), partial: false };
        let request = |committed, entries| pb::AppendRequest {
            vote: Some(pb::Vote { term: 2, node: 1, committed }),
            previous: Some(pb::LogPosition { term: 1, index: 4 }),
            entries,
            ..Default::default()
        };
        assert!(append_from_wire(request(true, vec![entry(1, 5), entry(2, 6)])).is_ok());
        assert!(append_from_wire(request(false, vec![entry(1, 5)])).is_err());
        assert!(append_from_wire(request(true, vec![entry(1, 5), entry(1, 7)])).is_err());
        assert!(append_from_wire(request(true, vec![entry(2, 5), entry(1, 6)])).is_err());
        assert!(append_from_wire(request(true, vec![entry(3, 5)])).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_record_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = vote_from_log(&bytes);
            let _ = position_from_log(&bytes);
            let _ = snapshot_meta_from_wire(&bytes);
            let _ = entry_from_log(LogEntry { index: 1, term: 1, kind: 3, data: bytes.into() });
        }

        #[test]
        fn entries_survive_the_log(term in 1_u64..9, index in any::<u64>(), data in proptest::collection::vec(any::<u8>(), 0..64)) {
            let entry = Entry::new(log_id(term, index), EntryPayload::Normal(Proposal(data.into())));
            prop_assert_eq!(entry_from_log(entry_to_log(entry.clone())), Ok(entry));
        }
    }
}
