//! Chooses where a command goes. Pure: no sockets, no clock.
//!
//! Owns the mapping (row, call, table) to [`Plan`]. Does not own retries ([`crate::Link`]) or the merging of replies
//! ([`crate::merge`]).

use meridian_command::{CommandSpec, ReplyError, Route};
use meridian_topology::{DatabaseId, SLOT_COUNT, Slot, slot_of};

use crate::Table;

/// A scan's cursor holds the slot above these bits and a position inside the slot in them.
pub const CURSOR_SLOT_SHIFT: u32 = 48;

/// Where a command goes. Links are given by their index in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// As it is, to one shard.
    One(usize),
    /// Cut up: every shard gets its share of the keys.
    Split(Box<Split>),
    /// As it is, to all shards of the database; the replies are merged.
    All,
    /// To the shard that a scan has arrived at, with the last slot of its run as an additional first argument.
    Cursor { link: usize, last_slot: Slot },
    /// To one shard, with the slots that it has as an additional first argument.
    Within { link: usize, slots: String },
    /// To a shard drawn by its number of keys.
    Random,
}

/// A command cut up by the owners of its keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// The shares, in order of their first key.
    pub shares: Vec<Share>,
    /// For every key of the call, the index of its share.
    pub by_key: Vec<u16>,
}

/// What one shard gets of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The shard's link.
    pub link: usize,
    /// Positions in the call of the arguments it gets.
    pub arguments: Vec<usize>,
}

/// Plans a call, its name first. `name_length` counts the leading arguments that are the name.
///
/// # Errors
/// `CROSSSLOT` for keys of several shards where the command cannot be cut up, and what is wrong with the keys or cursor.
pub fn plan(
    spec: &CommandSpec,
    call: &[&[u8]],
    name_length: usize,
    table: &Table,
    database: DatabaseId,
) -> Result<Plan, ReplyError> {
    match spec.route {
        Route::Keys => keys(spec, call, table, database),
        Route::SplitKeys => split_keys(spec, call, table, database),
        Route::Script => script(spec, call, table, database),
        Route::FirstShard => table.owners(database).next().map(Plan::One).ok_or(ReplyError::NO_MAP),
        Route::AllShards => Ok(only_one(table, database).map_or(Plan::All, Plan::One)),
        Route::RandomShard => Ok(only_one(table, database).map_or(Plan::Random, Plan::One)),
        Route::Cursor => cursor(call.get(name_length).copied().unwrap_or_default(), table, database),
        Route::Slot => slot(call.get(name_length).copied().unwrap_or_default(), table, database),
        Route::Local => unreachable!("{} is executed by the process itself", spec.name),
    }
}

fn only_one(table: &Table, database: DatabaseId) -> Option<usize> {
    let mut owners = table.owners(database);
    owners.next().filter(|_| owners.len() == 0)
}

fn owner(table: &Table, database: DatabaseId, key: &[u8]) -> Result<usize, ReplyError> {
    table.owner(database, slot_of(key)).ok_or(ReplyError::NO_MAP)
}

fn keys(spec: &CommandSpec, call: &[&[u8]], table: &Table, database: DatabaseId) -> Result<Plan, ReplyError> {
    if let Some(position) = spec.single_key() {
        return owner(table, database, call[position]).map(Plan::One);
    }
    let link = common_owner(spec, call, table, database)?;
    if only_one(table, database).is_none() {
        patterns(spec, call, table, database, link)?;
    }
    Ok(Plan::One(link))
}

/// The shard that has all keys of a call.
fn common_owner(
    spec: &CommandSpec,
    call: &[&[u8]],
    table: &Table,
    database: DatabaseId,
) -> Result<usize, ReplyError> {
    let mut found = None;
    // A call without keys, or whose keys cannot be counted, is one that its handler refuses, in its own words; any
    // shard does.
    for position in spec.key_positions(call).unwrap_or_default() {
        let link = owner(table, database, call[position])?;
        if *found.get_or_insert(link) != link {
            return Err(ReplyError::CROSS_SHARD);
        }
    }
    found.or_else(|| table.owners(database).next()).ok_or(ReplyError::NO_MAP)
}

