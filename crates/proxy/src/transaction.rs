//! MULTI to EXEC on a connection: what is queued, what is watched, and what EXEC sends.
//!
//! Commands are planned when they are queued, so that what one shard cannot do alone is refused then, and once more at
//! EXEC, because the map may have changed meanwhile. What the shards execute becomes one record; commands of this
//! process run once the shard has answered, and their replies take their places between the shard's.

use std::sync::Arc;

use bytes::Bytes;
use meridian_command::{
    Command, EngineCommand, Protocol, ProxyCommand, ReplyError, acl::Denial, number::parse_i64, wire,
};
use meridian_router::{
    Link, Part, Table, WaitFor, Waiter,
    plan::{Plan, plan},
};
use meridian_topology::{DatabaseId, ShardId};

use crate::{
    Shared,
    clients::Client,
    held_keys::{Held, HeldKeys},
    session::NUMBERED_DATABASES,
    tracking::{Mode, Tracked, is_script, keys_read},
    users::Account,
};

/// A queue larger than this is refused, as is a request that large.
const QUEUE_BYTES_MAX: usize = 512 << 20;

/// The keys of a transaction, or those it watches, live on several shards.
const SEVERAL_SHARDS: ReplyError = ReplyError::new(
    "CROSSSLOT Keys of a transaction live on several shards, and atomic transactions over shards are not supported yet: \
     give them one hash tag",
);

/// A command between MULTI and EXEC.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) command: Command,
    /// The whole call, name first.
    pub(crate) words: Vec<Vec<u8>>,
    /// How many words are the name.
    pub(crate) name: usize,
    /// Its user may not do it any more: it is answered with an error and not executed.
    pub(crate) denied: Option<Denial>,
}

impl Queued {
    /// The call as handlers want it.
    pub(crate) fn words(&self) -> Vec<&[u8]> {
        self.words.iter().map(Vec::as_slice).collect()
    }
}

/// What has come since MULTI.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    queued: Vec<Queued>,
    bytes: usize,
    /// The shard of the commands so far.
    shard: Option<ShardId>,
    /// A command was refused: EXEC will be too.
    failed: bool,
}

/// A watched key.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) link: Arc<Link>,
    pub(crate) numbered: u8,
    pub(crate) key: Vec<u8>,
    /// Since when the shard notes its changes.
    pub(crate) moment: u64,
}

/// A transaction ready to be sent.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The link it goes to; none if no shard has anything to do with it.
    pub(crate) link: Option<usize>,
    /// What the shard checks first.
    pub(crate) conditions: Vec<u8>,
    /// The records for the shard.
    pub(crate) records: Vec<u8>,
    /// The scripts that are called by their SHA-1.
    pub(crate) scripts: Vec<Vec<u8>>,
    /// The commands, in order.
    pub(crate) queued: Vec<Queued>,
}

impl Prepared {
    /// Whether this process answers some of them.
    pub(crate) fn has_local(&self) -> bool {
        let is_local =
            |queued: &Queued| queued.denied.is_some() || matches!(queued.command, Command::Proxy(_));
        self.queued.iter().any(is_local)
    }

    /// Whether commands of a shard are among them.
    pub(crate) fn has_engine(&self) -> bool {
        self.queued.iter().any(|queued| matches!(queued.command, Command::Engine(_)))
    }

    /// The keys that the client may cache, and whether scripts may read more. What CLIENT CACHING says in the
    /// transaction holds from there on; `tracked` is the client if it may be there.
    pub(crate) fn reads(&self, tracked: Option<&Tracked>) -> (Vec<Bytes>, bool) {
        let mode = tracked.map_or(Mode::ON, |tracked| tracked.mode());
        let mut remembers = tracked.is_none_or(Tracked::remembers);
        let (mut reads, mut scripts) = (Vec::new(), false);
        for queued in &self.queued {
            match queued.command {
                Command::Proxy(ProxyCommand::ClientCaching) => {
                    let yes = queued.words.last().is_some_and(|word| word.eq_ignore_ascii_case(b"yes"));
                    remembers = match yes {
                        true => remembers || mode.contains(Mode::OPTIN),
                        false => remembers && !mode.contains(Mode::OPTOUT),
                    };
                }
                Command::Engine(command) if remembers => {
                    reads.extend(keys_read(command, &queued.words()));
                    scripts |= is_script(command);
                }
                _ => {}
            }
        }
        (reads, scripts)
    }
}

/// What the session says about the commands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) database: DatabaseId,
    pub(crate) numbered: u8,
    pub(crate) protocol: Protocol,
    /// Keys that commands look at do not count as used.
    pub(crate) untouched: bool,
}

