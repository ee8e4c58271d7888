//! The commands of one socket read, on their way: what each of them waits for.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use meridian_command::{Args, Command, EngineCommand, Merge, Protocol, ReplyError, Route, wire::Records};
use meridian_resp::elements;
use meridian_router::{Table, WaitFor, merge::merge};
use meridian_rt::clock::Instant;
use meridian_topology::DatabaseId;
use parking_lot::Mutex;

use super::{output::Output, told};
use crate::{
    Settings, Shared,
    clients::Client,
    healing::{self, BySha},
    observe::Observed,
    stats::{Stats, Tally},
    tracking::Flying,
};

/// Where the reply of one command comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// It was answered here: a range of the batch's own bytes.
    Here(Range<usize>),
    /// The next reply of a part.
    Part(usize),
    /// The next reply of a part: that to a whole transaction.
    Exec(Box<Exec>),
    /// The next replies of several parts, made one.
    Merged(Box<Merged>),
}

/// A transaction that a shard executes.
#[derive(Debug)]
pub(super) struct Exec {
    pub(super) part: usize,
    /// Its commands, each of which is counted, with the [`capitals`] of their names.
    pub(super) commands: Vec<(Command, u64)>,
}

/// A command that several shards answer.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) how: Merge,
    pub(super) protocol: Protocol,
    /// The parts, in the order of the shares.
    pub(super) parts: Vec<usize>,
    /// For every key of the call, the index of its share.
    pub(super) by_key: Vec<u16>,
}

/// One command of a batch.
#[derive(Debug)]
pub(super) struct Slot {
    /// What is counted; nothing for a reply that was counted already.
    pub(super) command: Option<Command>,
    pub(super) source: Source,
    /// The client has asked for no reply.
    pub(super) silent: bool,
    /// The [`capitals`] of the command's name.
    pub(super) capitals: u64,
}

/// Which letters of a name the client has sent as capitals: with the command, the name as it was sent. Words of a name
/// stand one place apart.
pub(super) fn capitals<'a>(name: impl Iterator<Item = &'a [u8]>) -> u64 {
    let (mut capitals, mut at) = (0, 0_u32);
    for word in name {
        for letter in word {
            capitals |= u64::from(letter.is_ascii_uppercase()).checked_shl(at).unwrap_or(0);
            at += 1;
        }
        at += 1;
    }
    capitals
}

/// A command's name as the client has sent it.
fn name_as_sent(command: Command, capitals: u64) -> String {
    let letters = command.spec().name.chars().zip(0_u32..);
    let as_sent = letters.map(|(letter, at)| match capitals.checked_shr(at).unwrap_or(0) & 1 {
        0 => letter.to_ascii_lowercase(),
        _ => letter,
    });
    as_sent.collect()
}

/// What a connection has under way on every link, so that it never overtakes itself.
///
/// Low half: parts that go through the log; high half: parts that do not.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    links: Box<[AtomicU64]>,
}

const LOGGED: u64 = 1;
const READS: u64 = 1 << 32;

impl UnderWay {
    pub(super) fn new(links: usize) -> Arc<UnderWay> {
        Arc::new(UnderWay { links: (0..links).map(|_| AtomicU64::new(0)).collect() })
    }

    fn weight(logged: bool) -> u64 {
        if logged { LOGGED } else { READS }
    }

    pub(super) fn begin(&self, link: usize, logged: bool) {
        self.links[link].fetch_add(Self::weight(logged), Ordering::AcqRel);
    }

    fn end(&self, link: usize, logged: bool) {
        self.links[link].fetch_sub(Self::weight(logged), Ordering::AcqRel);
    }

    /// Nothing at all is under way to that link.
    pub(super) fn is_idle(&self, link: usize) -> bool {
        self.links[link].load(Ordering::Acquire) == 0
    }

    /// Something that goes through the log is under way to that link.
    pub(super) fn writes(&self, link: usize) -> bool {
        self.links[link].load(Ordering::Acquire) & (READS - 1) != 0
    }
}

