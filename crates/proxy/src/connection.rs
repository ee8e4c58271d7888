//! One client's connection: reads, gates and plans commands, sends them to the shards, hands out replies in order.
//!
//! Commands of one socket read travel together ([`building`]); the replies are put in order and written by whoever
//! completes them ([`output`]). The task itself reads on meanwhile, up to a bound. A command whose answer needs more
//! than one step (WAIT, INFO, RANDOMKEY over shards) waits for all before it and holds up all behind it.

mod batch;
mod blocking;
mod building;
mod exec;
mod output;
mod paused;
mod random_key;
mod told;

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use meridian_command::{
    Args, Command, EngineCommand, Flags, ProxyCommand, ReplyError,
    acl::Denial,
    wire::{self, Head},
};
use meridian_resp::{Limits, Progress, RequestParser};
use meridian_router::{
    Table,
    plan::{Plan, plan},
};
use meridian_rt::{
    clock::Instant,
    net::{ReadHalf, TcpStream},
};
use meridian_topology::DatabaseId;
use smallvec::SmallVec;
use tokio::io::AsyncReadExt;

use crate::{
    Settings, Shared,
    clients::{Buffers, Registration, Trait},
    gate::{self, Refusal},
    healing::{self, BySha},
    local::{self, Outcome},
    observe::{Observed, Place, Reason, Subject},
    output_limit::OutputGuard,
    session::Session,
    tracking::keys_named,
    transaction::{Prepared, unwatch},
};
use blocking::Blocking;
use building::{Building, Terms};
pub(crate) use output::Output;
use paused::Paused;

/// Bytes that a read asks for, unless a large command is known to be coming.
const READ: usize = 16 << 10;
/// And at most.
const READ_MAX: usize = 1 << 20;
/// An input buffer larger than this is given back once it is empty.
const KEPT: usize = 64 << 10;
/// Commands are sent when so many bytes of them have gathered, although more are there.
const BATCH_BYTES: usize = 1 << 20;
/// Or so many commands, fewer if the replies are expected to weigh more than this together.
const BATCH_COMMANDS: usize = 256;
const BATCH_REPLY_BYTES: usize = 4 << 20;
/// With so many batches under way, or so many bytes unsent, nothing more is read.
const BATCHES: usize = 128;
const UNSENT: usize = 1 << 20;

/// Words of a call with a late reply that are kept for the log of slow calls.
const SLOW_WORDS: usize = 64;
/// MONITOR does not show commands with any of these.
const UNSHOWN: Flags = Flags::SKIP_MONITOR.union(Flags::ADMIN);

/// Serves the client until it leaves, is told to, or is drained.
pub(crate) async fn run(stream: TcpStream, registration: Registration, shared: Arc<Shared>) {
    let (reader, writer) = stream.into_split();
    let settings = shared.config.load();
    let session = Session::new(registration, &shared.users.load());
    let client = Arc::clone(session.client());
    let output = Output::new(writer);
    client.set_output(&output);
    let version = shared.router.version();
    let mut connection = Connection {
        session,
        building: Building::new(shared.router.table()),
        version,
        output,
        shared,
        settings,
        parser: RequestParser::new(),
        input: Vec::new(),
        guard: OutputGuard::default(),
        passes: false,
    };
    tokio::select! {
        biased;
        () = client.killed() => {}
        () = connection.serve(reader) => {}
    }
    // Replies under way hold the output, but no longer the socket.
    connection.output.give_up();
    unwatch(connection.session.take_watched(), &connection.shared);
}

struct Connection {
    session: Session,
    shared: Arc<Shared>,
    settings: Arc<Settings>,
    parser: RequestParser,
    input: Vec<u8>,
    building: Building,
    /// The router's version that `building` was made with.
    version: u64,
    output: Arc<Output>,
    guard: OutputGuard,
    /// The next command need not wait for the end of a pause.
    passes: bool,
}

