//! Packs what has gathered in a shard's queue into log entries.
//!
//! Batching follows the load: with nothing in flight a command is proposed at once; otherwise the queue gathers until it
//! is worth an entry or an entry completes (Nagle's rule). When one completes, most of those who were answered send their
//! next command within a moment: the queue waits that moment for them, but never longer than the entry took, nor than
//! [`GATHER_MAX`], so that clients at work together share one entry instead of taking turns in two. A client that is
//! alone never waits.
//!
//! Measured with 50 connections without pipelining over 4 shards: 9.8 instead of 6.1 commands per entry, 12 % more
//! writes, 16 % less CPU for each.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use meridian_engine::{
    Evictor, SectionResult, Victim,
    entry::{self, Header, SectionHead},
};
use meridian_raft::{Group, ProposeError, Reply};
use meridian_router::{
    local::{Batch, Outcome, Ticket},
    pubsub::Hub,
};
use meridian_rt::{clock, random};
use meridian_topology::ShardId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{ShardState, relief::Relief, state::Applied};
use crate::notify;

/// Entries proposed and not yet applied.
const ENTRIES_IN_FLIGHT: usize = 8;
/// With an entry in flight, so many commands are worth the next one.
const COMMANDS_WORTH_AN_ENTRY: usize = 32;
/// An entry is closed when it holds so many bytes; one larger batch still makes one entry.
const ENTRY_BYTES: usize = 1 << 20;
/// The queue refuses more than this.
const QUEUE_BYTES: usize = 128 << 20;
/// How long commands wait at most, after an entry has completed, for those that are expected: as long as the entry took,
/// because whoever was answered needs longer to come back where everything takes longer, within these bounds.
const GATHER_MIN: Duration = Duration::from_micros(500);
const GATHER_MAX: Duration = Duration::from_millis(3);
/// A replica that does not lead, or not safely, looks so often whether it has come to lead and must tick.
const FOLLOWER_TICK_WAIT: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Proposer {
    queue: Arc<Queue>,
}

#[derive(Debug)]
struct Queue {
    waiting: Mutex<Waiting>,
    in_flight: AtomicUsize,
    /// A tick is proposed and not yet applied.
    ticking: AtomicBool,
    /// When the last tick came to nothing. The key is due all the same, and nobody is to be asked again at once.
    tick_refused: Mutex<Option<clock::Instant>>,
    /// There is something to propose, or an entry has completed.
    stirred: Notify,
    /// Chooses what goes when there is no room.
    evictor: Mutex<Evictor>,
    /// Where keyspace events are published.
    hub: Arc<Hub>,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    commands: usize,
    bytes: usize,
    /// Commands of the last entry, and of those who waited when it completed: about what the next should hold.
    expected: usize,
    /// Until when the queue waits for them.
    gather_until: Option<clock::Instant>,
    closed: bool,
}

impl Waiting {
    /// Whether most of what is expected is still to come, and soon.
    fn is_gathering(&self) -> bool {
        self.commands * 4 < self.expected * 3
            && self.gather_until.is_some_and(|until| clock::Instant::now() < until)
    }
}

impl Proposer {
    pub(super) fn spawn(shard: ShardId, state: Arc<ShardState>, group: Group, hub: Arc<Hub>) -> Proposer {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            ticking: AtomicBool::new(false),
            tick_refused: Mutex::default(),
            stirred: Notify::new(),
            evictor: Mutex::new(Evictor::new(random::next_u64())),
            hub,
        });
        tokio::spawn(run(shard, Arc::downgrade(&queue), state, group));
        Proposer { queue }
    }

    /// Queues a batch; gives it back if the queue is full.
    pub(super) fn push(&self, batch: Batch) -> Result<(), Batch> {
        {
            let mut waiting = self.queue.waiting.lock();
            if waiting.bytes > QUEUE_BYTES || waiting.closed {
                return Err(batch);
            }
            waiting.bytes += batch.commands.len();
            waiting.commands += batch.count as usize;
            waiting.batches.push_back(batch);
        }
        self.queue.stirred.notify_one();
        Ok(())
    }
}

