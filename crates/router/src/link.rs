//! The way to one shard: keeps the order, finds the leader, resends.
//!
//! Parts are sent in the order in which they are submitted. When the node they went to refuses, breaks off or is no
//! longer the leader, everything without an answer is sent again, in order, to the node that leads now: a new *attempt*.
//! Answers of earlier attempts are ignored. A part that was never sent and runs out of time is answered "not applied";
//! one that was sent, "unknown".

mod tracking;
mod waiting;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use meridian_command::ReplyError;
use meridian_proto::exec::ExecRequest;
use meridian_rt::{clock::Instant, random};
use meridian_topology::{DatabaseId, NodeId, ShardId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{
    local::{Batch, Outcome, ReadAnswer, Replica, Sink, Ticket},
    peer::Peer,
    router::Finder,
};
pub use tracking::Caches;
use tracking::Tracking;
use waiting::Waiting;
pub use waiting::{Awaited, Late};

/// Parts wait for room while a link holds more than this.
const LINK_BYTES: usize = 64 << 20;
/// A link that was idle for so long takes a new session: the shard may have forgotten the old one.
const SESSION_IDLE: Duration = Duration::from_secs(300);
/// Low bits of a wire ticket name the part, the rest the attempt.
const TICKET_BITS: u32 = 40;
const TICKET_MASK: u64 = (1 << TICKET_BITS) - 1;
/// The two highest bits are for other tickets: probes of peers, and questions for late replies.
const ATTEMPT_MASK: u64 = (1 << (62 - TICKET_BITS)) - 1;

/// Commands of one connection for one shard.
#[derive(Debug)]
pub struct Part {
    /// The database of all of them.
    pub database: DatabaseId,
    /// Whether they go through the shard's log.
    pub logged: bool,
    /// How many commands there are.
    pub count: u32,
    /// Their records.
    pub commands: Bytes,
    /// Version of the map that they were planned with.
    pub epoch: u64,
    /// When the client gets an error instead.
    pub deadline: Instant,
    /// The client of this process whose commands they are; 0 for none.
    pub client: u64,
    /// Whom to tell.
    pub waiter: Waiter,
}

/// Who waits for a part.
#[derive(Clone, Debug)]
pub struct Waiter {
    /// Takes the replies.
    pub target: Arc<dyn WaitFor>,
    /// Which part of the target this is.
    pub part: usize,
}

/// Takes the replies to a part: for every command, length (u32 little endian) and reply. Or one error for all of them.
pub trait WaitFor: Send + Sync + fmt::Debug {
    /// Called once for every part, from whichever task the replies arrive at.
    fn part_done(self: Arc<Self>, part: usize, result: Result<Bytes, ReplyError>);
}

/// The way to one shard.
pub struct Link {
    shard: ShardId,
    this: Weak<Link>,
    finder: Arc<dyn Finder>,
    state: Mutex<State>,
    room: Notify,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("shard", &self.shard).finish_non_exhaustive()
    }
}

#[derive(Clone)]
pub(crate) enum Target {
    Local(Arc<dyn Replica>),
    Remote(Arc<Peer>),
}

struct State {
    target: Option<(NodeId, Target)>,
    searching: bool,
    attempt: u64,
    items: VecDeque<Item>,
    /// Ticket of the first item; those behind it count up.
    first_ticket: u64,
    /// How many items at the front have been sent in this attempt.
    sent: usize,
    session: u64,
    next_sequence: u64,
    watermark: u64,
    bytes: usize,
    last_use: Instant,
    waiting: Waiting,
    tracking: Tracking,
}

struct Item {
    database: DatabaseId,
    logged: bool,
    count: u32,
    commands: Bytes,
    epoch: u64,
    deadline: Instant,
    client: u64,
    /// Taken when the client has its answer.
    waiter: Option<Waiter>,
    /// 0 until it is first sent, and for reads outside the log.
    first_sequence: u64,
    sends: u32,
    resolved: bool,
}

/// Answers that are handed out after the lock is released.
type Answers = Vec<(Waiter, Result<Bytes, ReplyError>)>;

fn hand_out(answers: Answers) {
    for (waiter, result) in answers {
        waiter.target.part_done(waiter.part, result);
    }
}