impl Transaction {
    /// What is queued.
    pub(crate) fn queued(&self) -> &[Queued] {
        &self.queued
    }

    /// How many commands are queued.
    pub(crate) fn len(&self) -> usize {
        self.queued.len()
    }

    /// How many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A command was refused.
    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    /// Takes a command.
    ///
    /// # Errors
    /// If one shard cannot execute all of it, or there is too much; EXEC will be refused then.
    pub(crate) fn queue(
        &mut self,
        queued: Queued,
        table: &Table,
        database: DatabaseId,
    ) -> Result<(), ReplyError> {
        let taken = self.try_queue(queued, table, database);
        self.failed |= taken.is_err();
        taken
    }

    fn try_queue(&mut self, queued: Queued, table: &Table, database: DatabaseId) -> Result<(), ReplyError> {
        if let Command::Engine(command) = queued.command
            && let Some((link, _)) = link_of(command, &queued, table, database)?
        {
            let shard = table.link(link).shard();
            // As Redis does for whatever is queued: the queue takes memory.
            if table.link(link).is_memory_full() {
                return Err(ReplyError::OUT_OF_MEMORY);
            }
            if *self.shard.get_or_insert(shard) != shard {
                return Err(SEVERAL_SHARDS);
            }
        }
        self.bytes += queued.words.iter().map(|word| word.len() + size_of::<Vec<u8>>()).sum::<usize>();
        if self.bytes > QUEUE_BYTES_MAX {
            return Err(ReplyError::new("ERR the transaction is too large"));
        }
        self.queued.push(queued);
        Ok(())
    }

    /// Finds what its user may not do any more.
    fn check(&mut self, account: &Account) {
        if account.is_unrestricted() {
            return;
        }
        for queued in &mut self.queued {
            queued.denied = account.rules.check(queued.command, &queued.words(), queued.name).err();
        }
    }

    /// Puts together what EXEC sends.
    ///
    /// # Errors
    /// `EXECABORT` if a command was refused; otherwise if no shard can execute all of it.
    pub(crate) fn prepare(
        mut self,
        watched: &[Watched],
        table: &Table,
        setting: Setting,
        account: &Account,
    ) -> Result<Prepared, ReplyError> {
        if self.failed {
            return Err(ReplyError::new("EXECABORT Transaction discarded because of previous errors."));
        }
        let mut link = None;
        let mut unite = |other: usize| {
            if *link.get_or_insert(other) == other { Ok(()) } else { Err(SEVERAL_SHARDS) }
        };
        let mut conditions = Vec::new();
        for watched in watched {
            let index =
                (0..table.link_count()).find(|index| table.link(*index).shard() == watched.link.shard());
            unite(index.ok_or(ReplyError::NO_MAP)?)?;
            conditions.push(watched.numbered);
            put_varint(&mut conditions, watched.moment);
            put_varint(&mut conditions, watched.key.len() as u64);
            conditions.extend_from_slice(&watched.key);
        }
        let mut setting = setting;
        let mut records = Vec::new();
        let mut scripts: Vec<Vec<u8>> = Vec::new();
        let mut anywhere = false;
        self.check(account);
        for queued in self.queued.iter().filter(|queued| queued.denied.is_none()) {
            let command = match queued.command {
                Command::Engine(command) => command,
                Command::Proxy(command) => {
                    setting.foresee(command, &queued.words());
                    continue;
                }
            };
            let planned = link_of(command, queued, table, setting.database)?;
            let words = queued.words();
            if let (EngineCommand::Evalsha | EngineCommand::EvalshaRo, Some(sha)) = (command, words.get(1)) {
                scripts.push(sha.to_vec());
            }
            let mut args = words[queued.name..].to_vec();
            let added;
            match &planned {
                Some((index, first)) => {
                    unite(*index)?;
                    if let Some(first) = first {
                        added = account.granted(command.spec().route, first);
                        args.insert(0, &added);
                    }
                }
                None => anywhere = true,
            }
            let head = wire::Head { command, protocol: setting.protocol, numbered: setting.numbered };
            let start = records.len();
            wire::encode(&mut records, head, args.into_iter());
            if setting.untouched {
                wire::leave_untouched(&mut records[start..]);
            }
        }
        if link.is_none() && anywhere {
            link = Some(table.owners(setting.database).next().ok_or(ReplyError::NO_MAP)?);
        }
        scripts.sort_unstable();
        scripts.dedup();
        Ok(Prepared { link, conditions, records, scripts, queued: self.queued })
    }
}