/// What came of one command.
enum Step {
    Taken,
    /// The reply comes later, from something that is neither one shard's answer nor a merge of several.
    Pending {
        command: Command,
        reply: BoxFuture<'static, Vec<u8>>,
        /// It goes out even if the client wants no replies.
        push: bool,
        /// The first words of the call.
        words: Vec<Vec<u8>>,
        /// Keys that the client may cache once it has the reply.
        reads: Vec<Bytes>,
    },
    /// Keys are to be watched before anything else is executed.
    Watch(Vec<Vec<u8>>),
    /// A transaction in which commands of this process stand between those of a shard.
    Exec(Box<Prepared>),
    /// A command that may have to wait for another client's.
    Block(Box<Blocking>),
    /// The command at hand may have to wait for the end of a pause; it will be read again.
    Held(Paused, Box<RequestParser>),
    /// There is no complete command.
    Starved,
    /// Send what is written, then close.
    Close,
}

impl Connection {
    async fn serve(&mut self, mut reader: ReadHalf) {
        loop {
            let open = self.execute_all(&mut reader).await;
            self.report_buffers();
            if !open || !self.read(&mut reader).await {
                self.finish().await;
                return;
            }
        }
    }

    /// Waits for more from the client, and sees to the output meanwhile; whether there is more.
    async fn read(&mut self, reader: &mut ReadHalf) -> bool {
        let drain = self.shared.drain.clone();
        loop {
            if self.output.is_broken() || self.exceeds_limit() {
                return false;
            }
            let output = &self.output;
            let reads = output.unfinished() < BATCHES && output.waiting_bytes() < UNSENT;
            if reads && self.input.capacity() - self.input.len() < READ {
                let wanted = self.parser.wanted(&self.input).clamp(READ, READ_MAX);
                self.input.reserve(wanted);
            }
            tokio::select! {
                biased;
                read = reader.read_buf(&mut self.input), if reads => match read {
                    Ok(length) if length > 0 => {
                        self.received(length);
                        return true;
                    }
                    _ => return false,
                },
                _ = output.flush(), if output.waiting_bytes() > 0 => {}
                () = output.changed() => {}
                () = drain.cancelled() => return false,
            }
        }
    }

    /// Waits for the replies under way and sends them. The client may be gone already.
    async fn finish(&mut self) {
        self.settle().await;
        if self.output.flush().await.is_ok() {
            self.output.shutdown().await;
        }
    }

    /// Waits until nothing is under way.
    async fn settle(&mut self) {
        while self.output.unfinished() > 0 && !self.output.is_broken() {
            self.output.changed().await;
        }
    }

    fn received(&mut self, length: usize) {
        let totals = &self.shared.stats.totals;
        totals.reads.fetch_add(1, Ordering::Relaxed);
        totals.input_bytes.fetch_add(length as u64, Ordering::Relaxed);
        self.session.client().touch(Instant::now());
        self.settings = self.shared.config.load();
    }

    fn exceeds_limit(&mut self) -> bool {
        let limits = self.settings.output_limits;
        let limit = match self.session.client().traits().contains(Trait::PUBSUB) {
            true => limits.pubsub,
            false => limits.normal,
        };
        let exceeded = self.guard.exceeded(limit, self.output.waiting_bytes(), Instant::now());
        if exceeded {
            self.shared.stats.totals.output_limit_closed.fetch_add(1, Ordering::Relaxed);
            tracing::info!(client = self.session.id(), "closed: output buffer limit");
            self.output.give_up();
        }
        exceeded
    }

