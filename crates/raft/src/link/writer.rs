//! Puts what the shards have to say to one peer into messages.
//!
//! Whatever has gathered while the last message was under way goes into the next, up to about a MiB. A large request
//! travels in pieces, one per message, so that it keeps no other shard waiting; heartbeats go first. Requests that
//! only tell how far the leader has committed wait a little: most often the next entries make them superfluous.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{Stream, stream};
use meridian_proto::raft as pb;
use meridian_rt::clock::Instant;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Link;

/// What a message holds at most, beside heartbeats and one piece.
const BATCH_BYTES: usize = 1 << 20;
/// Of a request larger than this, each message takes so much.
const PIECE_BYTES: usize = 256 << 10;
/// Requests taken in one go.
const BATCH_REQUESTS: usize = 4096;
/// How long a request that only tells the commit may wait.
const COMMIT_DELAY: Duration = Duration::from_millis(3);
/// How often the others may run first, where several shards have something to say: everything that one sync of the log
/// has woken gets into one message. Each time costs a look at all sockets, so a single shard's request leaves at once.
const YIELDS: usize = 3;

/// How a request may be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// A heartbeat: before everything else.
    First,
    InOrder,
    /// Tells only the commit: may wait, and is dropped when the session has something newer to say.
    Commit,
}

/// A request on its way out.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) request: pb::AppendRequest,
    pub(super) urgency: Urgency,
    /// Bytes of the entries.
    pub(super) bytes: usize,
    /// A piece of it was sent.
    pub(super) started: bool,
}

pub(super) struct Writer {
    requests: mpsc::UnboundedReceiver<Outgoing>,
    link: Arc<Link>,
    end: CancellationToken,
    envelope: Option<pb::Envelope>,
    sequence: u64,
    taken: Vec<Outgoing>,
    batcher: Batcher,
    yields: usize,
}

impl Writer {
    pub(super) fn new(
        requests: mpsc::UnboundedReceiver<Outgoing>,
        envelope: pb::Envelope,
        link: Arc<Link>,
        end: CancellationToken,
    ) -> Self {
        Writer {
            requests,
            link,
            end,
            envelope: Some(envelope),
            sequence: 0,
            taken: Vec::new(),
            batcher: Batcher::default(),
            yields: 0,
        }
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = pb::AppendBatch> + Send + 'static {
        stream::unfold(self, |mut writer| async move {
            let batch = writer.next().await?;
            Some((batch, writer))
        })
    }

    async fn next(&mut self) -> Option<pb::AppendBatch> {
        // The first message says who we are, even if there is nothing to replicate yet.
        if let Some(envelope) = self.envelope.take() {
            return Some(self.number(pb::AppendBatch { envelope: Some(envelope), ..Default::default() }));
        }
        loop {
            if self.batcher.is_idle() && !self.wait().await {
                return None;
            }
            if self.end.is_cancelled() {
                return None;
            }
            for _ in 0..self.yields {
                tokio::task::yield_now().await;
            }
            while self.taken.len() < BATCH_REQUESTS
                && let Ok(request) = self.requests.try_recv()
            {
                self.taken.push(request);
            }
            let now = Instant::now();
            for request in self.taken.drain(..) {
                self.batcher.add(request, now);
            }
            let requests = self.batcher.batch(now);
            self.yields = if requests.len() > 1 { YIELDS } else { 0 };
            if !requests.is_empty() {
                return Some(self.number(pb::AppendBatch { requests, ..Default::default() }));
            }
        }
    }

    fn number(&mut self, batch: pb::AppendBatch) -> pb::AppendBatch {
        self.sequence += 1;
        self.link.sent.store(self.sequence, Ordering::Relaxed);
        pb::AppendBatch { sequence: self.sequence, ..batch }
    }

    /// Waits for something to send. False: the link is at its end.
    async fn wait(&mut self) -> bool {
        let due = self.batcher.due;
        let due = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.end.cancelled() => false,
            count = self.requests.recv_many(&mut self.taken, BATCH_REQUESTS) => count > 0,
            () = due => true,
        }
    }
}

/// Decides what goes into which message. Pure.
#[derive(Default)]
struct Batcher {
    first: Vec<pb::AppendRequest>,
    in_order: VecDeque<Outgoing>,
    /// Commits that wait, by session.
    held: BTreeMap<u64, pb::AppendRequest>,
    due: Option<Instant>,
}

impl Batcher {
    /// Whether there is nothing that could be sent at once.
    fn is_idle(&self) -> bool {
        self.first.is_empty() && self.in_order.is_empty()
    }

