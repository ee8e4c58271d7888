//! Blocked clients: asks the leader for the late replies to their commands, and tells the shard that somebody still does.
//!
//! A question is asked again of every new leader. Questions have tickets of their own; an answer to an earlier one is
//! ignored. What has arrived, or is wanted no more, is told to the shard together with the next renewal, or after a
//! second, or at once when a client has gone.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use meridian_command::{EngineCommand, Protocol, ReplyError, wire};
use meridian_proto::exec::ExecRequest;
use meridian_rt::clock::Instant;
use meridian_topology::DatabaseId;
use tokio::sync::oneshot;

use super::{Link, Part, State, Target, WaitFor, Waiter};
use crate::local::{Outcome, Sink, Ticket};

/// Marks the tickets of questions.
pub(super) const TICKET: u64 = 1 << 62;
/// The shard gives waiters up that are not renewed for 30 s.
const RENEW: Duration = Duration::from_secs(8);
/// How long the shard may not know that a reply has arrived.
const TELL: Duration = Duration::from_secs(1);
/// Or until so many have.
const TELL_COUNT: usize = 256;
/// First byte of the reply to a command whose client waits.
const PARKED: u8 = 0;

/// Session and sequence of a command.
type Origin = (u64, u64);

/// What became of a command that had to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Late {
    /// The reply.
    Reply(Bytes),
    /// The shard has lost sight of it without serving it: it may be sent again.
    Lost,
}

/// A question that has no answer yet.
#[derive(Debug)]
struct Asked {
    ticket: u64,
    client: u64,
    sender: oneshot::Sender<Late>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    asked: BTreeMap<Origin, Asked>,
    tickets: BTreeMap<u64, Origin>,
    next: u64,
    /// Late replies that have arrived, or are wanted no more.
    done: Vec<Origin>,
    told: Instant,
}

impl Waiting {
    pub(super) fn new() -> Waiting {
        Waiting {
            asked: BTreeMap::new(),
            tickets: BTreeMap::new(),
            next: 0,
            done: Vec::new(),
            told: Instant::now(),
        }
    }

    /// A reply came after its client had got an error. If it says that the client waits: it does not.
    pub(super) fn came_too_late(&mut self, replies: &[u8]) {
        if let Some(rest) = replies.get(4..).and_then(|reply| reply.strip_prefix(&[PARKED]))
            && let Some((session, rest)) = rest.get(1..).and_then(|rest| rest.split_first_chunk())
            && let Some(sequence) = rest.first_chunk()
        {
            self.done.push((u64::from_le_bytes(*session), u64::from_le_bytes(*sequence)));
        }
    }

    fn ticket(&mut self, origin: Origin) -> u64 {
        self.next = (self.next + 1) & (TICKET - 1);
        let ticket = TICKET | self.next;
        if let Some(asked) = self.asked.get_mut(&origin) {
            self.tickets.remove(&std::mem::replace(&mut asked.ticket, ticket));
            self.tickets.insert(ticket, origin);
        }
        ticket
    }

    fn remove(&mut self, origin: Origin) -> Option<oneshot::Sender<Late>> {
        let asked = self.asked.remove(&origin)?;
        self.tickets.remove(&asked.ticket);
        Some(asked.sender)
    }

    /// The client that waits under a command; 0 if none does.
    pub(super) fn client(&self, session: u64, sequence: u64) -> u64 {
        self.asked.get(&(session, sequence)).map_or(0, |asked| asked.client)
    }

    /// The record that tells the shard, if it is time.
    fn due(&mut self, now: Instant, at_once: bool) -> Option<Bytes> {
        let since = now.saturating_duration_since(self.told);
        let due = at_once
            || !self.asked.is_empty() && since >= RENEW
            || !self.done.is_empty() && (since >= TELL || self.done.len() >= TELL_COUNT);
        if !due {
            return None;
        }
        self.told = now;
        let bytes = |origins: &mut dyn Iterator<Item = Origin>| {
            origins.flat_map(|(session, sequence)| [session, sequence]).flat_map(u64::to_le_bytes).collect()
        };
        let waiters: Vec<u8> = bytes(&mut self.asked.keys().copied());
        let done: Vec<u8> = bytes(&mut std::mem::take(&mut self.done).into_iter());
        let head =
            wire::Head { command: EngineCommand::RenewWaiters, protocol: Protocol::Resp2, numbered: 0 };
        let mut record = Vec::new();
        wire::encode(&mut record, head, [waiters.as_slice(), &done].into_iter());
        Some(Bytes::from(record))
    }
}