impl Drop for Proposer {
    fn drop(&mut self) {
        let batches = {
            let mut waiting = self.queue.waiting.lock();
            waiting.closed = true;
            mem::take(&mut waiting.batches)
        };
        for batch in batches {
            batch.ticket.sink.complete(batch.ticket.number, Outcome::NotLeader(None));
        }
        self.queue.stirred.notify_one();
    }
}

async fn run(shard: ShardId, queue: Weak<Queue>, state: Arc<ShardState>, group: Group) {
    let mut pressure = state.memory().node().pressure();
    loop {
        let Some(queue) = queue.upgrade() else { return };
        let wake = tokio::select! {
            biased;
            () = queue.stirred.notified() => Wake::Stirred,
            () = state.expiry_moved() => Wake::ExpiryMoved,
            // The sender lives in the state.
            Ok(()) = pressure.changed() => Wake::Pressed,
            () = sleep_until(queue.gathered_at()) => Wake::Stirred,
            () = sleep_until(tick_due(&queue, &state, &group)) => Wake::Due,
        };
        match wake {
            Wake::Stirred => {
                while let Some(drained) = queue.drain() {
                    propose(&queue, &state, &group, drained);
                }
                if queue.waiting.lock().closed {
                    return;
                }
            }
            Wake::ExpiryMoved | Wake::Pressed => {}
            Wake::Due => {
                tracing::trace!(%shard, "proposing a tick: a key falls due");
                propose_tick(&queue, &group);
            }
        }
        relieve(&queue, &state, &group);
    }
}

enum Wake {
    Stirred,
    ExpiryMoved,
    Pressed,
    Due,
}

/// When a tick has to be proposed so that keys that fall due are reclaimed; never while another is under way.
fn tick_due(queue: &Queue, state: &ShardState, group: &Group) -> Option<clock::Instant> {
    if queue.ticking.load(Ordering::Acquire) {
        return None;
    }
    let at = state.next_expiry_ms()?;
    let wait = Duration::from_millis(at.saturating_sub(clock::wall_ms()));
    let wait = if group.can_propose() { wait } else { wait.max(FOLLOWER_TICK_WAIT) };
    let due = clock::Instant::now() + wait;
    let refused = *queue.tick_refused.lock();
    Some(refused.map_or(due, |refused| due.max(refused + FOLLOWER_TICK_WAIT)))
}

fn propose_tick(queue: &Arc<Queue>, group: &Group) {
    if !group.can_propose() {
        return;
    }
    queue.ticking.store(true, Ordering::Release);
    let queue = Arc::clone(queue);
    let entry = entry::Builder::new(header()).finish();
    group.propose(
        entry,
        Box::new(move |result| {
            *queue.tick_refused.lock() = result.is_err().then(clock::Instant::now);
            if let Ok(reply) = result {
                announce(&queue.hub, reply);
            }
            queue.ticking.store(false, Ordering::Release);
            queue.stirred.notify_one();
        }),
    );
}

/// Makes room without waiting for a command, unless that is under way.
fn relieve(queue: &Arc<Queue>, state: &ShardState, group: &Group) {
    if state.memory_limit().is_none() || !group.can_propose() || !queue.evictor.lock().is_idle() {
        return;
    }
    let relief = Relief::of(state, &mut queue.evictor.lock(), 0);
    if relief.victims.is_empty() {
        return;
    }
    let mut builder = entry::Builder::new(header());
    relief.begin(&mut builder);
    let queue = Arc::clone(queue);
    group.propose(
        builder.finish(),
        Box::new(move |result| {
            if let Ok(reply) = result {
                announce(&queue.hub, reply);
            }
            queue.settled(relief.victims);
        }),
    );
}

