//! Gathers the commands of one socket read by shard, and sends them.
//!
//! For every link there is at most one open part that reads and one that goes through the log. A read behind a write of
//! the same connection to the same shard goes through the log with it: so it sees that write and no later one, without
//! waiting for it here.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use meridian_command::{Command, EngineCommand, Protocol, ProxyCommand, ReplyWriter, wire};
use meridian_router::{
    Link, Part, Table, Waiter,
    plan::{Plan, Split},
};
use meridian_rt::clock::Instant;
use meridian_topology::DatabaseId;

use super::{
    batch::{
        Batch, Exec, Merged, Owner, PartOf, PartResult, Slot, Source, UnderWay, assemble, capitals, note_slow,
    },
    output::Output,
};
use crate::{
    Shared,
    clients::Client,
    healing,
    session::Session,
    tracking::{is_script, keys_read},
    transaction::Prepared,
    users::Account,
};

/// What the session says about a command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) database: DatabaseId,
    pub(super) numbered: u8,
    pub(super) protocol: Protocol,
    /// Keys that commands look at do not count as used.
    pub(super) untouched: bool,
    /// The client may cache what the command reads.
    pub(super) remembers: bool,
}

/// The commands gathered so far.
#[derive(Debug)]
pub(super) struct Building {
    table: Arc<Table>,
    under_way: Arc<UnderWay>,
    slots: Vec<Slot>,
    here: Vec<u8>,
    parts: Vec<OpenPart>,
    /// For every link, its newest part.
    newest: Vec<Option<usize>>,
    /// Keys that the client may cache once it has the replies.
    reads: Vec<Bytes>,
    /// Scripts may read more of them.
    scripts: bool,
}

#[derive(Debug)]
struct OpenPart {
    of: PartOf,
    database: DatabaseId,
    count: u32,
    commands: Vec<u8>,
    /// Scripts are called by their SHA-1.
    by_sha: bool,
}

/// A part without its commands.
#[derive(Clone, Copy, Debug)]
struct OpenPartHead {
    of: PartOf,
    database: DatabaseId,
    count: u32,
}

impl OpenPart {
    fn close(self) -> (OpenPartHead, Bytes) {
        let OpenPart { of, database, count, commands, by_sha: _ } = self;
        (OpenPartHead { of, database, count }, Bytes::from(commands))
    }
}

impl Building {
    pub(super) fn new(table: Arc<Table>) -> Building {
        let links = table.link_count();
        Building {
            table,
            under_way: UnderWay::new(links),
            slots: Vec::new(),
            here: Vec::new(),
            parts: Vec::new(),
            newest: vec![None; links],
            reads: Vec::new(),
            scripts: false,
        }
    }

