//! Commands that may have to wait for another client: BLPOP and its like.
//!
//! The attempt goes through the log. If there was nothing, the shard has entered the client among those who wait, and
//! says so instead of a reply. Then whichever comes first ends it: the late reply, the time-out, CLIENT UNBLOCK, or the
//! client's going away. A time-out goes through the log too, because the client may have been served meanwhile.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use meridian_command::{
    Command, EngineCommand, Protocol, ReplyError, ReplyWriter,
    acl::Denial,
    wire::{self, Head},
};
use meridian_router::{Awaited, Late, Link};
use meridian_rt::{clock::Instant, net::ReadHalf};
use meridian_topology::DatabaseId;
use tokio::{io::AsyncReadExt, sync::oneshot};

use super::{Connection, READ, READ_MAX, SLOW_WORDS, note_denial};
use crate::{
    Shared,
    clients::{Client, Interruption, Trait, Unblock, Unblocking},
    held_keys::{Held, HeldKey},
    tracking::keys_read,
};

/// First byte of the reply that says that the client waits.
const PARKED: u8 = 0;
/// What the reply to a client begins with whose user may not have what it waits for.
const DENIED: &[u8] = b"-NOPERM ";
/// And what a shard answers that has ended a waiting with an error.
const UNBLOCKED: &[u8] = b"-UNBLOCKED ";
/// First byte of the answer that the shard knows of no such waiter.
const UNKNOWN: u8 = 1;
/// What follows the first byte: kind of the empty reply, session, sequence, time-out.
const MARK_BYTES: usize = 25;

/// A command that may block.
#[derive(Debug)]
pub(super) struct Blocking {
    link: Arc<Link>,
    head: Head,
    record: Vec<u8>,
    /// The call, of which the first `name` words are the name.
    words: Vec<Vec<u8>>,
    name: usize,
    /// What it may wait for.
    keys: Vec<HeldKey>,
    /// What the client may cache once it has the reply.
    pub(super) reads: Vec<Bytes>,
}

/// A client that waits.
struct Parked {
    session: u64,
    sequence: u64,
    timeout: Option<Duration>,
    /// What to send should the shard lose sight of it.
    record: Vec<u8>,
}

/// How a client has waited.
#[derive(Default)]
struct Waited {
    time: Duration,
    /// The CLIENT UNBLOCK that wanted the end, and whether that came of it.
    unblocking: Option<oneshot::Sender<bool>>,
    ended_so: bool,
}

impl Waited {
    /// Tells the CLIENT UNBLOCK, if there is one; nothing is missing if its client has gone.
    fn tell(self) {
        if let Some(unblocking) = self.unblocking {
            let _ = unblocking.send(self.ended_so);
        }
    }
}

/// Why a client waits no more.
enum End {
    Late(Late),
    TimedOut,
    Unblocked(Unblocking),
    /// Its user may not have what it waits for any more.
    Denied(Denial),
    /// It has gone away.
    Gone,
    /// This process is going away.
    Drained,
}

impl Blocking {
    pub(super) fn new(link: Arc<Link>, head: Head, words: &[&[u8]], name: usize) -> Blocking {
        let mut record = Vec::new();
        wire::encode(&mut record, head, words[name..].iter().copied());
        let positions = head.command.spec().key_positions(words).unwrap_or_default();
        let keys = positions.into_iter().map(|position| (head.numbered, words[position].to_vec())).collect();
        let reads = keys_read(head.command, words);
        let words = words.iter().map(|word| word.to_vec()).collect();
        Blocking { link, head, record, words, name, keys, reads }
    }
}

impl Parked {
    fn read(reply: &[u8]) -> Option<Parked> {
        let (mark, record) = reply.strip_prefix(&[PARKED])?.split_at_checked(MARK_BYTES)?;
        // The first byte is what the command answers where nobody may wait.
        let (_, numbers) = mark.split_first()?;
        let word = |at: usize| numbers.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let timeout_ms = word(16)?;
        Some(Parked {
            session: word(0)?,
            sequence: word(8)?,
            timeout: (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms)),
            record: record.to_vec(),
        })
    }
}