impl Link {
    pub(crate) fn new(shard: ShardId, finder: Arc<dyn Finder>) -> Arc<Link> {
        Arc::new_cyclic(|this| Link {
            shard,
            this: Weak::clone(this),
            finder,
            state: Mutex::new(State {
                target: None,
                searching: false,
                attempt: 1,
                items: VecDeque::new(),
                first_ticket: 0,
                sent: 0,
                session: new_session(),
                next_sequence: 1,
                watermark: 0,
                bytes: 0,
                last_use: Instant::now(),
                waiting: Waiting::new(),
                tracking: Tracking::default(),
            }),
            room: Notify::new(),
        })
    }

    /// The shard it leads to.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Reads at once if the shard is led by this process; otherwise the reads must be submitted.
    pub fn read_here(&self, database: DatabaseId, commands: &[u8], replies: &mut Vec<u8>) -> bool {
        let replica = {
            let state = self.state.lock();
            match &state.target {
                Some((_, Target::Local(replica))) => Arc::clone(replica),
                _ => return false,
            }
        };
        replica.read(database, commands, replies) == ReadAnswer::Done
    }

    /// Whether the shard is known to refuse commands that need memory. It is if this process leads it; others say so when
    /// they are asked to execute something.
    pub fn is_memory_full(&self) -> bool {
        let replica = match &self.state.lock().target {
            Some((_, Target::Local(replica))) => Arc::clone(replica),
            _ => return false,
        };
        replica.is_memory_full()
    }

    /// Waits until the link holds less than its limit.
    pub async fn room(&self) {
        loop {
            let notified = self.room.notified();
            if self.state.lock().bytes < LINK_BYTES {
                return;
            }
            notified.await;
        }
    }

    /// Whether parts should wait for [`Link::room`].
    pub fn is_full(&self) -> bool {
        self.state.lock().bytes >= LINK_BYTES
    }

    /// Sends a part behind all that was submitted before.
    pub fn submit(&self, part: Part) {
        let mut answers = Answers::new();
        {
            let mut state = self.state.lock();
            state.push(part);
            self.pump(&mut state, &mut answers);
        }
        hand_out(answers);
    }

    /// The node that parts are sent to, if it is known.
    pub(crate) fn target(&self) -> Option<NodeId> {
        self.state.lock().target.as_ref().map(|(node, _)| *node)
    }

    /// Looks for the leader if it is not known, before somebody has something to send.
    pub(crate) fn seek(&self, hint: Option<NodeId>) {
        let mut state = self.state.lock();
        if state.target.is_none() {
            self.search(&mut state, hint);
        }
    }

    /// Sends everything that has no answer to another node.
    pub(crate) fn retarget(&self, node: NodeId, target: Target) {
        let mut answers = Answers::new();
        {
            let mut state = self.state.lock();
            state.searching = false;
            state.restart();
            self.end_tracking(&mut state);
            state.target = Some((node, target));
            // Before anything is read there.
            self.begin_tracking(&mut state);
            self.pump(&mut state, &mut answers);
            self.ask_again(&mut state);
        }
        hand_out(answers);
    }

    /// The node is known not to lead or is out of reach: looks for the leader if it was the target.
    pub(crate) fn lost(&self, node: NodeId) {
        let mut state = self.state.lock();
        if state.target.as_ref().is_some_and(|(target, _)| *target == node) {
            self.search(&mut state, None);
        }
    }

    /// Takes an answer from the wire or from a local replica.
    pub(crate) fn complete(&self, wire_ticket: u64, outcome: Outcome) {
        let mut answers = Answers::new();
        {
            let mut state = self.state.lock();
            if wire_ticket & waiting::TICKET == 0 {
                self.settle(&mut state, wire_ticket, outcome, &mut answers);
            } else if wire_ticket & tracking::TICKET != 0 {
                self.settle_tracking(&mut state, wire_ticket, outcome);
            } else {
                self.settle_waiting(&mut state, wire_ticket, outcome);
            }
        }
        hand_out(answers);
    }

    /// Answers what has run out of time.
    pub(crate) fn expire(&self, now: Instant) {
        let mut answers = Answers::new();
        {
            let mut state = self.state.lock();
            for item in &mut state.items {
                if item.deadline > now || item.waiter.is_none() {
                    continue;
                }
                let Some(waiter) = item.waiter.take() else { continue };
                if item.sends == 0 || !item.logged {
                    item.resolved = true;
                    answers.push((waiter, Err(ReplyError::NOT_APPLIED_NO_LEADER)));
                } else {
                    answers.push((waiter, Err(ReplyError::OUTCOME_UNKNOWN)));
                }
            }
            state.pop_resolved();
        }
        self.room.notify_waiters();
        hand_out(answers);
        self.renew(now);
    }