    /// Executes what was read; whether the connection stays open.
    async fn execute_all(&mut self, reader: &mut ReadHalf) -> bool {
        if self.version != self.shared.router.version() {
            self.settle().await;
            self.version = self.shared.router.version();
            self.building = Building::new(self.shared.router.table());
        }
        let open = loop {
            match self.step() {
                Step::Taken if !self.is_batch_full() => {}
                Step::Taken => {
                    self.send().await;
                    self.keep_up().await;
                }
                Step::Pending { command, reply, push, words, reads } => {
                    self.answer_later(reader, command, reply, push, &words, reads).await;
                }
                Step::Held(held, parser) => {
                    self.parser = *parser;
                    self.send().await;
                    self.passes = self.wait_for_pause(held).await;
                }
                Step::Watch(keys) => self.watch(reader, keys).await,
                Step::Block(blocking) => self.block(reader, *blocking).await,
                Step::Exec(prepared) => {
                    if !self.exec(reader, *prepared).await {
                        break false;
                    }
                }
                Step::Starved => break true,
                Step::Close => break false,
            }
        };
        self.send().await;
        let consumed = self.parser.take_consumed();
        self.input.drain(..consumed);
        if self.input.is_empty() && self.input.capacity() > KEPT {
            self.input = Vec::new();
        }
        if open && self.input.len() as u64 > self.settings.request_limit() {
            self.shared.stats.totals.query_limit_closed.fetch_add(1, Ordering::Relaxed);
            tracing::info!(client = self.session.id(), "closed: query buffer limit");
            return false;
        }
        open
    }

    fn is_batch_full(&self) -> bool {
        let light = (BATCH_REPLY_BYTES / self.output.reply_bytes().max(1)).clamp(1, BATCH_COMMANDS);
        self.building.bytes() >= BATCH_BYTES || self.building.commands() >= light
    }

    /// Waits until the batches before the newest are answered and the client takes its replies: a long pipeline of small
    /// commands may ask for much.
    async fn keep_up(&mut self) {
        loop {
            let output = &self.output;
            if output.unfinished() <= 1 && output.waiting_bytes() < UNSENT {
                return;
            }
            if output.is_broken() || self.exceeds_limit() {
                return;
            }
            let output = &self.output;
            tokio::select! {
                biased;
                _ = output.flush(), if output.waiting_bytes() > 0 => {}
                () = output.changed() => {}
            }
        }
    }

    /// Sends what has gathered; waits for room first where a shard is behind.
    async fn send(&mut self) {
        if let Some(link) = self.building.full_link() {
            // When there is none in time, the commands are answered by the link as out of time.
            let waited = tokio::time::timeout_at(self.shared.router.deadline(), link.room()).await;
            if waited.is_err() {
                tracing::debug!(shard = %link.shard(), "no room in time");
            }
        }
        self.building.send(&mut self.session, &self.output, &self.shared);
    }

    /// Sends what has gathered, waits until all of it is answered, then for this reply.
    async fn answer_later(
        &mut self,
        reader: &mut ReadHalf,
        command: Command,
        reply: BoxFuture<'static, Vec<u8>>,
        push: bool,
        words: &[Vec<u8>],
        reads: Vec<Bytes>,
    ) {
        let answered = self.session.finish_command() | push;
        self.send().await;
        self.settle().await;
        let started = Instant::now();
        let flight = self.session.begin_flight(reads, false);
        let Some(mut reply) = self.unless_gone(reader, reply).await else { return };
        told::hear(&mut reply, 0, &self.shared, self.session.client());
        let failed = self.shared.stats.reply(&reply);
        let took = started.elapsed();
        self.shared.stats.executed(command, 1, took, u64::from(failed));
        self.note_slow(command, took, words.iter().map(Vec::as_slice));
        if !self.output.is_broken() {
            let own = self.session.take_messages();
            self.output.write(flight, |out| {
                if answered {
                    out.extend_from_slice(&reply);
                }
                out.extend_from_slice(&own);
            });
        }
        if push {
            self.output.release();
        }
    }