/// What a part is, for the books.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartOf {
    pub(super) link: usize,
    pub(super) logged: bool,
}

/// Replies to a part, or one error for all its commands.
pub(super) type PartResult = Result<Bytes, ReplyError>;

/// The commands of one socket read.
#[derive(Debug)]
pub(crate) struct Batch {
    output: Arc<Output>,
    under_way: Arc<UnderWay>,
    shared: Arc<Shared>,
    started: Instant,
    slots: Vec<Slot>,
    here: Vec<u8>,
    parts: Vec<PartOf>,
    /// What every part holds, for the log of slow calls.
    texts: Vec<Bytes>,
    client: Arc<Client>,
    results: Mutex<Vec<Option<PartResult>>>,
    /// Parts without replies; one more where scripts are called by their SHA-1, until it is known that none is missing.
    missing: AtomicUsize,
    /// The links' indexes mean those of this table, if scripts are called by their SHA-1.
    by_sha: Option<Arc<Table>>,
    /// Ends once the replies are put out.
    flight: Mutex<Option<Flying>>,
}

/// Whose commands a batch holds.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) output: Arc<Output>,
    pub(super) shared: Arc<Shared>,
    pub(super) client: Arc<Client>,
    /// There if the client is told of changed keys.
    pub(super) flight: Option<Flying>,
}

impl Batch {
    pub(super) fn new(
        owner: Owner,
        under_way: Arc<UnderWay>,
        slots: Vec<Slot>,
        here: Vec<u8>,
        parts: Vec<(PartOf, Bytes)>,
        results: Vec<Option<PartResult>>,
        table: &Arc<Table>,
    ) -> Arc<Batch> {
        let Owner { output, shared, client, flight } = owner;
        let (parts, texts) = parts.into_iter().unzip();
        let missing = results.iter().filter(|result| result.is_none()).count();
        let by_sha =
            (missing > 0 && slots.iter().any(is_by_sha) && table.owners(DatabaseId::DEFAULT).len() > 1)
                .then(|| Arc::clone(table));
        let missing = missing + usize::from(by_sha.is_some());
        Arc::new(Batch {
            output,
            under_way,
            shared,
            started: Instant::now(),
            slots,
            here,
            parts,
            texts,
            client,
            results: Mutex::new(results),
            missing: AtomicUsize::new(missing),
            by_sha,
            flight: Mutex::new(flight),
        })
    }

    /// How many commands it holds.
    pub(super) fn commands(&self) -> usize {
        self.slots.len()
    }

    /// Whether every part has its replies.
    pub(super) fn is_complete(&self) -> bool {
        self.missing.load(Ordering::Acquire) == 0
    }

    /// Takes what ends once the replies are put out.
    pub(super) fn take_flight(&self) -> Option<Flying> {
        self.flight.lock().take()
    }

    /// Appends the replies in the order of the commands.
    pub(super) fn assemble(&self, out: &mut Vec<u8>) {
        let results = std::mem::take(&mut *self.results.lock());
        let texts = |part: usize| &self.texts[part][..];
        assemble(&self.slots, &self.here, &results, (&self.shared, &self.client), self.started, out);
        note_slow(&self.slots, &texts, &self.shared, &self.client, self.started);
    }
}

impl WaitFor for Batch {
    fn part_done(self: Arc<Self>, part: usize, result: PartResult) {
        self.results.lock()[part] = Some(result);
        let PartOf { link, logged } = self.parts[part];
        self.under_way.end(link, logged);
        match (self.missing.fetch_sub(1, Ordering::AcqRel), &self.by_sha) {
            (1, None) => self.output.batch_done(),
            (2, Some(table)) => {
                let found_missing = self.missing_scripts();
                if found_missing.is_empty() {
                    return self.whole();
                }
                tokio::spawn(Arc::clone(&self).heal(Arc::clone(table), found_missing));
            }
            _ => {}
        }
    }
}

/// Whether a script is called by its SHA-1.
fn is_by_sha(slot: &Slot) -> bool {
    matches!(slot.command, Some(Command::Engine(EngineCommand::Evalsha | EngineCommand::EvalshaRo)))
}