    fn add(&mut self, outgoing: Outgoing, now: Instant) {
        let session = outgoing.request.session;
        match outgoing.urgency {
            Urgency::First => self.first.push(outgoing.request),
            Urgency::Commit => {
                self.held.insert(session, outgoing.request);
                self.due.get_or_insert(now + COMMIT_DELAY);
            }
            Urgency::InOrder => {
                // What the held one tells, this one tells too.
                self.held.remove(&session);
                self.in_order.push_back(outgoing);
            }
        }
    }

    fn batch(&mut self, now: Instant) -> Vec<pb::AppendRequest> {
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            for (_, request) in std::mem::take(&mut self.held) {
                self.in_order.push_back(Outgoing {
                    request,
                    urgency: Urgency::Commit,
                    bytes: 0,
                    started: false,
                });
            }
        }
        if self.held.is_empty() {
            self.due = None;
        }
        let mut batch = std::mem::take(&mut self.first);
        let mut bytes = 0;
        // Sessions that have something left to send before what follows of them.
        let mut blocked = BTreeSet::new();
        // Sessions whose large request ends in this message.
        let mut ended = BTreeSet::new();
        let mut left = Vec::new();
        while bytes < BATCH_BYTES
            && let Some(mut outgoing) = self.in_order.pop_front()
        {
            if blocked.contains(&outgoing.request.session) {
                left.push(outgoing);
                continue;
            }
            if outgoing.bytes <= PIECE_BYTES {
                bytes += outgoing.bytes;
                if outgoing.started {
                    // The last piece: what follows must not be taken for a part of the same request.
                    ended.insert(outgoing.request.session);
                    batch.push(outgoing.request);
                } else if ended.contains(&outgoing.request.session) {
                    batch.push(outgoing.request);
                } else {
                    merge_or_push(&mut batch, outgoing.request);
                }
                continue;
            }
            let piece = cut(&mut outgoing);
            bytes += PIECE_BYTES;
            batch.push(piece);
            blocked.insert(outgoing.request.session);
            left.push(outgoing);
        }
        for outgoing in left.into_iter().rev() {
            self.in_order.push_front(outgoing);
        }
        batch
    }
}

/// Makes one request of two of the same session where the second goes on where the first ends.
fn merge_or_push(batch: &mut Vec<pb::AppendRequest>, request: pb::AppendRequest) {
    // Requests of one session that gather are next to each other, or nearly.
    const LOOK_BACK: usize = 4;
    let start = batch.len().saturating_sub(LOOK_BACK);
    if let Some(earlier) = batch[start..].iter_mut().rev().find(|earlier| earlier.session == request.session)
    {
        let end = match earlier.entries.last() {
            Some(entry) => Some(pb::LogPosition { term: entry.term, index: entry.index }),
            None => earlier.previous,
        };
        if !earlier.partial && earlier.vote == request.vote && end == request.previous {
            earlier.entries.extend(request.entries);
            earlier.committed = request.committed;
            earlier.sequence = request.sequence;
            return;
        }
    }
    batch.push(request);
}

/// Takes the first piece off a large request.
fn cut(outgoing: &mut Outgoing) -> pb::AppendRequest {
    let rest = &mut outgoing.request;
    let mut room = PIECE_BYTES;
    let mut whole = 0;
    while let Some(entry) = rest.entries.get(whole)
        && entry_bytes(entry) <= room
    {
        room -= entry_bytes(entry);
        whole += 1;
    }
    let mut entries: Vec<pb::Entry> = rest.entries.drain(..whole).collect();
    if let Some(next) = rest.entries.first_mut() {
        let data = next.data.split_to(room.min(next.data.len()));
        entries.push(pb::Entry { term: next.term, index: next.index, kind: next.kind, data, partial: true });
    }
    outgoing.bytes = rest.entries.iter().map(entry_bytes).sum();
    outgoing.started = true;
    pb::AppendRequest {
        shard: rest.shard,
        session: rest.session,
        sequence: rest.sequence,
        vote: rest.vote,
        previous: rest.previous,
        committed: rest.committed,
        entries,
        partial: true,
    }
}

