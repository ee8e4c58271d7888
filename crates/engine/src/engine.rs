//! The only doors into a shard's state: [`Engine::apply`] changes it, [`Engine::read`] looks at it.

mod serve;

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use meridian_command::{
    EngineCommand, Flags, ReplyError, ReplyWriter, acl::Told, wire::Record as Call, wire::Records,
};
use meridian_topology::DatabaseId;

use crate::{
    attention::Origin,
    digest::digest,
    dispatch::{Handler, handler},
    effect::Effect,
    entry::{CorruptEntry, Entry, SectionHead},
    eviction::{Evictor, MemoryLimit, Victim},
    garbage::Garbage,
    keyspace::{Database, NUMBERED_COUNT, Reader, Store, Writer},
    random::Random,
    session::{Admission, Block, Sessions},
    snapshot::Walk,
    stats::{Stats, stats},
};

/// How many keys and parts of values that are due one entry reclaims at most.
const RECLAIM_PER_ENTRY: usize = 1000;

/// Bytes to reserve for a reply: most are shorter.
const REPLY_BYTES_GUESS: usize = 16;
/// A reply is shorter than this: the largest value there may be, and its frame. A longer one would take longer to make
/// than a leader's lease lasts.
const REPLY_BYTES_MAX: usize = (512 << 20) + 1024;

/// The state of one shard.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    sessions: Sessions,
    time_ms: u64,
    index: u64,
    /// Seeds randomness of reads outside the log, which need not be the same anywhere.
    reads: AtomicU64,
    seed: u128,
}

/// What an entry did.
#[derive(Debug, Default)]
pub struct Applied {
    /// One result per section, in order.
    pub sections: Vec<SectionResult>,
    /// What changed, if effects are collected.
    pub effects: Vec<Effect>,
    /// What blocked clients got, in order.
    pub late: Vec<LateReply>,
    /// What takes a while to free.
    pub garbage: Garbage,
}

/// The reply to a command that had to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateReply {
    /// The session of the client's proxy.
    pub session: u64,
    /// The command's sequence in it.
    pub sequence: u64,
    /// The reply with its length (u32, little endian).
    pub reply: Bytes,
}

/// What became of a command that had to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// It still waits.
    Still,
    /// It has this reply, with its length (u32, little endian).
    Answered(Bytes),
    /// It does not wait, and its reply (if it had one) is forgotten.
    Unknown,
}

/// What became of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionResult {
    /// For every command the length of its reply (u32, little endian) and the reply as RESP.
    Done(Bytes),
    /// Nothing was executed: commands from `expected` on are missing.
    Gap {
        /// The sequence that has to come next.
        expected: u64,
    },
    /// Nothing was executed: the session is not, or no longer, known.
    SessionExpired,
}

/// Why a read was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It met a key that expires between the last entry and now: apply an entry of a later time and read again.
    #[error("a key falls due: an entry must move time first")]
    NeedsTick,
    /// The bytes are no command records.
    #[error("malformed command record")]
    Malformed,
    /// It holds a command that may write.
    #[error("not a read")]
    NotARead,
}

impl Engine {
    /// An empty state. The seed orders keys inside a slot: the same on all replicas, unknown to clients.
    pub fn new(hash_seed: u128) -> Engine {
        Engine::restored(hash_seed, Store::new(hash_seed), Sessions::default(), 0, 0)
    }

    pub(crate) fn restored(seed: u128, store: Store, sessions: Sessions, time_ms: u64, index: u64) -> Engine {
        Engine { store, sessions, time_ms, index, reads: AtomicU64::new(seed as u64), seed }
    }

    /// Applies the entry of log index `index`.
    ///
    /// An error says that the log is damaged or from the future: the state may then be half changed, and the replica
    /// must stop. What the leader proposes must have passed [`crate::entry::check_commands`].
    pub fn apply(&mut self, index: u64, entry: &[u8]) -> Result<Applied, CorruptEntry> {
        let entry = Entry::parse(entry)?;
        let last_ms = self.time_ms;
        self.time_ms = last_ms.max(entry.header.time_ms);
        self.index = index;
        self.store.shared.full = false;
        self.sessions.sweep(last_ms, self.time_ms);
        self.store.shared.attention.sweep(last_ms, self.time_ms);
        self.store.reclaim(self.time_ms, RECLAIM_PER_ENTRY);
        let random = Random::new(entry.header.seed);
        let mut applied = Applied::default();
        serve::all(&mut self.store, &random, self.time_ms, &mut applied.late);
        let mut sections = entry.sections();
        while let Some((head, commands)) = sections.next()? {
            let section = self.section(head, commands, &random, &mut applied.late)?;
            applied.sections.push(section);
        }
        applied.effects = self.store.shared.effects.take();
        applied.garbage = self.store.shared.garbage.take();
        Ok(applied)
    }