/// A call whose shard did not know the script: its part, and where in that.
#[derive(Clone, Copy, Debug)]
struct Missing {
    part: usize,
    /// The how manieth record of the part.
    record: usize,
    /// Where its reply stands, length included.
    start: usize,
    end: usize,
}

impl Batch {
    /// Nothing is missing any more.
    fn whole(&self) {
        self.missing.store(0, Ordering::Release);
        self.output.batch_done();
    }

    /// The calls that were answered with NOSCRIPT. It was known that the shard has the script, so this is rare.
    fn missing_scripts(&self) -> Vec<Missing> {
        let results = self.results.lock();
        let mut found = Vec::new();
        for (part, (result, text)) in results.iter().zip(&self.texts).enumerate() {
            let Some(Ok(replies)) = result else { continue };
            let mut start = 0;
            for (record, call) in Records::new(text).enumerate() {
                let Some((reply, _)) = replies.get(start..).and_then(split_reply) else { break };
                let end = start + 4 + reply.len();
                let by_sha = call.is_ok_and(|call| {
                    matches!(call.head.command, EngineCommand::Evalsha | EngineCommand::EvalshaRo)
                });
                if by_sha && healing::is_missing(reply) {
                    found.push(Missing { part, record, start, end });
                }
                start = end;
            }
        }
        found
    }

    /// Calls those again whose scripts other shards know.
    async fn heal(self: Arc<Self>, table: Arc<Table>, all: Vec<Missing>) {
        // From the last: replies in front keep their places.
        for missing in all.into_iter().rev() {
            let text = &self.texts[missing.part];
            let Some(Ok(call)) = Records::new(text).nth(missing.record) else { continue };
            let args = call.args();
            let by_sha = BySha {
                table: &table,
                database: DatabaseId::DEFAULT,
                link: self.parts[missing.part].link,
                sha: args.get(1).unwrap_or_default(),
            };
            let record = Bytes::copy_from_slice(call.bytes);
            let (router, known) = (&self.shared.router, &self.shared.known_scripts);
            let reply = healing::again(router, known, self.client.id, by_sha, record).await;
            let mut results = self.results.lock();
            if let Some(Ok(replies)) = &mut results[missing.part] {
                let length = u32::try_from(reply.len()).expect("replies are bounded").to_le_bytes();
                let (before, behind) = (&replies[..missing.start], &replies[missing.end..]);
                *replies = Bytes::from([before, &length, &reply, behind].concat());
            }
        }
        self.whole();
    }
}

/// Appends the replies of complete commands in their order.
pub(super) fn assemble(
    slots: &[Slot],
    here: &[u8],
    results: &[Option<PartResult>],
    (shared, client): (&Shared, &Client),
    started: Instant,
    out: &mut Vec<u8>,
) {
    let stats = &shared.stats;
    // The commands of a batch share the time it took.
    let took = started.elapsed() / u32::try_from(slots.len().max(1)).unwrap_or(u32::MAX);
    let mut tally = Tally::default();
    let mut readers: Vec<Reader<'_>> = results.iter().map(Reader::new).collect();
    for slot in slots {
        let start = out.len();
        match &slot.source {
            Source::Here(range) => out.extend_from_slice(&here[range.clone()]),
            Source::Part(part) => {
                readers[*part].next(out);
                if slot.command.is_some_and(|command| command.spec().route == Route::Script) {
                    told::hear(out, start, shared, client);
                }
            }
            Source::Exec(exec) => {
                readers[exec.part].next(out);
                told::hear(out, start, shared, client);
                let replies = elements(&out[start..]).into_iter().flatten();
                for ((command, _), reply) in exec.commands.iter().zip(replies) {
                    tally.add(stats, *command, took, stats.reply(reply));
                }
            }
            Source::Merged(merged) => merge_next(merged, &mut readers, out),
        }
        if let Some(command) = slot.command {
            let failed = stats.reply(&out[start..]);
            if failed && Stats::is_rejection(&out[start..]) {
                stats.rejected(Some(command));
            } else {
                tally.add(stats, command, took, failed);
            }
        }
        if slot.silent {
            out.truncate(start);
        }
    }
    tally.flush(stats);
}

