//! What scripts reach: the commands of the engine, and those few of a connection that make sense inside an entry.

use meridian_command::{
    Access, Args, Command, CommandSpec, EngineCommand, Flags, Protocol, ProxyCommand, ReplyError,
    ReplyWriter, Route, Wait,
    acl::{Grant, Told},
    introspect,
    number::parse_i64,
};
use meridian_script::{Host, Refused};
use meridian_topology::{SLOT_COUNT, Slot, slot_of};

use crate::{
    dispatch::{Handler, handler},
    keyspace::{NUMBERED_COUNT, Reader, Writer},
};

/// A scan's cursor holds the slot above these bits.
const CURSOR_SLOT_SHIFT: u32 = 48;

/// The slots that the shard has of a database.
#[derive(Debug)]
pub(super) struct Slots {
    runs: Vec<(u16, u16)>,
}

impl Slots {
    /// Reads `0-5460,10923-16383`.
    pub(super) fn parse(text: &[u8]) -> Result<Slots, ReplyError> {
        let number = |text: &str| text.parse::<u16>().ok().filter(|slot| *slot < SLOT_COUNT);
        let run = |text: &str| {
            let (first, last) = text.split_once('-')?;
            Some((number(first)?, number(last)?))
        };
        let text = std::str::from_utf8(text).map_err(|_| ReplyError::INTERNAL_MALFORMED)?;
        let runs: Option<Vec<_>> = text.split(',').map(run).collect();
        runs.map(|runs| Slots { runs }).ok_or(ReplyError::INTERNAL_MALFORMED)
    }

    fn is_all(&self) -> bool {
        self.runs == [(0, SLOT_COUNT - 1)]
    }

    fn contains(&self, slot: Slot) -> bool {
        self.runs.iter().any(|(first, last)| (*first..=*last).contains(&slot.number()))
    }

    /// The run in which a scan goes on that has arrived at `slot`.
    fn run_from(&self, slot: u16) -> Option<(u16, u16)> {
        self.runs.iter().copied().filter(|(_, last)| *last >= slot).min_by_key(|(first, _)| *first)
    }
}

/// Where commands of a script are executed.
pub(super) enum Place<'p, 'k> {
    /// In the log.
    Log(&'p mut Writer<'k>),
    /// Outside it.
    Read(&'p mut Reader<'k>),
}

/// The host of one run.
pub(super) struct ShardHost<'p, 'k> {
    pub(super) place: Place<'p, 'k>,
    pub(super) slots: Slots,
    /// What its user may do; nothing if that is everything.
    pub(super) grant: Option<Grant>,
    /// What was refused to it.
    pub(super) told: Told,
    /// What `SELECT` chose.
    pub(super) numbered: u8,
    /// What it does depends on what it is told, and must be the same on all replicas.
    pub(super) may_write: bool,
    /// Memory was full when it began, and it has changed nothing yet: what may need more is refused.
    pub(super) full: bool,
}

/// Whether replicas answer differently: when a key was used, and how much memory it takes, depends on what a replica was
/// asked and has been through.
fn is_own(command: EngineCommand) -> bool {
    use EngineCommand as C;
    matches!(command, C::ObjectIdletime | C::ObjectFreq | C::MemoryUsage)
}

impl Host for ShardHost<'_, '_> {
    fn permit(&mut self, command: Command, words: &[&[u8]], name: usize, asked: bool) -> Result<(), Vec<u8>> {
        let Some(grant) = &self.grant else { return Ok(()) };
        let spec = command.spec();
        if let Err(denial) = grant.check(command, words, name) {
            if !asked {
                self.told.add(&grant.name, denial.reason, denial.object(spec, words), 1);
            }
            return Err(denial.script_text(&grant.name, spec));
        }
        match spec.pattern_option(words) {
            Some(option) if !grant.reads_all_keys(command, words, name) => {
                Err(ReplyError::pattern_denied(option).line().to_vec())
            }
            _ => Ok(()),
        }
    }

    fn execute(
        &mut self,
        command: Command,
        words: &[&[u8]],
        name: usize,
        protocol: Protocol,
        reply: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let args = Args::new(words.get(name..).unwrap_or_default());
        let start = reply.len();
        let mut writer = ReplyWriter::new(reply, protocol);
        let answered = match command {
            Command::Engine(command) => self.engine(command, words, args, &mut writer),
            Command::Proxy(command) => match self.proxy(command, args, &mut writer) {
                Some(answered) => answered,
                None => return Err(Refused::NotFromScripts),
            },
        };
        if let Err(error) = answered {
            writer.rewind(start);
            writer.error(&error);
        }
        Ok(())
    }
}