    /// Sends what has not been sent in this attempt.
    fn pump(&self, state: &mut State, answers: &mut Answers) {
        while state.sent < state.items.len() {
            let Some((_, target)) = state.target.clone() else {
                self.search(state, None);
                return;
            };
            let index = state.sent;
            state.sent += 1;
            if state.items[index].resolved {
                continue;
            }
            let wire_ticket = state.mark_sent(index);
            let item = &state.items[index];
            let refused = match target {
                Target::Remote(peer) => peer.send(self.request(state, item, wire_ticket)).then_some(None),
                Target::Local(replica) => self.send_here(&*replica, state, index, wire_ticket),
            };
            match refused {
                Some(None) => {}
                Some(Some(outcome)) => {
                    self.settle(state, wire_ticket, outcome, answers);
                }
                None => self.search(state, None),
            }
        }
        state.pop_resolved();
    }

    /// Hands an item to the replica in this process. `Some(Some(_))`: it has its outcome already.
    fn send_here(
        &self,
        replica: &dyn Replica,
        state: &State,
        index: usize,
        wire_ticket: u64,
    ) -> Option<Option<Outcome>> {
        let item = &state.items[index];
        // A read that waits in the queue must not be overtaken by a later one.
        let overtakes = || state.items.range(..index).any(|item| !item.logged && !item.resolved);
        if !item.logged && !overtakes() {
            let mut replies = Vec::with_capacity(item.commands.len() * 2 + 64);
            match replica.read(item.database, &item.commands, &mut replies) {
                ReadAnswer::Done => return Some(Some(Outcome::Done(replies.into()))),
                ReadAnswer::Malformed => return Some(Some(Outcome::Malformed)),
                ReadAnswer::Queue => {}
            }
        }
        let sink: Arc<dyn Sink> = self.this.upgrade()?;
        let batch = Batch {
            database: item.database,
            session: if item.logged { state.session } else { 0 },
            first_sequence: item.first_sequence,
            watermark: state.watermark,
            count: item.count,
            commands: item.commands.clone(),
            ticket: Ticket { sink, number: wire_ticket },
        };
        Some(replica.enqueue(batch).err())
    }

    fn request(&self, state: &State, item: &Item, wire_ticket: u64) -> ExecRequest {
        ExecRequest {
            ticket: wire_ticket,
            shard: self.shard.0,
            database: item.database.0,
            epoch: item.epoch,
            attempt: state.attempt,
            session: if item.logged { state.session } else { 0 },
            first_sequence: item.first_sequence,
            watermark: state.watermark,
            count: item.count,
            commands: item.commands.clone(),
            ..ExecRequest::default()
        }
    }

    fn settle(&self, state: &mut State, wire_ticket: u64, outcome: Outcome, answers: &mut Answers) {
        let Some(index) = state.index_of(wire_ticket) else { return };
        match outcome {
            Outcome::Done(replies) => {
                if state.items[index].waiter.is_none() {
                    state.waiting.came_too_late(&replies);
                }
                state.resolve(index, Ok(replies), answers);
            }
            Outcome::Malformed | Outcome::WaiterUnknown => {
                state.resolve(index, Err(ReplyError::INTERNAL_MALFORMED), answers)
            }
            Outcome::NotLeader(hint) => self.search(state, hint),
            Outcome::Unknown | Outcome::Gap | Outcome::Busy => self.search(state, None),
            Outcome::DiskFull => {
                state.give_up_writes(index, answers);
                self.pump(state, answers);
            }
            Outcome::SessionExpired => {
                state.renew_session(answers);
                self.pump(state, answers);
            }
        }
        let before = state.bytes;
        state.pop_resolved();
        if before >= LINK_BYTES && state.bytes < LINK_BYTES {
            self.room.notify_waiters();
        }
    }

    /// Gives up the target and looks for the leader, unless that is under way.
    fn search(&self, state: &mut State, hint: Option<NodeId>) {
        state.restart();
        self.give_up_tracking(state);
        state.target = None;
        if state.searching {
            return;
        }
        let Some(this) = self.this.upgrade() else { return };
        state.searching = true;
        tracing::debug!(shard = %self.shard, ?hint, "looking for the leader");
        self.finder.find(this, hint);
    }
}

