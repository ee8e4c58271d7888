//! A proxy in another process hears which keys change: on the stream of its commands, before they are answered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use meridian_proto::exec::{ExecRequest, ExecResponse, ExecStatus, Touched as WireTouched, TrackingAsked};
use meridian_router::local::{Outcome, Replica, Touched, Tracker};
use meridian_topology::ShardId;
use tokio::sync::mpsc;

use super::response;
use crate::shard::{Shard, Shards};

/// A proxy for which so many bytes of keys wait hears no more: it asks again, and takes all keys for changed.
const WAITING_BYTES_MAX: usize = 64 << 20;
/// What a key takes besides its bytes, about.
const KEY_BYTES: usize = 64;

/// The shards that a stream tells of.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    shards: BTreeMap<u32, (Weak<Shard>, Arc<Outlet>)>,
    waiting: Arc<AtomicUsize>,
}

/// The way to the proxy, for one shard.
#[derive(Debug)]
struct Outlet {
    sender: mpsc::UnboundedSender<ExecResponse>,
    shard: u32,
    ticket: u64,
    waiting: Arc<AtomicUsize>,
    cut: AtomicBool,
}

impl Outlet {
    fn send(&self, status: ExecStatus, touched: Vec<WireTouched>) {
        let (ticket, shard, status) = (self.ticket, self.shard, status.into());
        // The receiver is gone when the stream is: the proxy notices that itself.
        drop(self.sender.send(ExecResponse { ticket, shard, status, touched, ..ExecResponse::default() }));
    }
}

impl Tracker for Outlet {
    fn touched(&self, touched: &[Touched]) {
        if self.cut.load(Ordering::Acquire) {
            return;
        }
        let touched: Vec<WireTouched> = touched.iter().map(wire).collect();
        let bytes = weight(&touched);
        if self.waiting.fetch_add(bytes, Ordering::AcqRel) > WAITING_BYTES_MAX {
            self.waiting.fetch_sub(bytes, Ordering::AcqRel);
            self.cut.store(true, Ordering::Release);
            tracing::info!(shard = self.shard, "a proxy that is too slow no longer hears which keys change");
            return self.send(ExecStatus::TrackingEnded, Vec::new());
        }
        self.send(ExecStatus::Touched, touched);
    }

    fn ended(&self) {
        self.send(ExecStatus::TrackingEnded, Vec::new());
    }
}

fn wire(touched: &Touched) -> WireTouched {
    let Touched { session, sequence, changed, read, flushed } = touched.clone();
    WireTouched { session, sequence, changed, read, flushed }
}

fn weight(touched: &[WireTouched]) -> usize {
    let keys = touched.iter().flat_map(|touched| touched.changed.iter().chain(&touched.read));
    keys.map(|key| key.len() + KEY_BYTES).sum()
}

impl Tracked {
    /// Begins or ends the telling of a shard, and answers that it has begun.
    pub(super) fn asked(
        &mut self,
        shards: &Shards,
        sender: &mpsc::UnboundedSender<ExecResponse>,
        asked: TrackingAsked,
        request: &ExecRequest,
    ) -> Option<ExecResponse> {
        let (id, ticket) = (request.shard, request.ticket);
        if asked == TrackingAsked::End {
            if self.shards.get(&id).is_some_and(|(_, outlet)| outlet.ticket == ticket) {
                self.end(id);
            }
            return None;
        }
        self.end(id);
        let Some(shard) = shards.get(ShardId(id)) else {
            return Some(response(id, ticket, Outcome::NotLeader(None)));
        };
        let outlet = Arc::new(Outlet {
            sender: sender.clone(),
            shard: id,
            ticket,
            waiting: Arc::clone(&self.waiting),
            cut: AtomicBool::new(false),
        });
        // What is told goes out behind this answer: the stream empties its queue only after it.
        if let Err(leader) = shard.track(Arc::clone(&outlet) as _) {
            return Some(response(id, ticket, Outcome::NotLeader(leader)));
        }
        self.shards.insert(id, (Arc::downgrade(&shard), outlet));
        Some(response(id, ticket, Outcome::Done(bytes::Bytes::new())))
    }

    /// A response leaves; how many bytes of keys it has.
    pub(super) fn taken(&self, response: &ExecResponse) -> usize {
        if response.touched.is_empty() {
            return 0;
        }
        let bytes = weight(&response.touched);
        self.waiting.fetch_sub(bytes, Ordering::AcqRel);
        bytes
    }

    fn end(&mut self, id: u32) {
        let Some((shard, outlet)) = self.shards.remove(&id) else { return };
        if let Some(shard) = shard.upgrade() {
            shard.untrack(&(outlet as Arc<dyn Tracker>));
        }
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        for id in self.shards.keys().copied().collect::<Vec<_>>() {
            self.end(id);
        }
    }
}