/// About what an entry takes on the wire.
pub(super) fn entry_bytes(entry: &pb::Entry) -> usize {
    const HEAD: usize = 32;
    entry.data.len() + HEAD
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::service::Assembler;

    fn entry(index: u64, size: usize) -> pb::Entry {
        let data = Bytes::from(vec![index as u8; size]);
        pb::Entry { term: 1, index, kind: pb::EntryKind::Normal.into(), data, partial: false }
    }

    fn append(session: u64, sequence: u64, after: u64, sizes: &[usize]) -> Outgoing {
        let entries: Vec<_> =
            sizes.iter().zip(after + 1..).map(|(size, index)| entry(index, *size)).collect();
        let bytes = entries.iter().map(entry_bytes).sum();
        let request = pb::AppendRequest {
            shard: session as u32,
            session,
            sequence,
            vote: Some(pb::Vote { term: 1, node: 1, committed: true }),
            previous: Some(pb::LogPosition { term: 1, index: after }),
            committed: Some(pb::LogPosition { term: 1, index: after }),
            entries,
            partial: false,
        };
        Outgoing { request, urgency: Urgency::InOrder, bytes, started: false }
    }

    fn commit(session: u64, sequence: u64, at: u64) -> Outgoing {
        Outgoing { urgency: Urgency::Commit, ..append(session, sequence, at, &[]) }
    }

    #[test]
    fn a_commit_waits_and_gives_way_to_entries() {
        let (mut batcher, now) = (Batcher::default(), Instant::now());
        batcher.add(commit(1, 1, 5), now);
        batcher.add(commit(2, 1, 7), now);
        assert!(batcher.is_idle());
        assert!(batcher.batch(now).is_empty());
        batcher.add(append(1, 2, 5, &[10]), now);
        let sequences: Vec<_> = batcher.batch(now).iter().map(|r| (r.session, r.sequence)).collect();
        assert_eq!(sequences, [(1, 2)]);
        let later = now + COMMIT_DELAY;
        let sequences: Vec<_> = batcher.batch(later).iter().map(|r| (r.session, r.sequence)).collect();
        assert_eq!(sequences, [(2, 1)]);
        assert_eq!(batcher.due, None);
    }

    #[test]
    fn consecutive_requests_of_a_session_become_one() {
        let (mut batcher, now) = (Batcher::default(), Instant::now());
        batcher.add(append(1, 1, 0, &[10, 10]), now);
        batcher.add(append(2, 1, 0, &[10]), now);
        batcher.add(append(1, 2, 2, &[10]), now);
        batcher.add(append(1, 3, 9, &[10]), now);
        let batch = batcher.batch(now);
        let shape: Vec<_> = batch.iter().map(|r| (r.session, r.sequence, r.entries.len())).collect();
        assert_eq!(shape, [(1, 2, 3), (2, 1, 1), (1, 3, 1)]);
    }

    #[test]
    fn a_huge_entry_does_not_hold_up_heartbeats_or_other_shards() {
        let (mut batcher, now) = (Batcher::default(), Instant::now());
        batcher.add(append(1, 1, 0, &[10, 8 << 20, 10]), now);
        batcher.add(append(1, 2, 3, &[10]), now);
        batcher.add(append(2, 1, 0, &[10]), now);
        batcher.add(Outgoing { urgency: Urgency::First, ..append(3, 1, 0, &[]) }, now);
        let batch = batcher.batch(now);
        let sessions: Vec<_> = batch.iter().map(|r| r.session).collect();
        assert_eq!(sessions, [3, 1, 2]);
        let mut whole = Vec::new();
        let mut assembler = Assembler::default();
        let mut messages = vec![batch];
        while !batcher.is_idle() {
            messages.push(batcher.batch(now));
        }
        assert!(messages.len() > 30);
        for message in messages {
            let bytes: usize = message.iter().flat_map(|r| &r.entries).map(entry_bytes).sum();
            assert!(bytes <= BATCH_BYTES + PIECE_BYTES);
            for request in message {
                whole.extend(assembler.add(request).unwrap());
            }
        }
        let of_first: Vec<_> = whole.into_iter().filter(|r| r.session == 1).collect();
        let sequences: Vec<_> = of_first.iter().map(|r| r.sequence).collect();
        assert_eq!(sequences, [1, 2]);
        let entries: Vec<_> = of_first.into_iter().flat_map(|r| r.entries).collect();
        let mut expected = append(1, 1, 0, &[10, 8 << 20, 10]).request.entries;
        expected.extend(append(1, 2, 3, &[10]).request.entries);
        assert!(entries == expected);
    }

    #[test]
    fn a_message_has_its_limit() {
        let (mut batcher, now) = (Batcher::default(), Instant::now());
        for session in 0..64 {
            batcher.add(append(session, 1, 0, &[100_000]), now);
        }
        let first = batcher.batch(now);
        assert_eq!(first.len(), 11);
        assert!(!batcher.is_idle());
    }
}