/// What ends the waiting from here: the word for the shard, and the reply that comes of it.
fn ending(how: Unblock, protocol: Protocol) -> (&'static [u8], Vec<u8>) {
    match how {
        Unblock::TimeOut => (b"TIMEOUT", in_vain(protocol)),
        Unblock::Error => {
            let mut error = Vec::new();
            ReplyError::new("UNBLOCKED client unblocked via CLIENT UNBLOCK").write(&mut error);
            (b"ERROR", error)
        }
    }
}

/// What a client gets that has waited in vain.
fn in_vain(protocol: Protocol) -> Vec<u8> {
    let mut bytes = Vec::new();
    ReplyWriter::new(&mut bytes, protocol).null_array();
    bytes
}

impl Connection {
    /// Counts the keys that a client waits for, as long as the result lives.
    fn hold(&self, blocking: &Blocking) -> (Held, Option<Held>) {
        // What a group reads is gone when its key is.
        let on_none = blocking.head.command == EngineCommand::Xreadgroup;
        let on_none = on_none.then(|| self.shared.blocking_keys_on_none.hold(blocking.keys.clone()));
        (self.shared.blocking_keys.hold(blocking.keys.clone()), on_none)
    }

    /// Executes a command that may block; all before it is answered first.
    pub(super) async fn block(&mut self, reader: &mut ReadHalf, blocking: Blocking) {
        let answered = self.session.finish_command();
        self.send().await;
        self.settle().await;
        let command = Command::Engine(blocking.head.command);
        self.session.note_write(blocking.link.shard());
        let started = Instant::now();
        let mut waited = Waited::default();
        let flight = self.session.begin_flight(blocking.reads.clone(), false);
        let reply = self.wait_for(reader, &blocking, started, &mut waited).await;
        self.session.client().set_blocked(false);
        let Some(reply) = reply else { return };
        let failed = self.shared.stats.reply(&reply);
        // Waiting for others is no work.
        let took = started.elapsed().saturating_sub(waited.time);
        if reply.starts_with(DENIED) {
            self.shared.stats.rejected(Some(command));
        } else {
            self.shared.stats.executed(command, 1, took, u64::from(failed));
            self.note_slow(command, took, blocking.words.iter().take(SLOW_WORDS).map(Vec::as_slice));
        }
        if answered && !self.output.is_broken() {
            self.output.write(flight, |out| out.extend_from_slice(&reply));
        }
        waited.tell();
    }

    /// The reply, whenever it comes; none if nobody is left to get it.
    async fn wait_for(
        &mut self,
        reader: &mut ReadHalf,
        blocking: &Blocking,
        started: Instant,
        waited: &mut Waited,
    ) -> Option<Vec<u8>> {
        let mut record = blocking.record.clone();
        let mut deadline = None;
        loop {
            let attempt = call(&self.shared, self.session.id(), &blocking.link, record);
            let reply = self.unless_gone(reader, attempt).await?;
            let Some(parked) = Parked::read(&reply) else { return Some(reply) };
            deadline = deadline.or(parked.timeout.map(|timeout| started + timeout));
            let mut awaited = blocking.link.await_reply(self.session.id(), parked.session, parked.sequence);
            let held = self.hold(blocking);
            self.session.client().set_blocked(true);
            let parked_at = Instant::now();
            let end = self.end(reader, blocking, &mut awaited, deadline).await;
            waited.time += parked_at.elapsed();
            drop(held);
            let (reason, own) = match end {
                End::Late(Late::Reply(reply)) => return Some(reply.get(4..).unwrap_or_default().to_vec()),
                End::Late(Late::Lost) => {
                    record = parked.record;
                    continue;
                }
                End::Gone => return None,
                End::Drained => {
                    let served = self.leave(blocking, &parked).await;
                    awaited.settled();
                    return served;
                }
                End::TimedOut => ending(Unblock::TimeOut, blocking.head.protocol),
                End::Unblocked(Unblocking { how, told }) => {
                    waited.unblocking = Some(told);
                    ending(how, blocking.head.protocol)
                }
                End::Denied(denial) => (&b"ERROR"[..], self.deny(blocking, denial)),
            };
            let cancel = cancel_record(&parked, reason);
            let cancel = call(&self.shared, self.session.id(), &blocking.link, cancel);
            let reply = self.unless_gone(reader, cancel).await?;
            awaited.settled();
            let ended =
                reply.first() == Some(&UNKNOWN) || own.starts_with(DENIED) && reply.starts_with(UNBLOCKED);
            let reply = if ended { own.clone() } else { reply };
            // It may have been served meanwhile.
            waited.ended_so = reply == own;
            return Some(reply);
        }
    }

