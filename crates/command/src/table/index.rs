//! Names to rows: an open hash table that is built when the program is compiled.
//!
//! A lookup allocates nothing: one pass over the name, one probe, one comparison. Subcommands are in the same table
//! under their whole name (`CLIENT|ID`).

use super::{Command, Container, EngineCommand, ProxyCommand};
use crate::{CommandSpec, ReplyError};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Something that can be called.
    Command(Command),
    /// Only a container.
    Container(Container),
}

impl Entry {
    pub(crate) const fn spec(self) -> &'static CommandSpec {
        match self {
            Entry::Command(command) => command.spec(),
            Entry::Container(container) => container.spec(),
        }
    }
}

const COUNT: usize = EngineCommand::ALL.len() + ProxyCommand::ALL.len() + Container::ALL.len();
/// Four times the rows at least: probes are short.
const BUCKETS: usize = (COUNT * 4).next_power_of_two();
const EMPTY: u16 = u16::MAX;

static ENTRIES: [Entry; COUNT] = entries();
static NAMES: [&str; COUNT] = names();
static INDEX: [u16; BUCKETS] = index();

const fn entries() -> [Entry; COUNT] {
    let mut all = [Entry::Container(Container::Object); COUNT];
    let mut at = 0;
    let mut next = 0;
    while next < EngineCommand::ALL.len() {
        all[at] = Entry::Command(Command::Engine(EngineCommand::ALL[next]));
        at += 1;
        next += 1;
    }
    next = 0;
    while next < ProxyCommand::ALL.len() {
        all[at] = Entry::Command(Command::Proxy(ProxyCommand::ALL[next]));
        at += 1;
        next += 1;
    }
    next = 0;
    while next < Container::ALL.len() {
        all[at] = Entry::Container(Container::ALL[next]);
        at += 1;
        next += 1;
    }
    all
}

const fn names() -> [&'static str; COUNT] {
    let entries = entries();
    let mut names = [""; COUNT];
    let mut at = 0;
    while at < COUNT {
        names[at] = entries[at].spec().name;
        at += 1;
    }
    names
}

const fn index() -> [u16; BUCKETS] {
    let names = names();
    let mut index = [EMPTY; BUCKETS];
    let mut at = 0;
    while at < COUNT {
        let mut bucket = bucket(hash(START, names[at].as_bytes()));
        while index[bucket] != EMPTY {
            bucket = (bucket + 1) % BUCKETS;
        }
        index[bucket] = at as u16;
        at += 1;
    }
    index
}

const START: u32 = 0x811C_9DC5;

/// FNV-1a over the bytes with the case bit cleared, so that it does not see the case of letters.
const fn hash(mut state: u32, bytes: &[u8]) -> u32 {
    let mut at = 0;
    while at < bytes.len() {
        state = (state ^ (bytes[at] & 0xDF) as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    state
}

const fn bucket(hash: u32) -> usize {
    ((hash >> 16) ^ hash) as usize % BUCKETS
}

fn probe(hash: u32, is_it: impl Fn(&[u8]) -> bool) -> Option<Entry> {
    let mut bucket = bucket(hash);
    loop {
        let at = usize::from(INDEX[bucket]);
        let name = NAMES.get(at)?;
        if is_it(name.as_bytes()) {
            return Some(ENTRIES[at]);
        }
        bucket = (bucket + 1) % BUCKETS;
    }
}

/// Longer names are none: the hash need not be computed over a megabyte.
const LONGEST_NAME: usize = 64;

/// What a whole name (`GET`, `client|id`) stands for.
pub(crate) fn find(name: &[u8]) -> Option<Entry> {
    if name.len() > LONGEST_NAME {
        return None;
    }
    probe(hash(START, name), |known| known.eq_ignore_ascii_case(name))
}

/// What a subcommand of `container` (its upper-case name) stands for.
pub(crate) fn find_sub(container: &str, sub: &[u8]) -> Option<Entry> {
    if sub.len() > LONGEST_NAME {
        return None;
    }
    let hash = hash(hash(hash(START, container.as_bytes()), b"|"), sub);
    probe(hash, |known| {
        let rest = known.strip_prefix(container.as_bytes()).and_then(|rest| rest.strip_prefix(b"|"));
        rest.is_some_and(|rest| rest.eq_ignore_ascii_case(sub))
    })
}

/// All rows: commands, subcommands and containers.
pub fn rows() -> impl Iterator<Item = &'static CommandSpec> + Clone {
    ENTRIES.iter().map(|entry| entry.spec())
}

/// Finds a command by its whole name in any case; a subcommand as `CLIENT|ID`. Containers are not commands.
pub fn lookup(name: &[u8]) -> Option<Command> {
    match find(name)? {
        Entry::Command(command) => Some(command),
        Entry::Container(_) => None,
    }
}

/// Finds the command that a call names, and how many leading arguments are its name (1, or 2 with a subcommand).
///
/// # Errors
/// Redis' own: unknown command, unknown subcommand, wrong number of arguments.
pub fn resolve(call: &[&[u8]]) -> Result<(Command, usize), ReplyError> {
    let name = call.first().copied().unwrap_or_default();
    let entry = find(name).filter(|entry| entry.spec().parent().is_none());
    let entry = entry.ok_or_else(|| ReplyError::unknown_command(call))?;
    let mut spec = entry.spec();
    let (entry, name_len) = match call.get(1) {
        Some(sub) if spec.is_container() => {
            let unknown = || ReplyError::unknown_subcommand(sub, name);
            (find_sub(spec.name, sub).ok_or_else(unknown)?, 2)
        }
        _ => (entry, 1),
    };
    spec = entry.spec();
    match entry {
        Entry::Command(command) if spec.arity.admits(call.len()) => Ok((command, name_len)),
        Entry::Command(_) | Entry::Container(_) => Err(ReplyError::wrong_arity(spec)),
    }
}