    fn section(
        &mut self,
        head: SectionHead,
        commands: &[u8],
        random: &Random,
        late: &mut Vec<LateReply>,
    ) -> Result<SectionResult, CorruptEntry> {
        let remembered = match self.sessions.admit(&head, self.time_ms) {
            Admission::Execute { remembered } => remembered,
            Admission::Gap { expected } => return Ok(SectionResult::Gap { expected }),
            Admission::Expired => return Ok(SectionResult::SessionExpired),
        };
        let mut replies = Vec::with_capacity(reply_bytes_guess(commands));
        for sequence in (head.first_sequence..).take(remembered as usize) {
            self.sessions.answer(head.session, sequence, &mut replies);
        }
        let new_from = replies.len();
        let database = self.store.databases.entry(head.database.0);
        let database = database.or_insert_with(|| Database::new(head.database.0));
        let mut writer = Writer::new(database, &mut self.store.shared, random, self.time_ms);
        let mut count = 0_u32;
        for call in Records::new(commands) {
            let call = call.map_err(|_| CorruptEntry::Malformed)?;
            if count >= remembered {
                let sequence = head.first_sequence + u64::from(count);
                let origin = Origin { session: head.session, sequence };
                writer.done_by(origin);
                if refuses(&writer, &call) {
                    framed(&call, &mut replies, |_| Err(ReplyError::OUT_OF_MEMORY));
                } else {
                    execute(&mut writer, &call, Some(origin).filter(|_| head.session != 0), &mut replies);
                }
                serve::ready(&mut writer, late);
            }
            count += 1;
        }
        if count != head.count {
            return Err(CorruptEntry::Malformed);
        }
        let replies = Bytes::from(replies);
        let block = Block {
            first: head.first_sequence + u64::from(remembered),
            count: count - remembered,
            replies: replies.slice(new_from..),
        };
        self.sessions.remember(head.session, block);
        Ok(SectionResult::Done(replies))
    }

    /// Answers command records that only read, at the leader's clock `now_ms`. Appends for every command the length of
    /// its reply (u32, little endian) and the reply; after an error nothing is appended.
    pub fn read(
        &self,
        database: DatabaseId,
        now_ms: u64,
        commands: &[u8],
        replies: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        self.read_with_effects(database, now_ms, commands, replies).map(drop)
    }

    /// As [`Engine::read`]; answers what somebody may have to hear of: events of keys that were not there.
    pub fn read_with_effects(
        &self,
        database: DatabaseId,
        now_ms: u64,
        commands: &[u8],
        replies: &mut Vec<u8>,
    ) -> Result<Vec<Effect>, ReadError> {
        let start = replies.len();
        let answered = self.read_all(database, now_ms, commands, replies);
        if answered.is_err() {
            replies.truncate(start);
        }
        answered
    }

    fn read_all(
        &self,
        database: DatabaseId,
        now_ms: u64,
        commands: &[u8],
        replies: &mut Vec<u8>,
    ) -> Result<Vec<Effect>, ReadError> {
        let random = Random::new(self.reads.fetch_add(1, Ordering::Relaxed));
        let database = self.store.databases.get(&database.0);
        let now_ms = now_ms.max(self.time_ms);
        let mut reader = Reader::new(database, &self.store.shared, &random, self.time_ms, now_ms);
        for call in Records::new(commands) {
            let call = call.map_err(|_| ReadError::Malformed)?;
            let (Handler::Read(read) | Handler::ReadOrBlock(read, _)) = handler(call.head.command) else {
                return Err(ReadError::NotARead);
            };
            reader.select(call.head.numbered);
            reader.leave_untouched(untouched(&call));
            let start = replies.len();
            framed(&call, replies, |reply| read(&reader, call.args(), reply));
            tell(&reader.take_told(), start, replies);
            if reader.needs_tick() {
                return Err(ReadError::NeedsTick);
            }
        }
        Ok(reader.take_misses())
    }