/// Notes the commands of a batch that took long. `texts` are the records of its parts.
pub(super) fn note_slow<'a>(
    slots: &[Slot],
    texts: &dyn Fn(usize) -> &'a [u8],
    shared: &Shared,
    client: &Client,
    started: Instant,
) {
    let took = started.elapsed() / u32::try_from(slots.len().max(1)).unwrap_or(u32::MAX);
    let settings = shared.config.load();
    if !Observed::is_slow(&settings, took) {
        return;
    }
    let mut records: BTreeMap<usize, Records<'_>> = BTreeMap::new();
    for slot in slots {
        let parts = match &slot.source {
            Source::Here(_) => continue,
            Source::Exec(exec) => {
                let whole = records.entry(exec.part).or_insert_with(|| Records::new(texts(exec.part))).next();
                if let Some(Ok(whole)) = whole {
                    let inner = whole.args().iter().nth(1).unwrap_or_default();
                    let share = took / u32::try_from(exec.commands.len().max(1)).unwrap_or(u32::MAX);
                    for ((command, capitals), record) in exec.commands.iter().zip(Records::new(inner)) {
                        let Ok(record) = record else { break };
                        note(shared, &settings, client, share, (*command, *capitals), &record.args());
                    }
                }
                continue;
            }
            Source::Part(part) => std::slice::from_ref(part),
            Source::Merged(merged) => &merged.parts[..],
        };
        // Of a command that went to several shards the words that the first one got.
        let mut first = None;
        for part in parts {
            let next = records.entry(*part).or_insert_with(|| Records::new(texts(*part))).next();
            first = first.or(next);
        }
        let (Some(command), Some(Ok(record))) = (slot.command, first) else { continue };
        note(shared, &settings, client, took, (command, slot.capitals), &record.args());
    }
}

/// Notes one command by its record.
fn note(
    shared: &Shared,
    settings: &Settings,
    client: &Client,
    took: Duration,
    (command, capitals): (Command, u64),
    args: &Args<'_>,
) {
    if !Observed::is_slow(settings, took) {
        return;
    }
    let name = name_as_sent(command, capitals);
    let mut words: Vec<&[u8]> = name.split('|').map(str::as_bytes).collect();
    let from = usize::from(matches!(command.spec().route, Route::Cursor | Route::Script));
    words.extend(args.from(from).iter());
    shared.observed.note_slow(settings, client, command, took, words.into_iter());
}

fn merge_next(merged: &Merged, readers: &mut [Reader<'_>], out: &mut Vec<u8>) {
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(merged.parts.len());
    for part in &merged.parts {
        readers[*part].next(&mut bytes);
        ends.push(bytes.len());
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let replies: Vec<&[u8]> = starts.zip(&ends).map(|(start, end)| &bytes[start..*end]).collect();
    merge(merged.how, merged.protocol, &replies, &merged.by_key, out);
}

/// Reads the replies of a part one by one.
struct Reader<'a> {
    rest: Result<&'a [u8], &'a ReplyError>,
}

impl<'a> Reader<'a> {
    fn new(result: &'a Option<PartResult>) -> Reader<'a> {
        let rest = match result {
            Some(Ok(replies)) => Ok(&replies[..]),
            Some(Err(error)) => Err(error),
            None => Ok(&[][..]),
        };
        Reader { rest }
    }

    /// Appends the next reply. A part with too few of them answers with an error rather than shifting replies.
    fn next(&mut self, out: &mut Vec<u8>) {
        match self.rest {
            Ok(rest) => match split_reply(rest) {
                Some((reply, rest)) => {
                    out.extend_from_slice(reply);
                    self.rest = Ok(rest);
                }
                None => ReplyError::INTERNAL_MALFORMED.write(out),
            },
            Err(error) => error.write(out),
        }
    }
}

fn split_reply(replies: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = replies.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}