    fn note_slow<'a>(
        &self,
        command: Command,
        took: std::time::Duration,
        words: impl ExactSizeIterator<Item = &'a [u8]>,
    ) {
        if Observed::is_slow(&self.settings, took) {
            self.shared.observed.note_slow(&self.settings, self.session.client(), command, took, words);
        }
    }

    /// Waits for a reply and reads a little on meanwhile, to notice when the client goes away: nobody would end a
    /// blocked command for it. A client that only says it has nothing more to send still gets other replies.
    async fn unless_gone(
        &mut self,
        reader: &mut ReadHalf,
        mut reply: BoxFuture<'static, Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let mut ended = false;
        loop {
            let reads = !ended && self.input.len() < READ_MAX;
            if reads {
                self.input.reserve(READ);
            }
            tokio::select! {
                biased;
                reply = &mut reply => return Some(reply),
                _ = self.output.flush(), if self.output.waiting_bytes() > 0 => {}
                read = reader.read_buf(&mut self.input), if reads => match read {
                    Ok(length) if length > 0 => self.received(length),
                    _ if self.session.client().traits().contains(Trait::BLOCKED) => {
                        self.output.give_up();
                        return None;
                    }
                    _ => ended = true,
                },
            }
        }
    }

    /// Takes over what has become of the user; whether there is no such user any more, and the connection is to be closed.
    fn has_no_user(&mut self) -> bool {
        let gone = !self.session.follow_users(&self.shared.users);
        if gone {
            tracing::info!(client = self.session.id(), "closed: its user is gone");
            self.session.client().set(Trait::CLOSE_AFTER_REPLY, true);
        }
        gone
    }

    /// How large the next command may be.
    fn limits(&self) -> Limits {
        Limits {
            bulk: self.settings.bulk_limit(),
            authenticated: self.session.authenticated(),
            ..Limits::default()
        }
    }

    /// What the session says about the next command.
    fn terms(&self) -> Terms {
        Terms {
            database: DatabaseId::DEFAULT,
            numbered: self.session.numbered(),
            protocol: self.session.protocol(),
            untouched: self.session.no_touch(),
            remembers: self.session.remembers(),
        }
    }

    fn step(&mut self) -> Step {
        if self.has_no_user() {
            return Step::Close;
        }
        let (limits, terms) = (self.limits(), self.terms());
        let is_paused = self.shared.observed.pause.is_on() && !std::mem::take(&mut self.passes);
        let before = is_paused.then(|| self.parser.clone());
        let Connection { session, shared, parser, input, building, output, .. } = self;
        match parser.parse(input, &limits) {
            Ok(Progress::Command) => {}
            Ok(Progress::Incomplete) => return Step::Starved,
            Err(error) => {
                refuse(shared, building, terms, &error.reply());
                session.client().set(Trait::CLOSE_AFTER_REPLY, true);
                return Step::Close;
            }
        }
        let words: SmallVec<[&[u8]; 8]> = parser.args(input).collect();
        if is_turned_away(session, shared, input.len(), &words) {
            return Step::Close;
        }
        let admitted = gate::admit(session, &words);
        let command = match &admitted {
            Ok(call) => Some(call.command),
            Err(refusal) => refusal.command,
        };
        let step = match admitted {
            Ok(call) if session.transaction().is_some() && exec::queues(call.command) => {
                exec::queue(session, shared, building, terms, &call, &words);
                Step::Taken
            }
            Ok(call) => {
                if let Some(before) = before
                    && let Some(held) = Paused::of(session, &shared.observed.pause, &call)
                {
                    return Step::Held(held, Box::new(before));
                }
                let shown = call.command != Command::Proxy(ProxyCommand::Exec);
                if shown && shared.observed.monitors.any() && !call.command.spec().flags.intersects(UNSHOWN) {
                    shared.observed.monitors.show(session.client(), terms.numbered, call.command, &words);
                }
                session.client().set_command(call.command);
                let name = words.len() - call.args.len();
                match call.command {
                    Command::Engine(one) => engine(session, shared, building, terms, (one, name), &words),
                    Command::Proxy(ProxyCommand::Exec) => exec::begin(session, shared, building, terms),
                    Command::Proxy(ProxyCommand::Watch) => exec::begin_watch(session, building, terms, &call),
                    Command::Proxy(command) => {
                        note_buffers(session, input, output, &words);
                        let called = words[0];
                        let context = local::Context { session, shared, output, called };
                        local(context, building, terms, (command, &call.args), &words)
                    }
                }
            }
            Err(refusal) => turn_down(session, shared, building, terms, refusal, &words),
        };
        let later = matches!(step, Step::Pending { .. } | Step::Watch(_) | Step::Exec(_) | Step::Block(_));
        if !later && !session.finish_command() {
            building.silence();
        }
        // What a transaction reads is looked at later.
        if !matches!(step, Step::Exec(_)) {
            session.end_caching(command);
        }
        let own = session.take_messages();
        if !own.is_empty() {
            building.answer(None, terms, |writer| writer.raw(&own));
        }
        step
    }

    fn report_buffers(&self) {
        self.session.client().set_buffers(Buffers {
            query: self.input.len(),
            query_free: self.input.capacity() - self.input.len(),
            argv: 0,
            reply_capacity: self.output.waiting_bytes(),
            unsent: self.output.waiting_bytes(),
        });
    }
}