    /// The time of the last entry. Never runs back.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// The log index of the last entry.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The seed that the engine was made with.
    pub fn hash_seed(&self) -> u128 {
        self.seed
    }

    /// When the first key that is not yet reclaimed falls due. The leader then proposes an entry.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        self.store.shared.expiry.next_ms()
    }

    /// The last sequence of a session that was executed; `None` for an unknown session.
    pub fn session_sequence(&self, session: u64) -> Option<u64> {
        self.sessions.last(session)
    }

    /// Bytes of what clients have put in, that is, of what counts against `maxmemory`. Takes no time.
    pub fn data_bytes(&self) -> usize {
        self.store.data_bytes()
    }

    /// What `maxmemory` and its like say.
    pub fn memory_limit(&self) -> MemoryLimit {
        let settings = &self.store.shared.settings;
        let bytes = usize::try_from(settings.maxmemory).unwrap_or(usize::MAX);
        MemoryLimit { bytes: (bytes != 0).then_some(bytes), policy: settings.eviction() }
    }

    /// How many keys there are, and how many of them have an expiry.
    pub fn key_counts(&self) -> (usize, usize) {
        let counts = self.store.keyspaces().map(|(_, _, keyspace)| (keyspace.keys(), keyspace.expiring()));
        counts.fold((0, 0), |(keys, expiring), (more, more_expiring)| (keys + more, expiring + more_expiring))
    }

    /// Chooses keys to evict, so many at most, until `bytes` would be free. None where the policy lets none go.
    pub fn victims(&self, evictor: &mut Evictor, now_ms: u64, bytes: usize, count_max: usize) -> Vec<Victim> {
        evictor.choose(&self.store, now_ms.max(self.time_ms), bytes, count_max)
    }

    /// The digest of the whole logical state. Walks all keys.
    pub fn digest(&self) -> u128 {
        digest(&self.store, &self.sessions, self.time_ms)
    }

    /// Numbers for `INFO` and metrics. Walks all tables, but no keys.
    pub fn stats(&self) -> Stats {
        stats(&self.store, &self.sessions)
    }

    /// Whether [`Applied::effects`] are gathered. Off at first.
    pub fn collect_effects(&mut self, wanted: bool) {
        self.store.shared.effects.want(wanted);
    }

    /// What `notify-keyspace-events` says: bits of [`meridian_command::settings::events`]. Keyspace events are gathered
    /// among the effects accordingly.
    pub fn notifications(&self) -> i64 {
        self.store.shared.settings.notify_keyspace_events
    }

    /// What became of a command that had to wait.
    pub fn waiting(&self, session: u64, sequence: u64) -> Waiting {
        let waiters = &self.store.shared.attention.waiters;
        let origin = Origin { session, sequence };
        match waiters.late(origin) {
            Some(reply) => Waiting::Answered(reply.clone()),
            None if waiters.waits(origin) => Waiting::Still,
            None => Waiting::Unknown,
        }
    }

    /// Begins a snapshot of the state as it is now; one that was under way is abandoned.
    pub fn begin_snapshot(&mut self) {
        self.store.shared.walk =
            Some(Walk::begin(self.time_ms, self.index, &self.store.shared, &self.sessions));
    }

    /// The next chunk of the snapshot under way, of about `budget` bytes; `None` after the last, or without one.
    /// Entries may be applied between chunks.
    pub fn snapshot_chunk(&mut self, budget: usize) -> Option<Vec<u8>> {
        let chunk = self.store.shared.walk.as_mut()?.chunk(&self.store.databases, budget);
        if chunk.is_none() {
            self.store.shared.walk = None;
        }
        chunk
    }

    /// Gives the snapshot under way up.
    pub fn abandon_snapshot(&mut self) {
        self.store.shared.walk = None;
    }
}

/// Whether memory is full and a command may need more. What scripts and transactions hold is looked at by themselves;
/// those who wait are served in any case, as in Redis.
fn refuses(writer: &Writer<'_>, call: &Call<'_>) -> bool {
    writer.is_full() && call.head.command.spec().flags.contains(Flags::DENYOOM)
}

/// Executes one command of an entry. With an origin it may block.
fn execute(writer: &mut Writer<'_>, call: &Call<'_>, origin: Option<Origin>, replies: &mut Vec<u8>) {
    writer.attention().waiters.may_park = origin;
    let start = replies.len();
    framed(call, replies, |reply| handle(writer, call, reply));
    tell(&writer.take_told(), start, replies);
    writer.attention().waiters.may_park = None;
}