impl Setting {
    /// What a command of this process will change for those behind it, once it is executed.
    pub(crate) fn foresee(&mut self, command: ProxyCommand, words: &[&[u8]]) {
        let first = words.get(1).copied().and_then(parse_i64);
        match (command, first) {
            (ProxyCommand::Select, Some(number)) => {
                let numbered = u8::try_from(number).ok().filter(|numbered| *numbered < NUMBERED_DATABASES);
                self.numbered = numbered.unwrap_or(self.numbered);
            }
            (ProxyCommand::Hello, Some(2)) => self.protocol = Protocol::Resp2,
            (ProxyCommand::Hello, Some(3)) => self.protocol = Protocol::Resp3,
            _ => {}
        }
    }
}

/// The link of a command, and the argument that the shard gets first: the last slot of the run for a scan, the
/// shard's slots for a script. None: it has no keys, any shard does.
fn link_of(
    command: EngineCommand,
    queued: &Queued,
    table: &Table,
    database: DatabaseId,
) -> Result<Option<(usize, Option<String>)>, ReplyError> {
    let words = queued.words();
    let spec = command.spec();
    match plan(spec, &words, queued.name, table, database)? {
        Plan::One(link) => {
            let keyless =
                !spec.keys.is_empty() && spec.key_positions(&words).is_ok_and(|keys| keys.is_empty());
            Ok(Some((link, None)).filter(|_| !keyless))
        }
        Plan::Cursor { link, last_slot } => Ok(Some((link, Some(last_slot.number().to_string())))),
        Plan::Within { link, slots } => Ok(Some((link, Some(slots)))),
        Plan::Split(_) | Plan::All | Plan::Random => Err(SEVERAL_SHARDS),
    }
}

fn put_varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// Nobody waits for the answer.
#[derive(Debug)]
pub(crate) struct Nobody;

impl WaitFor for Nobody {
    fn part_done(self: Arc<Self>, _: usize, result: Result<Bytes, ReplyError>) {
        if let Err(error) = result {
            tracing::debug!(error = %error.text(), "a shard was not told that keys are watched no more");
        }
    }
}

/// Tells the shards that these keys are watched no more. Nothing waits for that: a watch that is forgotten late harms
/// nobody.
pub(crate) fn unwatch(watched: Vec<Watched>, shared: &Shared) {
    let mut rest = watched;
    while let Some(first) = rest.first() {
        let (shard, numbered) = (first.link.shard(), first.numbered);
        let same = |one: &Watched| one.link.shard() == shard && one.numbered == numbered;
        let (group, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(same);
        rest = others;
        let mut commands = Vec::new();
        let head = wire::Head { command: EngineCommand::UnwatchKeys, protocol: Protocol::Resp2, numbered };
        wire::encode(&mut commands, head, group.iter().map(|watched| watched.key.as_slice()));
        group[0].link.submit(Part {
            database: DatabaseId::DEFAULT,
            logged: true,
            count: 1,
            commands: Bytes::from(commands),
            epoch: shared.router.table().epoch().0,
            deadline: shared.router.deadline(),
            client: 0,
            waiter: Waiter { target: Arc::new(Nobody), part: 0 },
        });
    }
}

/// Counts what a client watches, for as long as the result lives or until it is taken back.
pub(crate) fn hold_watched(watched: &[Watched], keys: &Arc<HeldKeys>, client: &Client) -> Held {
    let held = keys.hold(watched.iter().map(|watched| (watched.numbered, watched.key.clone())).collect());
    client.set_watched(held.len());
    held
}

/// Has the shards note changes of keys from now on.
///
/// # Errors
/// If a shard does not answer.
pub(crate) async fn watch(
    keys: Vec<Vec<u8>>,
    setting: Setting,
    shared: &Shared,
    table: &Table,
    watched: &mut Vec<Watched>,
) -> Result<(), ReplyError> {
    for key in keys {
        if watched.iter().any(|known| known.numbered == setting.numbered && known.key == key) {
            continue;
        }
        let owner = table.owner(setting.database, meridian_topology::slot_of(&key));
        let link = Arc::clone(table.link(owner.ok_or(ReplyError::NO_MAP)?));
        let mut commands = Vec::new();
        let head = wire::Head {
            command: EngineCommand::WatchKeys,
            protocol: Protocol::Resp2,
            numbered: setting.numbered,
        };
        wire::encode(&mut commands, head, std::iter::once(key.as_slice()));
        let replies = shared.router.call(&link, setting.database, true, 1, Bytes::from(commands)).await?;
        let line = replies.get(4..).and_then(|reply| reply.strip_prefix(b":")?.strip_suffix(b"\r\n"));
        let moment = line.and_then(parse_i64).and_then(|moment| u64::try_from(moment).ok());
        let moment = moment.ok_or(ReplyError::INTERNAL_MALFORMED)?;
        watched.push(Watched { link, numbered: setting.numbered, key, moment });
    }
    Ok(())
}
