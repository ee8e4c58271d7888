//! What a node makes of messages that come from anywhere.

use bytes::Bytes;
use meridian_proto::raft::{self as pb, raft_service_client::RaftServiceClient};
use meridian_rt::net;
use meridian_topology::NodeId;
use tonic::{Code, transport::Channel};

use crate::{
    harness::{Cluster, until},
    ledger::{Ledger, entry},
};
use meridian_raft::StateMachine;

type Client = RaftServiceClient<Channel>;

async fn one_node() -> (Cluster, Client) {
    let mut cluster = Cluster::new([1]);
    cluster.start(1).await;
    let client = Client::new(net::channel(cluster.address(1)).unwrap());
    (cluster, client)
}

fn envelope(cluster: u64, to: u64) -> Option<pb::Envelope> {
    Some(pb::Envelope { cluster_high: 0, cluster_low: cluster, from: 9, to })
}

fn vote() -> Option<pb::Vote> {
    Some(pb::Vote { term: 3, node: 9, committed: true })
}

/// A snapshot as another node would offer it, and its data.
fn snapshot() -> (pb::SnapshotOffer, Vec<u8>) {
    let source = Ledger::default();
    for index in 0..100 {
        source.apply(index, &entry(index, &[1; 5000]));
    }
    let mut chunks = source.begin_snapshot();
    let mut data = Vec::new();
    while let Some(chunk) = chunks.next_chunk() {
        data.extend((chunk.len() as u32).to_le_bytes());
        data.extend(chunk);
    }
    let last = Some(pb::LogPosition { term: 2, index: 99 });
    let voters = vec![pb::VoterSet { voters: vec![7, 8, 9] }];
    let membership = Some(pb::Membership { voter_sets: voters, learners: vec![1] });
    let membership =
        Some(pb::StoredMembership { position: Some(pb::LogPosition { term: 1, index: 0 }), membership });
    let meta = prost::Message::encode_to_vec(&pb::SnapshotMeta { last, membership });
    let offer = pb::SnapshotOffer {
        envelope: envelope(77, 1),
        shard: 1,
        vote: vote(),
        meta: meta.into(),
        length: data.len() as u64,
        id_high: 5,
        id_low: 6,
    };
    (offer, data)
}

fn chunks(offer: &pb::SnapshotOffer, data: &[u8], from: usize, to: usize) -> Vec<pb::SnapshotChunk> {
    let head = pb::SnapshotChunk { offer: Some(offer.clone()), offset: from as u64, data: Bytes::new() };
    let mut chunks = vec![head];
    for start in (from..to).step_by(10_000) {
        let data = Bytes::copy_from_slice(&data[start..to.min(start + 10_000)]);
        chunks.push(pb::SnapshotChunk { offer: None, offset: start as u64, data });
    }
    chunks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_goes_on_where_it_broke_off() {
    let (cluster, mut client) = one_node().await;
    let (offer, data) = snapshot();
    let offset = client.offer_snapshot(offer.clone()).await.unwrap().into_inner().offset;
    assert_eq!(offset, 0);
    let half = data.len() / 2;
    let early = client.send_snapshot(tokio_stream::iter(chunks(&offer, &data, 0, half))).await;
    assert_eq!(early.unwrap_err().code(), Code::DataLoss);
    let offset = client.offer_snapshot(offer.clone()).await.unwrap().into_inner().offset;
    assert!(offset > 0 && offset <= half as u64, "{offset}");
    let gap = client.send_snapshot(tokio_stream::iter(chunks(&offer, &data, half + 1, data.len()))).await;
    assert_eq!(gap.unwrap_err().code(), Code::OutOfRange);
    let rest = chunks(&offer, &data, offset as usize, data.len());
    let response = client.send_snapshot(tokio_stream::iter(rest)).await.unwrap().into_inner();
    assert_eq!(response.vote, vote());
    until("the snapshot to be installed", || (cluster.group(1, 1).status().applied == 99).then_some(()))
        .await;
    let state = cluster.ledger(1, 1).state();
    assert_eq!((state.count, state.last.len()), (100, 100));
    assert_eq!(cluster.group(1, 1).status().voters, [7, 8, 9].map(NodeId).into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_its_sender_cannot_have_is_refused() {
    let (_cluster, mut client) = one_node().await;
    let (offer, _) = snapshot();
    let older = pb::Vote { term: 1, node: 9, committed: true };
    for wrong in [
        pb::SnapshotOffer { vote: Some(older), ..offer.clone() },
        pb::SnapshotOffer { vote: None, ..offer.clone() },
        pb::SnapshotOffer { meta: Bytes::from_static(b"\xff\xff"), ..offer.clone() },
        pb::SnapshotOffer { meta: Bytes::new(), ..offer.clone() },
    ] {
        assert_eq!(client.offer_snapshot(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_for_others_are_refused() {
    let (_cluster, mut client) = one_node().await;
    let request = |envelope, shard| pb::VoteRequest {
        envelope,
        shard,
        vote: Some(pb::Vote { term: 3, node: 9, committed: false }),
        ..Default::default()
    };
    let code =
        |response: Result<tonic::Response<pb::VoteResponse>, tonic::Status>| response.unwrap_err().code();
    assert_eq!(code(client.vote(request(envelope(77, 2), 1)).await), Code::FailedPrecondition);
    assert_eq!(code(client.vote(request(envelope(78, 1), 1)).await), Code::FailedPrecondition);
    assert_eq!(code(client.vote(request(None, 1)).await), Code::InvalidArgument);
    assert_eq!(code(client.vote(request(envelope(77, 1), 5)).await), Code::NotFound);
    assert!(client.vote(request(envelope(77, 1), 1)).await.unwrap().into_inner().granted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_makes_no_sense_is_ended() {
    let (cluster, mut client) = one_node().await;
    let entry = |index| pb::Entry { term: 3, index, kind: 2, data: Bytes::new(), partial: false };
    let good = pb::AppendRequest { shard: 1, session: 1, sequence: 1, vote: vote(), ..Default::default() };
    let gap = pb::AppendRequest { entries: vec![entry(4)], ..good.clone() };
    let piece = pb::AppendRequest { session: 5, entries: vec![entry(0)], partial: true, ..good.clone() };
    let other = pb::AppendRequest { session: 5, sequence: 2, ..good.clone() };
    let unknown = pb::AppendRequest { shard: 8, ..good.clone() };
    let batch = |requests| pb::AppendBatch { envelope: envelope(77, 1), sequence: 1, requests };
    for wrong in [vec![gap], vec![piece, other]] {
        let mut answers = client.replicate(tokio_stream::iter([batch(wrong)])).await.unwrap().into_inner();
        assert_eq!(answers.message().await.unwrap_err().code(), Code::InvalidArgument);
    }
    let requests =
        tokio_stream::StreamExt::chain(tokio_stream::iter([batch(vec![unknown])]), tokio_stream::pending());
    let mut answers = client.replicate(requests).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().answers.remove(0);
    assert_eq!(answer.status(), pb::AppendStatus::Unavailable);
    assert_eq!(cluster.group(1, 1).status().last_index, 0);
}