impl ShardHost<'_, '_> {
    fn engine(
        &mut self,
        command: EngineCommand,
        words: &[&[u8]],
        args: Args<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Result<(), ReplyError> {
        let spec = command.spec();
        if self.may_write && is_own(command) {
            return Err(ReplyError::script_own(spec.name));
        }
        if !self.slots.is_all()
            && let Ok(positions) = spec.key_positions(words)
            && let Some(elsewhere) = positions.iter().find(|at| !self.slots.contains(slot_of(words[**at])))
        {
            return Err(ReplyError::script_key_elsewhere(words[*elsewhere]));
        }
        if self.full && spec.flags.contains(Flags::DENYOOM) {
            return Err(ReplyError::OUT_OF_MEMORY);
        }
        // Half of a script is worse than too much memory.
        self.full &= !spec.is_write();
        self.note_read(spec, words);
        if spec.route == Route::Cursor {
            return self.scan(command, args, reply);
        }
        self.call(command, args, reply)
    }

    /// Tells of the keys that a command reads: clients that cache keep them as if they had read them themselves.
    fn note_read(&mut self, spec: &CommandSpec, words: &[&[u8]]) {
        let is_told = match &self.place {
            Place::Log(writer) => writer.tells_reads(),
            Place::Read(reader) => reader.tells_reads(),
        };
        if !is_told || spec.access != Access::Read {
            return;
        }
        let Ok(positions) = spec.key_positions(words) else { return };
        let keys = positions.into_iter().map(|at| words[at]);
        match &mut self.place {
            Place::Log(writer) => {
                writer.select(self.numbered);
                writer.read_by_script(keys);
            }
            Place::Read(reader) => reader.read_by_script(keys),
        }
    }

    fn call(
        &mut self,
        command: EngineCommand,
        args: Args<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Result<(), ReplyError> {
        match (&mut self.place, handler(command)) {
            (Place::Log(writer), Handler::Read(read)) => {
                writer.select(self.numbered);
                read(&writer.reader(), args, reply)
            }
            (Place::Log(writer), Handler::Write(write) | Handler::ReadOrBlock(_, write)) => {
                writer.select(self.numbered);
                write(writer, args, reply)
            }
            (Place::Read(reader), Handler::Read(read) | Handler::ReadOrBlock(read, _)) => {
                reader.select(self.numbered);
                read(reader, args, reply)
            }
            (Place::Read(_), Handler::Write(_)) => Err(ReplyError::SCRIPT_RO_WRITES),
        }
    }

    /// A scan over the shard's slots alone: from run to run.
    fn scan(
        &mut self,
        command: EngineCommand,
        args: Args<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Result<(), ReplyError> {
        let cursor: u64 = std::str::from_utf8(&args[0])
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(ReplyError::INVALID_CURSOR)?;
        let slot = u16::try_from(cursor >> CURSOR_SLOT_SHIFT).unwrap_or(u16::MAX);
        let Some((first, last)) = self.slots.run_from(slot.min(SLOT_COUNT - 1)) else {
            reply.array(2);
            reply.bulk(b"0");
            reply.array(0);
            return Ok(());
        };
        let cursor = if slot < first { u64::from(first) << CURSOR_SLOT_SHIFT } else { cursor };
        let (last, cursor) = (last.to_string(), cursor.to_string());
        let mut all = vec![last.as_bytes(), cursor.as_bytes()];
        all.extend(args.from(1).iter());
        self.call(command, Args::new(&all), reply)
    }

    /// Commands that connections answer; `None` for those that need one.
    fn proxy(
        &mut self,
        command: ProxyCommand,
        args: Args<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Option<Result<(), ReplyError>> {
        use ProxyCommand as C;
        Some(match command {
            C::Ping if args.is_empty() => {
                reply.simple("PONG");
                Ok(())
            }
            C::Ping if args.len() > 1 => Err(ReplyError::wrong_arity(command.spec())),
            C::Ping | C::Echo => {
                reply.bulk(&args[0]);
                Ok(())
            }
            C::Select => self.select(&args[0]).map(|()| reply.ok()),
            C::Publish => self.publish(false, args, reply),
            C::Spublish => self.publish(true, args, reply),
            // Nobody waits in a script, and nobody else has what it writes before it ends.
            C::Wait => Wait::of(&args).map(|_| reply.integer(0)),
            C::Waitaof => Wait::on_disk(&args).map(|_| {
                reply.array(2);
                reply.integer(0);
                reply.integer(0);
            }),
            C::Time => {
                let now_ms = match &self.place {
                    Place::Log(writer) => writer.time_ms(),
                    Place::Read(reader) => reader.now_ms(),
                };
                reply.array(2);
                reply.bulk((now_ms / 1000).to_string().as_bytes());
                reply.bulk((now_ms % 1000 * 1000).to_string().as_bytes());
                Ok(())
            }
            C::Command => introspect::all(args, reply),
            C::CommandCount => introspect::count(args, reply),
            C::CommandList => introspect::list(args, reply),
            C::CommandInfo => introspect::info(args, reply),
            C::CommandDocs => introspect::docs(args, reply),
            C::CommandGetkeys => introspect::keys(args, reply),
            C::CommandGetkeysandflags => introspect::keys_and_flags(args, reply),
            _ => return None,
        })
    }

    /// The message leaves once the entry is applied, from the replica that has proposed it. How many get it is known
    /// then, and differs from replica to replica: the script is told 0.
    fn publish(
        &mut self,
        shard: bool,
        args: Args<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Result<(), ReplyError> {
        let Place::Log(writer) = &mut self.place else { return Err(ReplyError::SCRIPT_RO_WRITES) };
        writer.publish(shard, &args[0], &args[1]);
        reply.integer(0);
        Ok(())
    }

    fn select(&mut self, number: &[u8]) -> Result<(), ReplyError> {
        let number = parse_i64(number).ok_or(ReplyError::NOT_AN_INTEGER)?;
        let number = u8::try_from(number).ok().filter(|number| *number < NUMBERED_COUNT);
        self.numbered = number.ok_or(ReplyError::DB_OUT_OF_RANGE)?;
        Ok(())
    }
}