/// Refuses patterns whose keys may live on another shard: those without a hash tag in front of the star, and those of
/// another one.
fn patterns(
    spec: &CommandSpec,
    call: &[&[u8]],
    table: &Table,
    database: DatabaseId,
    link: usize,
) -> Result<(), ReplyError> {
    for position in spec.pattern_positions(call) {
        let fixed = call[position].split(|byte| *byte == b'*').next().unwrap_or_default();
        let tagged = hash_tag(fixed).is_some();
        if !tagged || owner(table, database, fixed)? != link {
            let by = call[position - 1].eq_ignore_ascii_case(b"BY");
            return Err(if by { ReplyError::SORT_BY } else { ReplyError::SORT_GET });
        }
    }
    Ok(())
}

/// What stands in the first braces of a key, if it is something.
fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|byte| *byte == b'{')? + 1;
    let length = key[open..].iter().position(|byte| *byte == b'}')?;
    (length > 0).then(|| &key[open..open + length])
}

fn script(
    spec: &CommandSpec,
    call: &[&[u8]],
    table: &Table,
    database: DatabaseId,
) -> Result<Plan, ReplyError> {
    let link = common_owner(spec, call, table, database)?;
    Ok(Plan::Within { link, slots: table.slots_text(database, link) })
}

fn split_keys(
    spec: &CommandSpec,
    call: &[&[u8]],
    table: &Table,
    database: DatabaseId,
) -> Result<Plan, ReplyError> {
    if let Some(link) = only_one(table, database) {
        return Ok(Plan::One(link));
    }
    let Ok(positions) = spec.key_positions(call) else {
        // Its handler knows the words.
        return table.owners(database).next().map(Plan::One).ok_or(ReplyError::NO_MAP);
    };
    let step = match positions.as_slice() {
        [first, second, ..] => second - first,
        // A lone key takes the rest of the call with it: the value of MSET, or nothing.
        [first] => call.len() - first,
        [] => 1,
    };
    if step == 0 || !(call.len() - positions.first().copied().unwrap_or_default()).is_multiple_of(step) {
        // An odd number of arguments to MSET: its handler knows the words.
        return table.owners(database).next().map(Plan::One).ok_or(ReplyError::NO_MAP);
    }
    let behind_keys = positions.last().map_or(call.len(), |last| last + step)..call.len();
    let mut split = Split::default();
    for position in positions {
        let link = owner(table, database, call[position])?;
        let share = split.shares.iter().position(|share| share.link == link).unwrap_or_else(|| {
            split.shares.push(Share { link, arguments: Vec::new() });
            split.shares.len() - 1
        });
        split.shares[share].arguments.extend(position..position + step);
        split.by_key.push(share as u16);
    }
    // What stands behind the keys (the path of JSON.MGET) is for every share.
    for share in &mut split.shares {
        share.arguments.extend(behind_keys.clone());
    }
    match split.shares.as_slice() {
        [share] => Ok(Plan::One(share.link)),
        _ => Ok(Plan::Split(Box::new(split))),
    }
}

/// The shard of a slot; of what is none, any: its handler refuses it, in its own words.
fn slot(text: &[u8], table: &Table, database: DatabaseId) -> Result<Plan, ReplyError> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    let slot = number.and_then(Slot::new).unwrap_or_default();
    table.owner(database, slot).map(Plan::One).ok_or(ReplyError::NO_MAP)
}

fn cursor(text: &[u8], table: &Table, database: DatabaseId) -> Result<Plan, ReplyError> {
    let cursor: u64 = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(ReplyError::INVALID_CURSOR)?;
    // A cursor behind the last slot is one that nobody gave out: the scan is over.
    let number = (cursor >> CURSOR_SLOT_SHIFT).min(u64::from(SLOT_COUNT - 1));
    let slot = u16::try_from(number).ok().and_then(Slot::new).unwrap_or_default();
    let link = table.owner(database, slot).ok_or(ReplyError::NO_MAP)?;
    let last_slot = table.run_end(database, slot).ok_or(ReplyError::NO_MAP)?;
    Ok(Plan::Cursor { link, last_slot })
}