    pub(super) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// How many bytes of commands are gathered.
    pub(super) fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.commands.len()).sum()
    }

    /// How many commands are gathered.
    pub(super) fn commands(&self) -> usize {
        self.slots.len()
    }

    /// Takes a reply that is known already.
    pub(super) fn answer(
        &mut self,
        command: Option<Command>,
        terms: Terms,
        write: impl FnOnce(&mut ReplyWriter<'_>),
    ) {
        let start = self.here.len();
        write(&mut ReplyWriter::new(&mut self.here, terms.protocol));
        let source = Source::Here(Range { start, end: self.here.len() });
        self.slots.push(Slot { command, source, silent: false, capitals: 0 });
    }

    /// Takes the newest reply back: it comes later.
    pub(super) fn take_back(&mut self) {
        if let Some(Slot { source: Source::Here(range), .. }) = self.slots.pop() {
            self.here.truncate(range.start);
        }
    }

    /// The client has asked for no reply to the newest command.
    pub(super) fn silence(&mut self) {
        if let Some(slot) = self.slots.last_mut() {
            slot.silent = true;
        }
    }

    /// Takes a command for one or more shards. `args` are the arguments without the name, `call` is the whole call.
    ///
    /// [`Plan::Random`] is none of its business: who is drawn depends on answers.
    pub(super) fn engine(
        &mut self,
        command: EngineCommand,
        plan: &Plan,
        terms: Terms,
        call: &[&[u8]],
        name: usize,
        account: &Account,
    ) {
        let head = wire::Head { command, protocol: terms.protocol, numbered: terms.numbered };
        if terms.remembers {
            self.remember(keys_read(command, call), is_script(command));
        }
        let source = match plan {
            Plan::One(link) => Source::Part(self.add(*link, head, terms, call[name..].iter().copied())),
            Plan::Cursor { link, last_slot } => {
                let last_slot = last_slot.number().to_string();
                let mut args: Vec<&[u8]> = vec![last_slot.as_bytes()];
                args.extend(&call[name..]);
                Source::Part(self.add(*link, head, terms, args.into_iter()))
            }
            Plan::Within { link, slots } => {
                let granted = account.granted(command.spec().route, slots);
                let mut args: Vec<&[u8]> = vec![&granted];
                args.extend(&call[name..]);
                Source::Part(self.add(*link, head, terms, args.into_iter()))
            }
            Plan::All => {
                let links: Vec<usize> = self.table.owners(terms.database).collect();
                let parts = links
                    .into_iter()
                    .map(|link| self.add(link, head, terms, call[name..].iter().copied()))
                    .collect();
                merged(command, terms, parts, Vec::new())
            }
            Plan::Split(split) => {
                let Split { shares, by_key } = &**split;
                let parts = shares
                    .iter()
                    .map(|share| {
                        let args = share.arguments.iter().map(|position| call[*position]);
                        self.add(share.link, head, terms, args)
                    })
                    .collect();
                merged(command, terms, parts, by_key.clone())
            }
            Plan::Random => unreachable!("drawn by the connection"),
        };
        let capitals = capitals(call[..name].iter().copied());
        self.slots.push(Slot { command: Some(Command::Engine(command)), source, silent: false, capitals });
    }

    /// The client may cache these keys, and those that scripts read.
    pub(super) fn remember(&mut self, reads: Vec<Bytes>, scripts: bool) {
        self.reads.extend(reads);
        self.scripts |= scripts;
    }

    /// Takes a transaction for a shard.
    pub(super) fn exec(&mut self, link: usize, prepared: &Prepared, terms: Terms) {
        if terms.remembers {
            let (reads, scripts) = prepared.reads(None);
            self.remember(reads, scripts);
        }
        let command = EngineCommand::ExecuteAll;
        let head = wire::Head { command, protocol: terms.protocol, numbered: terms.numbered };
        let args = [prepared.conditions.as_slice(), prepared.records.as_slice()];
        let part = self.add(link, head, terms, args.into_iter());
        let commands = prepared
            .queued
            .iter()
            .map(|queued| (queued.command, capitals(queued.words().into_iter().take(queued.name))))
            .collect();
        let source = Source::Exec(Box::new(Exec { part, commands }));
        let command = Some(Command::Proxy(ProxyCommand::Exec));
        self.slots.push(Slot { command, source, silent: false, capitals: 0 });
    }

    fn add<'a>(
        &mut self,
        link: usize,
        head: wire::Head,
        terms: Terms,
        args: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    ) -> usize {
        let newest = self.newest[link].map(|part| &self.parts[part]);
        // What a script reads the log tells.
        let told = terms.remembers && is_script(head.command);
        let logged = head.command.spec().is_write()
            || told
            || newest.map_or_else(|| self.under_way.writes(link), |newest| newest.of.logged);
        let fits =
            newest.is_some_and(|newest| newest.of.logged == logged && newest.database == terms.database);
        let part = match self.newest[link].filter(|_| fits) {
            Some(part) => part,
            None => {
                let of = PartOf { link, logged };
                self.parts.push(OpenPart {
                    of,
                    database: terms.database,
                    count: 0,
                    commands: Vec::new(),
                    by_sha: false,
                });
                self.newest[link] = Some(self.parts.len() - 1);
                self.parts.len() - 1
            }
        };
        let open = &mut self.parts[part];
        open.count += 1;
        let start = open.commands.len();
        open.by_sha |= head.command == EngineCommand::EvalshaRo;
        wire::encode(&mut open.commands, head, args);
        if terms.untouched {
            wire::leave_untouched(&mut open.commands[start..]);
        }
        part
    }

    /// Sends what is gathered and starts anew. What can be answered at once is.
    pub(super) fn send(&mut self, session: &mut Session, output: &Arc<Output>, shared: &Arc<Shared>) {
        if self.slots.is_empty() {
            return;
        }
        let started = Instant::now();
        let slots = std::mem::take(&mut self.slots);
        let here = std::mem::take(&mut self.here);
        let parts = std::mem::take(&mut self.parts);
        self.newest.fill(None);
        // Before anything is read.
        let flight = session.begin_flight(std::mem::take(&mut self.reads), std::mem::take(&mut self.scripts));
        let results: Vec<Option<PartResult>> = parts.iter().map(|part| self.read_here(part)).collect();
        if output.unfinished() == 0 && results.iter().all(Option::is_some) {
            let owner: (&Shared, &Client) = (shared, session.client());
            output.write(flight, |out| assemble(&slots, &here, &results, owner, started, out));
            note_slow(&slots, &|part| &parts[part].commands[..], shared, session.client(), started);
            return;
        }
        let pending: Vec<usize> = (0..parts.len()).filter(|part| results[*part].is_none()).collect();
        for part in &pending {
            let PartOf { link, logged } = parts[*part].of;
            self.under_way.begin(link, logged);
            if logged {
                session.note_write(self.table.link(link).shard());
            }
        }
        let mut parts: Vec<(OpenPartHead, Bytes)> = parts.into_iter().map(OpenPart::close).collect();
        let of = parts.iter().map(|(head, text)| (head.of, text.clone())).collect();
        let batch = Batch::new(
            Owner {
                output: Arc::clone(output),
                shared: Arc::clone(shared),
                client: Arc::clone(session.client()),
                flight,
            },
            Arc::clone(&self.under_way),
            slots,
            here,
            of,
            results,
            &self.table,
        );
        output.push(Arc::clone(&batch));
        if pending.is_empty() {
            output.batch_done();
            return;
        }
        let deadline = shared.router.deadline();
        let epoch = self.table.epoch().0;
        for index in pending {
            let (OpenPartHead { of, database, count }, commands) = &mut parts[index];
            let (of, database, count, commands) = (*of, *database, *count, std::mem::take(commands));
            let waiter = Waiter { target: Arc::clone(&batch) as _, part: index };
            self.table.link(of.link).submit(Part {
                database,
                logged: of.logged,
                count,
                commands,
                epoch,
                deadline,
                client: session.id(),
                waiter,
            });
        }
    }

    /// The replies of a part that this process can give without a queue.
    fn read_here(&self, part: &OpenPart) -> Option<PartResult> {
        if part.of.logged || !self.under_way.is_idle(part.of.link) {
            return None;
        }
        let mut replies = Vec::with_capacity(part.commands.len() * 2 + 64);
        let link = self.table.link(part.of.link);
        let read = link.read_here(part.database, &part.commands, &mut replies);
        // A script that the shard turns out not to know is looked for elsewhere first.
        let misses = read && part.by_sha && any_missing(&replies);
        (read && !misses).then(|| Ok(Bytes::from(replies)))
    }

    /// A link that would get something and is full.
    pub(super) fn full_link(&self) -> Option<Arc<Link>> {
        self.parts.iter().map(|part| self.table.link(part.of.link)).find(|link| link.is_full()).cloned()
    }
}

/// Whether one of the replies may say that a script is not known.
fn any_missing(replies: &[u8]) -> bool {
    replies.windows(healing::NO_SCRIPT.len()).any(|window| window == healing::NO_SCRIPT)
}

fn merged(command: EngineCommand, terms: Terms, parts: Vec<usize>, by_key: Vec<u16>) -> Source {
    let how = command.spec().merge;
    Source::Merged(Box::new(Merged { how, protocol: terms.protocol, parts, by_key }))
}
