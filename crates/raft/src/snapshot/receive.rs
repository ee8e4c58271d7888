//! Receives a snapshot into a file that outlives a broken connection, and installs it when it is whole.

use std::io::ErrorKind;

use meridian_proto::raft as pb;
use meridian_storage::SnapshotWriter;
use tonic::{Status, Streaming};

use super::shelf::Data;
use crate::{
    offload::offload,
    replica::Replica,
    types::{Snapshot, SnapshotMeta, Vote},
    wire,
};

fn disk(error: std::io::Error) -> Status {
    Status::unavailable(format!("the disk failed: {error}"))
}

/// Refuses what openraft would take for a proof of corruption.
fn checked(offer: &pb::SnapshotOffer) -> Result<(Vote, SnapshotMeta), Status> {
    let vote = wire::vote_from_wire(offer.vote)?;
    let meta = wire::snapshot_meta_from_wire(&offer.meta)?;
    let last = meta.last_log_id.as_ref().ok_or_else(|| Status::invalid_argument("an empty snapshot"))?;
    if !vote.is_committed() || wire::term_of(last) > vote.leader_id.term {
        return Err(Status::invalid_argument("a snapshot that its sender cannot have"));
    }
    Ok((vote, meta))
}

fn resume(replica: &Replica, offer: &pb::SnapshotOffer) -> Result<SnapshotWriter, Status> {
    let shelf = &replica.snapshots;
    let id = u128::from(offer.id_high) << 64 | u128::from(offer.id_low);
    shelf.snapshots.receive(shelf.group, id, offer.meta.clone()).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => Status::unavailable("the snapshot is being received already"),
        _ => disk(error),
    })
}

/// How much of an offered snapshot is here already.
pub(crate) fn offered(replica: &Replica, offer: &pb::SnapshotOffer) -> Result<u64, Status> {
    checked(offer)?;
    Ok(resume(replica, offer)?.bytes())
}

/// Receives the rest of a snapshot and installs it; gives this replica's vote.
pub(crate) async fn receive(
    replica: &Replica,
    offer: pb::SnapshotOffer,
    first: pb::SnapshotChunk,
    mut chunks: Streaming<pb::SnapshotChunk>,
) -> Result<Vote, Status> {
    let (vote, meta) = checked(&offer)?;
    let mut writer = resume(replica, &offer)?;
    let mut next = Some(first);
    while let Some(chunk) = next {
        if chunk.offset != writer.bytes()
            || chunk.data.len() as u64 > offer.length.saturating_sub(writer.bytes())
        {
            return Err(Status::out_of_range("not the next part of the snapshot"));
        }
        if !chunk.data.is_empty() {
            let (same, written) = offload(move || {
                let written = writer.write(&chunk.data);
                (writer, written)
            })
            .await;
            written.map_err(disk)?;
            writer = same;
        }
        next = chunks.message().await?;
    }
    if writer.bytes() != offer.length {
        return Err(Status::data_loss("the snapshot ended early"));
    }
    tracing::info!(shard = %replica.shard, bytes = offer.length, %meta, "snapshot received");
    let snapshot = Snapshot { meta, snapshot: Data::Received(writer) };
    let response = replica.raft.install_full_snapshot(vote, snapshot).await;
    let response = response.map_err(|error| Status::unavailable(format!("not installed: {error}")))?;
    Ok(response.vote)
}
