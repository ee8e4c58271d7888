//! Sends a snapshot to another node, going on where an earlier attempt broke off, not faster than allowed.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use meridian_proto::raft as pb;
use meridian_rt::clock::Instant;
use meridian_storage::SnapshotReader;
use openraft::{errors::StreamingError, raft::SnapshotResponse};

use super::shelf::Data;
use crate::{
    link::{self, Links},
    network::unreachable,
    offload::offload,
    types::{Snapshot, Types, Vote},
    wire,
};

/// How long the receiver may take to say how much it has.
const OFFER_TIMEOUT: Duration = Duration::from_secs(5);
/// Sends a snapshot and waits until it is installed.
pub(crate) async fn send(
    links: &Links,
    target: u64,
    shard: u32,
    vote: &Vote,
    snapshot: Snapshot,
    bytes_per_second: u64,
) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
    let Data::Kept(file) = snapshot.snapshot else {
        return Err(unreachable("a snapshot that is not finished").into());
    };
    let offer = pb::SnapshotOffer {
        envelope: Some(links.envelope(target)),
        shard,
        vote: Some(wire::vote_to_wire(vote)),
        meta: wire::snapshot_meta_to_wire(&snapshot.meta),
        length: file.bytes(),
        id_high: (file.id() >> 64) as u64,
        id_low: file.id() as u64,
    };
    let channel = links.separate_channel(target).ok_or_else(|| unreachable("the node has no address"))?;
    let mut client = link::client(channel);
    let refused = |status: tonic::Status| unreachable(status.message());
    let offered = tokio::time::timeout(OFFER_TIMEOUT, client.offer_snapshot(offer.clone()));
    let reply = offered.await.map_err(|_| unreachable("no answer in time"))?.map_err(refused)?;
    let offset = reply.into_inner().offset.min(file.bytes());
    tracing::info!(shard, target, bytes = file.bytes(), offset, "sending a snapshot");
    let opened = offload(move || file.reader_at(offset)).await;
    let blocks = opened.map_err(|error| unreachable(&format!("the snapshot cannot be read: {error}")))?;
    let chunks = throttled(blocks, offer, offset, bytes_per_second);
    let response = client.send_snapshot(chunks).await.map_err(refused)?;
    let vote = wire::vote_from_wire(response.into_inner().vote).map_err(|error| unreachable(error.0))?;
    Ok(SnapshotResponse::new(vote))
}

struct Sending {
    blocks: Option<SnapshotReader>,
    /// The header, until it is sent.
    offer: Option<pb::SnapshotOffer>,
    offset: u64,
    sent: u64,
    started: Instant,
    bytes_per_second: u64,
}

fn throttled(
    blocks: SnapshotReader,
    offer: pb::SnapshotOffer,
    offset: u64,
    bytes_per_second: u64,
) -> impl Stream<Item = pb::SnapshotChunk> + Send + 'static {
    let sending = Sending {
        blocks: Some(blocks),
        offer: Some(offer),
        offset,
        sent: 0,
        started: Instant::now(),
        bytes_per_second,
    };
    stream::unfold(sending, |mut sending| async move {
        let chunk = sending.next().await?;
        Some((chunk, sending))
    })
}

impl Sending {
    async fn next(&mut self) -> Option<pb::SnapshotChunk> {
        let due = Duration::from_secs_f64(self.sent as f64 / self.bytes_per_second as f64);
        tokio::time::sleep_until(self.started + due).await;
        let mut data = Bytes::new();
        if self.offer.is_none() {
            data = self.read().await?;
        }
        let chunk = pb::SnapshotChunk { offer: self.offer.take(), offset: self.offset, data };
        self.offset += chunk.data.len() as u64;
        self.sent += chunk.data.len() as u64;
        Some(chunk)
    }

    /// The next block of the file, or none at its end. After an error the receiver misses the rest and says so.
    async fn read(&mut self) -> Option<Bytes> {
        let mut blocks = self.blocks.take()?;
        let (blocks, block) = offload(move || {
            let block = blocks.next();
            (blocks, block)
        })
        .await;
        match block? {
            Ok(block) => {
                self.blocks = Some(blocks);
                Some(block)
            }
            Err(error) => {
                tracing::error!(%error, "a snapshot cannot be read");
                None
            }
        }
    }
}