impl Sink for Link {
    fn complete(self: Arc<Self>, number: u64, outcome: Outcome) {
        Link::complete(&self, number, outcome);
    }
}

fn new_session() -> u64 {
    random::next_u64() | 1
}

impl State {
    fn push(&mut self, part: Part) {
        let now = Instant::now();
        if self.items.is_empty() && now.duration_since(self.last_use) > SESSION_IDLE {
            self.session = new_session();
            self.next_sequence = 1;
            self.watermark = 0;
        }
        self.last_use = now;
        self.bytes += part.commands.len();
        self.items.push_back(Item {
            database: part.database,
            logged: part.logged,
            count: part.count,
            commands: part.commands,
            epoch: part.epoch,
            deadline: part.deadline,
            client: part.client,
            waiter: Some(part.waiter),
            first_sequence: 0,
            sends: 0,
            resolved: false,
        });
    }

    /// Gives an item its sequences if it has none and returns the ticket it travels under.
    fn mark_sent(&mut self, index: usize) -> u64 {
        let item = &mut self.items[index];
        item.sends += 1;
        if item.logged && item.first_sequence == 0 {
            item.first_sequence = self.next_sequence;
            self.next_sequence += u64::from(item.count);
        }
        (self.attempt & ATTEMPT_MASK) << TICKET_BITS | ((self.first_ticket + index as u64) & TICKET_MASK)
    }

    /// The item that an answer belongs to, unless it is of an earlier attempt or already resolved.
    fn index_of(&self, wire_ticket: u64) -> Option<usize> {
        if wire_ticket >> TICKET_BITS != self.attempt & ATTEMPT_MASK {
            return None;
        }
        let index = (wire_ticket & TICKET_MASK).wrapping_sub(self.first_ticket & TICKET_MASK) & TICKET_MASK;
        let index = usize::try_from(index).ok()?;
        self.items.get(index).filter(|item| !item.resolved).map(|_| index)
    }

    fn resolve(&mut self, index: usize, result: Result<Bytes, ReplyError>, answers: &mut Answers) {
        let item = &mut self.items[index];
        item.resolved = true;
        if let Some(waiter) = item.waiter.take() {
            answers.push((waiter, result));
        }
    }

    /// Everything without an answer will be sent again, under a new attempt.
    fn restart(&mut self) {
        self.attempt += 1;
        self.sent = 0;
    }

    fn pop_resolved(&mut self) {
        while self.items.front().is_some_and(|item| item.resolved) {
            let Some(item) = self.items.pop_front() else { return };
            self.bytes -= item.commands.len();
            self.first_ticket += 1;
            self.sent = self.sent.saturating_sub(1);
            if item.first_sequence != 0 {
                self.watermark = item.first_sequence + u64::from(item.count) - 1;
            }
        }
    }

    /// The leader takes no writes: those from `index` on are not applied, unless an earlier attempt has got through.
    /// Their sequences are gone with the session, so the shard executes none of them later either.
    fn give_up_writes(&mut self, index: usize, answers: &mut Answers) {
        self.session = new_session();
        self.next_sequence = 1;
        self.watermark = 0;
        self.restart();
        for at in 0..self.items.len() {
            let item = &mut self.items[at];
            if item.resolved || !item.logged {
                continue;
            }
            item.first_sequence = 0;
            let refused = at >= index && item.sends <= 1;
            let error = if refused { ReplyError::DISK_FULL } else { ReplyError::OUTCOME_UNKNOWN };
            self.resolve(at, Err(error), answers);
        }
    }

    /// The shard has forgotten the session: starts another. What was sent more than once may have been executed.
    fn renew_session(&mut self, answers: &mut Answers) {
        self.session = new_session();
        self.next_sequence = 1;
        self.watermark = 0;
        self.restart();
        for index in 0..self.items.len() {
            let item = &mut self.items[index];
            if item.resolved || item.first_sequence == 0 {
                continue;
            }
            item.first_sequence = 0;
            if item.sends > 1 {
                self.resolve(index, Err(ReplyError::OUTCOME_UNKNOWN), answers);
            }
        }
    }
}

#[cfg(test)]
mod tests;
