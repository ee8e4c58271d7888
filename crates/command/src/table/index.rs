//! Names to rows: an open hash table that is built when the program is compiled.
//!
//! A lookup allocates nothing and does not go over the name byte by byte until there is one row to compare it with.
//! Subcommands are in the same table, under their own word and the row of their container.

use super::{Command, Container, EngineCommand, ProxyCommand};
use crate::{CommandSpec, Flags, ReplyError};

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
/// No row: an empty bucket, or the container of what is no subcommand.
const NONE: u16 = u16::MAX;

static ROWS: [Row; COUNT] = table();
static INDEX: [u16; BUCKETS] = index();

/// A row as lookups need it.
#[derive(Clone, Copy)]
struct Row {
    /// The name; of a subcommand what stands behind the `|`.
    word: &'static [u8],
    /// The number of its container's row.
    parent: u16,
    has_subcommands: bool,
    is_internal: bool,
    entry: Entry,
}

const fn table() -> [Row; COUNT] {
    let entries = entries();
    let nothing =
        Row { word: b"", parent: NONE, has_subcommands: false, is_internal: false, entry: entries[0] };
    let mut rows = [nothing; COUNT];
    let mut at = 0;
    while at < COUNT {
        let entry = entries[at];
        let name = entry.spec().name.as_bytes();
        let (parent, word) = match bar(name) {
            Some(bar) => (number_of(&entries, name.split_at(bar).0), name.split_at(bar + 1).1),
            None => (NONE, name),
        };
        let spec = entry.spec();
        let (has_subcommands, is_internal) = (spec.is_container(), spec.flags.contains(Flags::INTERNAL));
        rows[at] = Row { word, parent, has_subcommands, is_internal, entry };
        at += 1;
    }
    rows
}

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

const fn number_of(entries: &[Entry; COUNT], name: &[u8]) -> u16 {
    let mut at = 0;
    while at < COUNT {
        if entries[at].spec().name.as_bytes().eq_ignore_ascii_case(name) {
            return at as u16;
        }
        at += 1;
    }
    panic!("a subcommand whose container has no row")
}

/// Where the `|` of a subcommand's name stands.
const fn bar(name: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < name.len() {
        if name[at] == b'|' {
            return Some(at);
        }
        at += 1;
    }
    None
}

const fn index() -> [u16; BUCKETS] {
    let rows = table();
    let mut index = [NONE; BUCKETS];
    let mut at = 0;
    while at < COUNT {
        let mut bucket = bucket(rows[at].parent, rows[at].word);
        while index[bucket] != NONE {
            bucket = (bucket + 1) % BUCKETS;
        }
        index[bucket] = at as u16;
        at += 1;
    }
    index
}

/// Mixes length, beginning and end of a word and its container; blind to the case of letters.
const fn bucket(parent: u16, word: &[u8]) -> usize {
    // The case bit is cleared everywhere: that other bytes then look alike too only costs a comparison.
    const NO_CASE: u64 = 0xDFDF_DFDF_DFDF_DFDF;
    let (head, tail) = ends(word);
    let ends = (head & NO_CASE) ^ (tail & NO_CASE).rotate_left(29);
    let mixed = (ends ^ (parent as u64) << 40 ^ word.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> (u64::BITS - BUCKETS.trailing_zeros())) as usize
}

/// The first and last bytes of a word, eight at most; the two may overlap.
const fn ends(word: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (word.first_chunk(), word.last_chunk()) {
        (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
    } else if let (Some(head), Some(tail)) = (word.first_chunk(), word.last_chunk()) {
        (u32::from_le_bytes(*head) as u64, u32::from_le_bytes(*tail) as u64)
    } else if let [first, .., last] = word {
        (*first as u64 | (word[word.len() / 2] as u64) << 8, *last as u64)
    } else if let [only] = word {
        (*only as u64, 0)
    } else {
        (0, 0)
    }
}

/// The row of a word below a container, or of a name that is no subcommand's.
fn row(parent: u16, word: &[u8]) -> Option<(u16, &'static Row)> {
    let mut bucket = bucket(parent, word);
    loop {
        let number = INDEX[bucket];
        let row = ROWS.get(usize::from(number))?;
        if row.parent == parent && row.word.eq_ignore_ascii_case(word) && !row.is_internal {
            return Some((number, row));
        }
        bucket = (bucket + 1) % BUCKETS;
    }
}

/// What a whole name (`GET`, `client|id`) stands for.
pub(crate) fn find(name: &[u8]) -> Option<Entry> {
    if let Some((_, row)) = row(NONE, name) {
        return Some(row.entry);
    }
    let bar = bar(name)?;
    let (container, _) = row(NONE, &name[..bar])?;
    row(container, &name[bar + 1..]).map(|(_, row)| row.entry)
}

/// What the leading words of a call stand for, and how many they are. A container without a subcommand is itself.
///
/// # Errors
/// If there is no such command, or the container has no such subcommand.
pub(crate) fn named(call: &[&[u8]]) -> Result<(Entry, usize), ReplyError> {
    let name = call.first().copied().unwrap_or_default();
    let (number, found) = row(NONE, name).ok_or_else(|| ReplyError::unknown_command(call))?;
    match call.get(1) {
        Some(sub) if found.has_subcommands => match row(number, sub) {
            Some((_, found)) => Ok((found.entry, 2)),
            None => Err(ReplyError::unknown_subcommand(sub, name)),
        },
        _ => Ok((found.entry, 1)),
    }
}

/// All rows that clients may know: commands, subcommands and containers.
pub fn rows() -> impl Iterator<Item = &'static CommandSpec> + Clone {
    ROWS.iter().filter(|row| !row.is_internal).map(|row| row.entry.spec())
}

/// All that clients may know: commands, subcommands and containers.
pub(crate) fn visible() -> impl Iterator<Item = Entry> {
    ROWS.iter().filter(|row| !row.is_internal).map(|row| row.entry)
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
    let (entry, name_len) = named(call)?;
    let spec = entry.spec();
    match entry {
        Entry::Command(command) if spec.arity.admits(call.len()) => Ok((command, name_len)),
        Entry::Command(_) | Entry::Container(_) => Err(ReplyError::wrong_arity(spec)),
    }
}