/// Puts what was refused to scripts before the reply, whose length stands at `start`.
fn tell(told: &Told, start: usize, replies: &mut Vec<u8>) {
    if told.is_empty() {
        return;
    }
    let at = start + 4;
    replies.splice(at..at, told.encode());
    let length = u32::try_from(replies.len() - at).expect("replies are bounded");
    replies[start..at].copy_from_slice(&length.to_le_bytes());
}

/// Executes a command inside another (EXEC, a script), which must have seen to it that nobody blocks, and appends its
/// reply without a length.
pub(crate) fn nested(writer: &mut Writer<'_>, call: &Call<'_>, replies: &mut Vec<u8>) {
    let start = replies.len();
    framed(call, replies, |reply| handle(writer, call, reply));
    replies.drain(start..start + 4);
}

fn handle(writer: &mut Writer<'_>, call: &Call<'_>, reply: &mut ReplyWriter<'_>) -> Result<(), ReplyError> {
    writer.select(call.head.numbered);
    writer.leave_untouched(untouched(call));
    let answered = match handler(call.head.command) {
        Handler::Read(read) => {
            let reader = writer.reader();
            let answered = read(&reader, call.args(), reply);
            let misses = reader.take_misses();
            writer.note_misses(misses);
            answered
        }
        Handler::Write(write) | Handler::ReadOrBlock(_, write) => write(writer, call.args(), reply),
    };
    writer.count_change();
    answered?;
    serve::park(writer, call, reply);
    Ok(())
}

/// Whether keys that a call looks at do not count as used: TOUCH uses them whatever its client wants.
fn untouched(call: &Call<'_>) -> bool {
    call.untouched && call.head.command != EngineCommand::Touch
}

/// Writes a reply behind its length. An error replaces whatever was written of the reply.
fn framed(
    call: &Call<'_>,
    replies: &mut Vec<u8>,
    answer: impl FnOnce(&mut ReplyWriter<'_>) -> Result<(), ReplyError>,
) {
    let start = replies.len() + 4;
    replies.extend_from_slice(&[0; 4]);
    let mut reply = ReplyWriter::bounded(replies, call.head.protocol, REPLY_BYTES_MAX);
    let answered = check(call).and_then(|()| answer(&mut reply));
    let over = reply.is_over();
    let answered = if over { Err(ReplyError::REPLY_TOO_LONG) } else { answered };
    if let Err(error) = answered {
        reply.rewind(start);
        reply.error(&error);
    }
    if over {
        replies.shrink_to_fit();
    }
    let length = u32::try_from(replies.len() - start).expect("replies are bounded");
    replies[start - 4..start].copy_from_slice(&length.to_le_bytes());
}

/// How many words of a call are the command's name, by the command's number.
const NAME_WORDS: [usize; NAME_WORDS_COUNT] = {
    let mut words = [1; NAME_WORDS_COUNT];
    let mut n = 0;
    while n < EngineCommand::ALL.len() {
        let name = EngineCommand::ALL[n].spec().name.as_bytes();
        let mut at = 0;
        while at < name.len() {
            if name[at] == b'|' {
                words[EngineCommand::ALL[n].id() as usize] += 1;
            }
            at += 1;
        }
        n += 1;
    }
    words
};

/// One more than the largest number.
const NAME_WORDS_COUNT: usize = {
    let mut count = 0;
    let mut n = 0;
    while n < EngineCommand::ALL.len() {
        let id = EngineCommand::ALL[n].id() as usize;
        if id >= count {
            count = id + 1;
        }
        n += 1;
    }
    count
};

/// Refuses what handlers may rely on not to happen: the proxy has checked it, but proxies can be wrong.
fn check(call: &Call<'_>) -> Result<(), ReplyError> {
    if call.head.numbered >= NUMBERED_COUNT {
        return Err(ReplyError::DB_OUT_OF_RANGE);
    }
    let spec = call.head.command.spec();
    if !spec.arity.admits(call.args().len() + NAME_WORDS[usize::from(call.head.command.id())]) {
        return Err(ReplyError::wrong_arity(spec));
    }
    Ok(())
}

fn reply_bytes_guess(commands: &[u8]) -> usize {
    // A record of a short key takes some 40 bytes.
    commands.len() / 40 * REPLY_BYTES_GUESS + REPLY_BYTES_GUESS
}