    /// What the user may not do any more, of what the client waits for.
    fn denial(&mut self, blocking: &Blocking) -> Option<Denial> {
        // A client whose user is gone is closed by whoever has noticed that.
        self.session.follow_users(&self.shared.users);
        let words: Vec<&[u8]> = blocking.words.iter().map(Vec::as_slice).collect();
        let command = Command::Engine(blocking.head.command);
        self.session.account().rules.check(command, &words, blocking.name).err()
    }

    /// Notes what is denied, and says so.
    fn deny(&mut self, blocking: &Blocking, denial: Denial) -> Vec<u8> {
        let mut error = Vec::new();
        let command = Command::Engine(blocking.head.command);
        denial.error(&self.session.account().name, command.spec()).write(&mut error);
        let words: Vec<&[u8]> = blocking.words.iter().map(Vec::as_slice).collect();
        note_denial(&mut self.session, &self.shared, (denial, command), &words);
        error
    }

    /// Ends the waiting because this process is to end, which it must not before the shard knows: an element would be
    /// handed to nobody. The client gets a reply only if it was served meanwhile; otherwise it is closed, and tries
    /// again elsewhere.
    async fn leave(&self, blocking: &Blocking, parked: &Parked) -> Option<Vec<u8>> {
        let cancel = cancel_record(parked, b"TIMEOUT");
        let reply = call(&self.shared, self.session.id(), &blocking.link, cancel).await;
        let served = !matches!(reply.first(), Some(&UNKNOWN | b'-') | None);
        Some(reply).filter(|reply| served && *reply != in_vain(blocking.head.protocol))
    }

    /// Waits for the first thing that ends the waiting. Reads a little on meanwhile, to notice when the client goes.
    async fn end(
        &mut self,
        reader: &mut ReadHalf,
        blocking: &Blocking,
        awaited: &mut Awaited,
        deadline: Option<Instant>,
    ) -> End {
        let client: Arc<Client> = Arc::clone(self.session.client());
        let drain = self.shared.drain.clone();
        loop {
            let reads = self.input.len() < READ_MAX;
            if reads {
                self.input.reserve(READ);
            }
            tokio::select! {
                biased;
                late = awaited.reply() => return End::Late(late),
                interruption = client.interrupted() => match interruption {
                    Interruption::Unblock(unblocking) => return End::Unblocked(unblocking),
                    Interruption::UsersChanged => {
                        if let Some(denial) = self.denial(blocking) {
                            return End::Denied(denial);
                        }
                    }
                },
                () = sleep_until(deadline) => return End::TimedOut,
                () = drain.cancelled() => return End::Drained,
                _ = self.output.flush(), if self.output.waiting_bytes() > 0 => {}
                read = reader.read_buf(&mut self.input), if reads => match read {
                    Ok(length) if length > 0 => self.received(length),
                    _ => {
                        debug_assert!(client.traits().contains(Trait::BLOCKED), "it waits");
                        self.output.give_up();
                        return End::Gone;
                    }
                },
            }
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn cancel_record(parked: &Parked, reason: &[u8]) -> Vec<u8> {
    let head = Head { command: EngineCommand::CancelWaiter, protocol: Protocol::Resp2, numbered: 0 };
    let mut record = Vec::new();
    let args = [&parked.session.to_le_bytes()[..], &parked.sequence.to_le_bytes(), reason];
    wire::encode(&mut record, head, args.into_iter());
    record
}

/// Executes one command that goes through the log.
fn call(shared: &Arc<Shared>, client: u64, link: &Arc<Link>, record: Vec<u8>) -> BoxFuture<'static, Vec<u8>> {
    let (shared, link) = (Arc::clone(shared), Arc::clone(link));
    Box::pin(async move {
        match shared.router.call_for(client, &link, DatabaseId::DEFAULT, true, 1, Bytes::from(record)).await {
            Ok(replies) => replies.get(4..).unwrap_or_default().to_vec(),
            Err(error) => {
                let mut reply = Vec::new();
                error.write(&mut reply);
                reply
            }
        }
    })
}