async fn sleep_until(due: Option<clock::Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn header() -> Header {
    Header { time_ms: clock::wall_ms(), seed: random::next_u64() }
}

impl Queue {
    /// Takes what makes the next entry, if it is time for one.
    fn drain(&self) -> Option<Vec<Batch>> {
        let in_flight = self.in_flight.load(Ordering::Acquire);
        if in_flight >= ENTRIES_IN_FLIGHT {
            return None;
        }
        let mut waiting = self.waiting.lock();
        let is_time = match in_flight {
            0 => !waiting.is_gathering(),
            _ => waiting.commands >= COMMANDS_WORTH_AN_ENTRY,
        };
        if waiting.batches.is_empty() || !is_time {
            return None;
        }
        waiting.gather_until = None;
        if waiting.bytes <= ENTRY_BYTES {
            waiting.bytes = 0;
            waiting.commands = 0;
            return Some(mem::take(&mut waiting.batches).into());
        }
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(batch) = waiting.batches.pop_front() {
            bytes += batch.commands.len();
            waiting.bytes -= batch.commands.len();
            waiting.commands -= batch.count as usize;
            taken.push(batch);
            let next = waiting.batches.front().map_or(0, |batch| batch.commands.len());
            if bytes + next > ENTRY_BYTES {
                break;
            }
        }
        Some(taken)
    }

    /// When what waits is proposed even if nothing is added.
    fn gathered_at(&self) -> Option<clock::Instant> {
        let waiting = self.waiting.lock();
        let waits_for_time = self.in_flight.load(Ordering::Acquire) == 0 && !waiting.batches.is_empty();
        waiting.gather_until.filter(|_| waits_for_time)
    }

    /// Keys that were to go are gone, or will not go: there may be more to do.
    fn settled(&self, victims: Vec<Victim>) {
        if !victims.is_empty() {
            self.evictor.lock().settled(victims);
            self.stirred.notify_one();
        }
    }

    fn completed(&self, commands: usize, proposed_at: clock::Instant) {
        let now = clock::Instant::now();
        let patience = now.saturating_duration_since(proposed_at).clamp(GATHER_MIN, GATHER_MAX);
        {
            let mut waiting = self.waiting.lock();
            waiting.expected = commands + waiting.commands;
            waiting.gather_until = Some(now + patience);
        }
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.stirred.notify_one();
    }
}

fn propose(queue: &Arc<Queue>, state: &ShardState, group: &Group, batches: Vec<Batch>) {
    let commands = batches.iter().map(|batch| batch.count as usize).sum();
    let relief = Relief::of(state, &mut queue.evictor.lock(), commands);
    let mut builder = entry::Builder::new(header());
    let own_sections = relief.begin(&mut builder);
    for batch in &batches {
        let head = SectionHead {
            database: batch.database,
            session: batch.session,
            first_sequence: batch.first_sequence,
            watermark: batch.watermark,
            count: batch.count,
        };
        builder.section(head, &batch.commands);
    }
    let tickets: Vec<Ticket> = batches.into_iter().map(|batch| batch.ticket).collect();
    queue.in_flight.fetch_add(1, Ordering::AcqRel);
    let queue = Arc::clone(queue);
    let proposed_at = clock::Instant::now();
    group.propose(
        builder.finish(),
        Box::new(move |result| {
            // The next entry may leave before the replies of this one are handed out.
            queue.settled(relief.victims);
            queue.completed(commands, proposed_at);
            answer(&queue.hub, tickets, own_sections, result);
        }),
    );
}

/// Publishes the events of an entry, and answers what became of its sections.
fn announce(hub: &Hub, reply: Reply) -> Vec<SectionResult> {
    let applied = reply.downcast::<Applied>().expect("a shard's state machine replies with what it did");
    notify::publish(hub, applied.notifications, &applied.effects);
    applied.sections
}

/// Tells every batch what became of its section; those of the leader itself stand before them.
fn answer(hub: &Hub, tickets: Vec<Ticket>, own_sections: usize, result: Result<Reply, ProposeError>) {
    let outcome = match result {
        Ok(reply) => {
            let sections = announce(hub, reply).into_iter().skip(own_sections);
            for (ticket, section) in tickets.into_iter().zip(sections) {
                ticket.sink.complete(ticket.number, outcome_of(section));
            }
            return;
        }
        Err(ProposeError::NotLeader { leader }) => Outcome::NotLeader(leader),
        Err(ProposeError::Unknown) => Outcome::Unknown,
    };
    for ticket in tickets {
        ticket.sink.complete(ticket.number, outcome.clone());
    }
}

fn outcome_of(section: SectionResult) -> Outcome {
    match section {
        SectionResult::Done(replies) => Outcome::Done(replies),
        SectionResult::Gap { .. } => Outcome::Gap,
        SectionResult::SessionExpired => Outcome::SessionExpired,
    }
}