/// A question for a late reply. Dropped before it is answered, it tells the shard that nobody waits any more.
#[derive(Debug)]
pub struct Awaited {
    link: Arc<Link>,
    origin: Origin,
    answer: oneshot::Receiver<Late>,
    over: bool,
}

impl Awaited {
    /// Waits for the reply. Once it is here the shard may forget it.
    pub async fn reply(&mut self) -> Late {
        let late = (&mut self.answer).await.unwrap_or(Late::Lost);
        self.over = true;
        if matches!(late, Late::Reply(_)) {
            self.link.state.lock().waiting.done.push(self.origin);
        }
        late
    }

    /// Nobody waits any more, and the shard knows: it was told by a command.
    pub fn settled(mut self) {
        self.over = true;
        drop(self.link.state.lock().waiting.remove(self.origin));
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let record = {
            let mut state = self.link.state.lock();
            drop(state.waiting.remove(self.origin));
            state.waiting.done.push(self.origin);
            state.waiting.due(Instant::now(), true)
        };
        self.link.tell(record);
    }
}

impl Link {
    /// Asks for the late reply to a command whose client waits.
    pub fn await_reply(self: &Arc<Self>, client: u64, session: u64, sequence: u64) -> Awaited {
        let origin = (session, sequence);
        let (sender, answer) = oneshot::channel();
        {
            let mut state = self.state.lock();
            if state.waiting.asked.is_empty() {
                // It was entered just now, and need not be renewed for a while.
                state.waiting.told = Instant::now();
            }
            state.waiting.asked.insert(origin, Asked { ticket: 0, client, sender });
            self.ask(&mut state, origin);
        }
        Awaited { link: Arc::clone(self), origin, answer, over: false }
    }

    /// Asks a new leader everything that has no answer.
    pub(super) fn ask_again(&self, state: &mut State) {
        let origins: Vec<Origin> = state.waiting.asked.keys().copied().collect();
        for origin in origins {
            self.ask(state, origin);
        }
    }

    fn ask(&self, state: &mut State, origin: Origin) {
        let Some((_, target)) = state.target.clone() else {
            self.search(state, None);
            return;
        };
        let ticket = state.waiting.ticket(origin);
        let (session, first_sequence) = origin;
        match target {
            Target::Remote(peer) => {
                let request = ExecRequest {
                    ticket,
                    shard: self.shard.0,
                    session,
                    first_sequence,
                    awaits: true,
                    ..ExecRequest::default()
                };
                if !peer.send(request) {
                    self.search(state, None);
                }
            }
            Target::Local(replica) => {
                let Some(sink) = self.this.upgrade() else { return };
                let ticket_of_sink = Ticket { sink: sink as Arc<dyn Sink>, number: ticket };
                if let Err(outcome) = replica.await_reply(session, first_sequence, ticket_of_sink) {
                    self.settle_waiting(state, ticket, outcome);
                }
            }
        }
    }

    /// Takes the answer to a question.
    pub(super) fn settle_waiting(&self, state: &mut State, ticket: u64, outcome: Outcome) {
        let Some(origin) = state.waiting.tickets.get(&ticket).copied() else { return };
        let late = match outcome {
            Outcome::Done(reply) => Late::Reply(reply),
            Outcome::WaiterUnknown | Outcome::Malformed => Late::Lost,
            Outcome::NotLeader(hint) => return self.search(state, hint),
            Outcome::Unknown | Outcome::Gap | Outcome::Busy | Outcome::DiskFull | Outcome::SessionExpired => {
                return self.search(state, None);
            }
        };
        if let Some(sender) = state.waiting.remove(origin) {
            // Whoever asked may have gone away.
            drop(sender.send(late));
        }
    }

    /// Tells the shard who still waits and which replies have arrived, if it is time.
    pub(super) fn renew(&self, now: Instant) {
        let record = self.state.lock().waiting.due(now, false);
        self.tell(record);
    }

    fn tell(&self, record: Option<Bytes>) {
        let Some(commands) = record else { return };
        self.submit(Part {
            database: DatabaseId::DEFAULT,
            logged: true,
            count: 1,
            commands,
            epoch: 0,
            deadline: Instant::now() + RENEW,
            client: 0,
            waiter: Waiter { target: Arc::new(Told), part: 0 },
        });
    }
}

/// Nobody waits for the answer.
#[derive(Debug)]
struct Told;

impl WaitFor for Told {
    fn part_done(self: Arc<Self>, _: usize, result: Result<Bytes, ReplyError>) {
        if let Err(error) = result {
            tracing::debug!(error = %error.text(), "a shard was not told who waits");
        }
    }
}
