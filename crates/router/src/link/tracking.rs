//! Which keys of the shard change, for the clients of this process that cache them.
//!
//! While anybody wants to know, the leader is asked to tell before anything else is sent to it, so a key that is read
//! there changes unnoticed only if the leader is lost. Whenever that happens, and again when there is a new one, whoever
//! caches is told that everything may have changed.

use std::{fmt, sync::Arc};

use meridian_proto::exec::{ExecRequest, TrackingAsked};
use meridian_topology::ShardId;
use tokio::sync::watch;

use super::{Link, State, Target, waiting};
use crate::local::{Outcome, Touched, Tracker};

/// Marks the tickets of this module, besides [`waiting::TICKET`].
pub(super) const TICKET: u64 = 1 << 61;

/// The clients of this process that cache keys. Called with locks of links held: must not call the router.
pub trait Caches: Send + Sync + fmt::Debug {
    /// What the commands of an entry did, before they are answered. `clients` are those of this process whose commands
    /// they were, 0 for others.
    fn touched(&self, shard: ShardId, clients: &[u64], touched: &[Touched]);

    /// Any key of the shard may have changed.
    fn lost(&self, shard: ShardId);
}

#[derive(Debug)]
pub(super) struct Tracking {
    wanted: bool,
    /// The leader has been asked, under this ticket; 0 if it has not.
    asked: u64,
    next: u64,
    /// The leader in this process that tells.
    here: Option<Arc<dyn Tracker>>,
    begun: watch::Sender<bool>,
}

impl Default for Tracking {
    fn default() -> Tracking {
        Tracking { wanted: false, asked: 0, next: 0, here: None, begun: watch::Sender::new(false) }
    }
}

impl Tracking {
    fn next_ticket(&mut self) -> u64 {
        self.next = (self.next + 1) & (TICKET - 1);
        self.asked = waiting::TICKET | TICKET | self.next;
        self.asked
    }
}

/// Hears of the changes of a leader in this process.
struct Hears {
    link: std::sync::Weak<Link>,
    ticket: u64,
}

impl fmt::Debug for Hears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hears").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

impl Tracker for Hears {
    fn touched(&self, touched: &[Touched]) {
        if let Some(link) = self.link.upgrade() {
            link.touched(touched);
        }
    }

    fn ended(&self) {
        if let Some(link) = self.link.upgrade() {
            link.complete(self.ticket, Outcome::NotLeader(None));
        }
    }
}

impl Link {
    /// Whether the leader is to tell which keys change.
    pub(crate) fn track(&self, wanted: bool) {
        let mut state = self.state.lock();
        if state.tracking.wanted == wanted {
            return;
        }
        if !wanted {
            self.stop_tracking(&mut state);
        }
        state.tracking.wanted = wanted;
        self.begin_tracking(&mut state);
    }

    /// Returns once the leader tells which keys change.
    pub(crate) async fn tracked(&self) {
        let mut begun = self.state.lock().tracking.begun.subscribe();
        // The sender lives as long as the link.
        drop(begun.wait_for(|begun| *begun).await);
    }

    /// Asks the leader to tell, if anybody wants to know.
    pub(super) fn begin_tracking(&self, state: &mut State) {
        if !state.tracking.wanted {
            return;
        }
        let Some((_, target)) = state.target.clone() else { return self.search(state, None) };
        let ticket = state.tracking.next_ticket();
        match target {
            Target::Remote(peer) => {
                if !peer.send(self.asking(ticket, TrackingAsked::Begin)) {
                    self.search(state, None);
                }
            }
            Target::Local(replica) => {
                let tracker: Arc<dyn Tracker> =
                    Arc::new(Hears { link: std::sync::Weak::clone(&self.this), ticket });
                match replica.track(Arc::clone(&tracker)) {
                    Ok(()) => {
                        state.tracking.here = Some(tracker);
                        state.tracking.begun.send_replace(true);
                    }
                    Err(leader) => self.search(state, leader),
                }
            }
        }
    }

    /// The target that tells is given up: what was cached may be old.
    pub(super) fn give_up_tracking(&self, state: &mut State) {
        if state.tracking.asked != 0 {
            self.end_tracking(state);
        }
    }

    /// There is another target: what was cached may be old.
    pub(super) fn end_tracking(&self, state: &mut State) {
        if !state.tracking.wanted {
            return;
        }
        self.stop_tracking(state);
        if let Some(caches) = self.finder.caches() {
            caches.lost(self.shard);
        }
    }

    /// Wants to hear no more from the target. The ticket is no longer good.
    fn stop_tracking(&self, state: &mut State) {
        state.tracking.begun.send_replace(false);
        let ticket = std::mem::replace(&mut state.tracking.asked, 0);
        let here = state.tracking.here.take();
        match (&state.target, here) {
            (Some((_, Target::Local(replica))), Some(here)) => replica.untrack(&here),
            // A stream that is broken ends it too.
            (Some((_, Target::Remote(peer))), _) if ticket != 0 => {
                peer.send(self.asking(ticket, TrackingAsked::End));
            }
            _ => {}
        }
    }

    fn asking(&self, ticket: u64, asked: TrackingAsked) -> ExecRequest {
        ExecRequest { ticket, shard: self.shard.0, tracking: asked.into(), ..ExecRequest::default() }
    }

    /// Takes the answer to the question whether the leader tells, or that it tells no more.
    pub(super) fn settle_tracking(&self, state: &mut State, ticket: u64, outcome: Outcome) {
        if ticket != state.tracking.asked || !state.tracking.wanted {
            return;
        }
        match outcome {
            Outcome::Done(_) => {
                state.tracking.begun.send_replace(true);
            }
            Outcome::NotLeader(hint) => self.search(state, hint),
            _ => self.search(state, None),
        }
    }

    /// Hears what the commands of an entry did.
    pub(crate) fn touched(&self, touched: &[Touched]) {
        let clients: Vec<u64> = {
            let state = self.state.lock();
            if !state.tracking.wanted {
                return;
            }
            touched.iter().map(|touched| state.client_of(touched.session, touched.sequence)).collect()
        };
        if let Some(caches) = self.finder.caches() {
            caches.touched(self.shard, &clients, touched);
        }
    }
}

impl State {
    /// The client of this process whose command that is, if it is under way; otherwise 0.
    fn client_of(&self, session: u64, sequence: u64) -> u64 {
        let waits = self.waiting.client(session, sequence);
        if waits != 0 || session != self.session {
            return waits;
        }
        let holds = |first: u64, count: u32| (first..first + u64::from(count)).contains(&sequence);
        let logged = self.items.iter().filter(|item| item.first_sequence != 0);
        let item = logged
            .take_while(|item| item.first_sequence <= sequence)
            .find(|item| holds(item.first_sequence, item.count));
        item.map_or(0, |item| item.client)
    }
}