/// Answers with an error; it is counted as such, but as a call of no command.
fn refuse(shared: &Shared, building: &mut Building, terms: Terms, error: &ReplyError) {
    let mut reply = Vec::new();
    error.write(&mut reply);
    shared.stats.reply(&reply);
    building.answer(None, terms, |writer| writer.raw(&reply));
}

/// Answers a call that was not let through.
fn turn_down(
    session: &mut Session,
    shared: &Shared,
    building: &mut Building,
    terms: Terms,
    mut refusal: Refusal,
    words: &[&[u8]],
) -> Step {
    if let (Some(denial), Some(command)) = (refusal.denial, refusal.command) {
        session.client().set_command(command);
        note_denial(session, shared, (denial, command), words);
    }
    exec::refused(session, shared, &mut refusal);
    shared.stats.rejected(refusal.command);
    refuse(shared, building, terms, &refusal.error);
    Step::Taken
}

/// Notes what a user may not do, for ACL LOG.
fn note_denial(
    session: &mut Session,
    shared: &Shared,
    (denial, command): (Denial, Command),
    words: &[&[u8]],
) {
    let place = if session.transaction().is_some() { Place::Multi } else { Place::TopLevel };
    let object = denial.object(command.spec(), words);
    let user = session.account().name.clone();
    let subject = Subject { reason: Reason::Denied(denial.reason), place, object, user };
    shared.observed.refusals.add(&shared.config.load(), session.client(), subject, 1);
}

/// Executes a command of this process.
fn local(
    mut context: local::Context<'_>,
    building: &mut Building,
    terms: Terms,
    (command, args): (ProxyCommand, &Args<'_>),
    words: &[&[u8]],
) -> Step {
    let mut outcome = Outcome::Done;
    let started = Instant::now();
    let called = Command::Proxy(command);
    building.answer(Some(called), terms, |reply| {
        outcome = local::execute(&mut context, command, args, reply);
    });
    let (reply, push) = match outcome {
        Outcome::Async(reply) => (reply, false),
        Outcome::Push(reply) => (reply, true),
        Outcome::Done | Outcome::Close => {
            let (took, settings) = (started.elapsed(), context.shared.config.load());
            if Observed::is_slow(&settings, took) {
                let (observed, client) = (&context.shared.observed, context.session.client());
                observed.note_slow(&settings, client, called, took, words.iter().copied());
            }
            if matches!(outcome, Outcome::Close) {
                context.session.client().set(Trait::CLOSE_AFTER_REPLY, true);
                return Step::Close;
            }
            return Step::Taken;
        }
    };
    building.take_back();
    Step::Pending { command: called, reply, push, words: owned(words), reads: Vec::new() }
}

/// The first words of a call, for the log of slow calls.
fn owned(words: &[&[u8]]) -> Vec<Vec<u8>> {
    words.iter().take(SLOW_WORDS).map(|word| word.to_vec()).collect()
}

/// Whether a call is the last of its connection: one of HTTP, or one that is longer than clients may send. `read` bytes
/// have been read and not yet forgotten.
fn is_turned_away(session: &Session, shared: &Shared, read: usize, words: &[&[u8]]) -> bool {
    if gate::is_http(words) {
        tracing::info!(client = session.id(), "closed: speaks HTTP");
        return true;
    }
    let limit = shared.config.load().request_limit();
    if read as u64 <= limit || words.iter().map(|word| word.len() as u64).sum::<u64>() <= limit {
        return false;
    }
    shared.stats.totals.query_limit_closed.fetch_add(1, Ordering::Relaxed);
    tracing::info!(client = session.id(), "closed: query buffer limit");
    true
}

/// Notes what a connection keeps before a command that may tell it.
fn note_buffers(session: &Session, input: &Vec<u8>, output: &Output, words: &[&[u8]]) {
    session.client().set_buffers(Buffers {
        query: input.len(),
        query_free: input.capacity() - input.len(),
        argv: words.iter().map(|word| word.len()).sum(),
        reply_capacity: output.waiting_bytes(),
        unsent: output.waiting_bytes(),
    });
}

/// A call of a script by its SHA-1, which the shard may have to be told first.
fn by_sha<'a>(
    command: EngineCommand,
    table: &'a Table,
    terms: Terms,
    link: usize,
    words: &[&'a [u8]],
) -> Option<BySha<'a>> {
    let is_one = matches!(command, EngineCommand::Evalsha | EngineCommand::EvalshaRo);
    is_one.then(|| BySha {
        table,
        database: terms.database,
        link,
        sha: words.get(1).copied().unwrap_or_default(),
    })
}

/// Takes a command for the shards.
fn engine(
    session: &mut Session,
    shared: &Arc<Shared>,
    building: &mut Building,
    terms: Terms,
    (command, name): (EngineCommand, usize),
    words: &[&[u8]],
) -> Step {
    match plan(command.spec(), words, name, building.table(), terms.database) {
        Ok(Plan::Random) => {
            let head = Head { command, protocol: terms.protocol, numbered: terms.numbered };
            let (router, table) = (Arc::clone(&shared.router), Arc::clone(building.table()));
            let reply = Box::pin(random_key::draw(router, table, terms.database, head));
            let (command, words) = (Command::Engine(command), owned(words));
            Step::Pending { command, reply, push: false, words, reads: Vec::new() }
        }
        Ok(Plan::One(link)) if command.spec().may_block(words) => {
            let head = Head { command, protocol: terms.protocol, numbered: terms.numbered };
            let link = Arc::clone(building.table().link(link));
            let mut blocking = Blocking::new(link, head, words, name);
            if !terms.remembers {
                blocking.reads.clear();
            }
            Step::Block(Box::new(blocking))
        }
        Ok(Plan::Within { link, slots })
            if by_sha(command, building.table(), terms, link, words)
                .is_some_and(|by_sha| by_sha.is_in_doubt(&shared.known_scripts)) =>
        {
            let head = Head { command, protocol: terms.protocol, numbered: terms.numbered };
            let mut record = Vec::new();
            let granted = session.account().granted(command.spec().route, &slots);
            let args: Vec<&[u8]> = std::iter::once(&*granted).chain(words[name..].iter().copied()).collect();
            wire::encode(&mut record, head, args.into_iter());
            if terms.untouched {
                wire::leave_untouched(&mut record);
            }
            session.note_write(building.table().link(link).shard());
            let (shared, table) = (Arc::clone(shared), Arc::clone(building.table()));
            let sha = words[name].to_vec();
            let client = session.id();
            // More than it reads, perhaps.
            let reads = if terms.remembers { keys_named(command, words) } else { Vec::new() };
            let reply = Box::pin(async move {
                let by_sha = BySha { table: &table, database: terms.database, link, sha: &sha };
                let (router, known) = (&shared.router, &shared.known_scripts);
                healing::again(router, known, client, by_sha, Bytes::from(record)).await
            });
            let (command, words) = (Command::Engine(command), owned(words));
            Step::Pending { command, reply, push: false, words, reads }
        }
        Ok(plan) => {
            building.engine(command, &plan, terms, words, name, session.account());
            Step::Taken
        }
        Err(error) => {
            shared.stats.rejected(Some(Command::Engine(command)));
            refuse(shared, building, terms, &error);
            Step::Taken
        }
    }
}
