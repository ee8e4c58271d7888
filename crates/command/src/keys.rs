//! Where the keys of a call stand: Redis' key specifications, and the positions that follow from them.
//!
//! Positions count from 0 at the command's name, over the whole call (`OBJECT ENCODING key`: 2). Names are never
//! compared to find keys: a row says where they are.

use bitflags::bitflags;
use smallvec::SmallVec;

use crate::{CommandSpec, ReplyError, number::parse_i64};

bitflags! {
    /// What a command does with a key. The order of the bits is the order in which Redis prints them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct KeyFlags: u16 {
        /// The value is not changed.
        const RO = 1 << 0;
        /// The value is read and changed.
        const RW = 1 << 1;
        /// The value is overwritten without regard to what it was.
        const OW = 1 << 2;
        /// The key is removed.
        const RM = 1 << 3;
        /// User data is returned, copied or used.
        const ACCESS = 1 << 4;
        /// User data is changed, perhaps by what it was.
        const UPDATE = 1 << 5;
        /// User data is added.
        const INSERT = 1 << 6;
        /// User data is deleted explicitly.
        const DELETE = 1 << 7;
        /// No key, though routed like one.
        const NOT_KEY = 1 << 8;
        /// Not all keys are found by the specification.
        const INCOMPLETE = 1 << 9;
        /// What is done depends on the arguments.
        const VARIABLE = 1 << 10;
    }
}

/// Names as `COMMAND INFO` prints them, in the order of the bits.
const FLAG_NAMES: [(KeyFlags, &str); 11] = [
    (KeyFlags::RO, "RO"),
    (KeyFlags::RW, "RW"),
    (KeyFlags::OW, "OW"),
    (KeyFlags::RM, "RM"),
    (KeyFlags::ACCESS, "access"),
    (KeyFlags::UPDATE, "update"),
    (KeyFlags::INSERT, "insert"),
    (KeyFlags::DELETE, "delete"),
    (KeyFlags::NOT_KEY, "not_key"),
    (KeyFlags::INCOMPLETE, "incomplete"),
    (KeyFlags::VARIABLE, "variable_flags"),
];

impl KeyFlags {
    /// Looks at metadata only: STRLEN, EXISTS.
    pub const LOOK: KeyFlags = KeyFlags::RO;
    /// Returns or copies the value: GET.
    pub const READ: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
    /// Changes the value and tells of it: INCR.
    pub const READ_UPDATE: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE);
    /// Changes the value without telling: SETRANGE.
    pub const UPDATES: KeyFlags = KeyFlags::RW.union(KeyFlags::UPDATE);
    /// Adds to the value: APPEND.
    pub const ADDS: KeyFlags = KeyFlags::RW.union(KeyFlags::INSERT);
    /// Takes the value away: GETDEL.
    pub const TAKE: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);
    /// Replaces the value: SETEX.
    pub const REPLACE: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);
    /// Creates the key if it is missing: SETNX.
    pub const CREATE: KeyFlags = KeyFlags::OW.union(KeyFlags::INSERT);
    /// Removes the key: DEL.
    pub const REMOVE: KeyFlags = KeyFlags::RM.union(KeyFlags::DELETE);

    /// The names as `COMMAND INFO` prints them.
    pub fn names(self) -> impl ExactSizeIterator<Item = &'static str> + Clone {
        let names: SmallVec<[&'static str; 8]> =
            FLAG_NAMES.iter().filter(|(flag, _)| self.contains(*flag)).map(|(_, name)| *name).collect();
        names.into_iter()
    }
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At a fixed position.
    Index(u16),
    /// After a keyword, searched from a position on (from the end backwards if negative).
    Keyword(&'static str, i16),
    /// Nowhere that could be said.
    Unknown,
}

/// Which arguments are keys, once the beginning is known.
#[derive(Clone, Copy, Debug)]
pub enum Find {
    /// Every `step`-th up to `last`: counted from the beginning, or from the end of the call if negative (-1 = the
    /// last argument). With a negative `last`, a `limit` of 2 or more stops after that fraction of what is left.
    Range { last: i16, step: u16, limit: u16 },
    /// A count at `count_at`, then the keys from `first` on; both counted from the beginning.
    Counted { count_at: u16, first: u16, step: u16 },
    /// By a function over the whole call, where no shape fits (SORT, MIGRATE).
    Custom(fn(&[&[u8]]) -> KeyPositions),
    /// None: by a function, arguments that are patterns of keys (BY and GET of SORT). The keys are only known where the
    /// call is executed, so all of a pattern must be in one place.
    Patterns(fn(&[&[u8]]) -> KeyPositions),
}

/// What one call does with its keys.
pub type Narrow = fn(&[&[u8]]) -> KeyFlags;

/// One set of keys of a command.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// Where the search begins.
    pub begin: Begin,
    /// Which arguments from there on.
    pub find: Find,
    /// What is done with them.
    pub flags: KeyFlags,
    /// Narrows `flags` for one call; present exactly if they hold [`KeyFlags::VARIABLE`].
    pub narrow: Option<Narrow>,
    /// Shown by `COMMAND INFO`.
    pub notes: &'static str,
}

impl KeySpec {
    const fn new(begin: Begin, find: Find, flags: KeyFlags) -> KeySpec {
        KeySpec { begin, find, flags, narrow: None, notes: "" }
    }

    /// A single key.
    pub const fn at(position: u16, flags: KeyFlags) -> KeySpec {
        KeySpec::new(Begin::Index(position), Find::Range { last: 0, step: 1, limit: 0 }, flags)
    }

    /// All arguments from `first` on that are a multiple of `step` away from it.
    pub const fn rest(first: u16, step: u16, flags: KeyFlags) -> KeySpec {
        KeySpec::new(Begin::Index(first), Find::Range { last: -1, step, limit: 0 }, flags)
    }

    /// All arguments from `first` on but the last.
    pub const fn all_but_last(first: u16, flags: KeyFlags) -> KeySpec {
        KeySpec::new(Begin::Index(first), Find::Range { last: -2, step: 1, limit: 0 }, flags)
    }

    /// Keys, or patterns of keys, that only a function finds.
    pub const fn found_by(find: Find, flags: KeyFlags) -> KeySpec {
        KeySpec::new(Begin::Unknown, find, flags)
    }

    /// So many keys one after the other.
    pub const fn run(first: u16, count: u16, flags: KeyFlags) -> KeySpec {
        KeySpec::new(Begin::Index(first), Find::Range { last: count as i16 - 1, step: 1, limit: 0 }, flags)
    }

    /// All arguments from `first` on but the last.
    pub const fn before_last(first: u16, flags: KeyFlags) -> KeySpec {
        KeySpec::new(Begin::Index(first), Find::Range { last: -2, step: 1, limit: 0 }, flags)
    }

    /// The argument after a keyword, which is searched from a position on.
    pub const fn after(keyword: &'static str, from: i16, flags: KeyFlags) -> KeySpec {
        KeySpec::new(Begin::Keyword(keyword, from), Find::Range { last: 0, step: 1, limit: 0 }, flags)
    }

    /// All arguments behind a keyword, which is looked for from `from` on.
    pub const fn all_after(keyword: &'static str, from: i16, flags: KeyFlags) -> KeySpec {
        KeySpec::new(Begin::Keyword(keyword, from), Find::Range { last: -1, step: 1, limit: 0 }, flags)
    }

    /// A count at `count_at` and its keys right behind.
    pub const fn counted(count_at: u16, flags: KeyFlags) -> KeySpec {
        KeySpec::new(Begin::Index(count_at), Find::Counted { count_at: 0, first: 1, step: 1 }, flags)
    }

    /// A count at `count_at` and so many keys right behind, each with its value.
    pub const fn counted_pairs(count_at: u16, flags: KeyFlags) -> KeySpec {
        KeySpec::new(Begin::Index(count_at), Find::Counted { count_at: 0, first: 1, step: 2 }, flags)
    }

    /// What is done with the key depends on the call.
    pub const fn variable(mut self, narrow: Narrow) -> KeySpec {
        self.flags = self.flags.union(KeyFlags::VARIABLE);
        self.narrow = Some(narrow);
        self
    }

    /// A note for `COMMAND INFO`.
    pub const fn notes(mut self, notes: &'static str) -> KeySpec {
        self.notes = notes;
        self
    }

    /// What this call does with these keys.
    pub fn flags_for(&self, call: &[&[u8]]) -> KeyFlags {
        self.narrow.map_or(self.flags, |narrow| narrow(call))
    }

    /// Appends the positions of these keys in `call`.
    ///
    /// # Errors
    /// If the call is too short or a count is none.
    pub fn positions(&self, call: &[&[u8]], found: &mut KeyPositions) -> Result<(), ReplyError> {
        let Some(begin) = self.begin_in(call) else { return Ok(()) };
        match self.find {
            // Behind other keys there may be none (PFMERGE with its target alone).
            Find::Range { last: -1, .. } if begin == call.len() && !found.is_empty() => Ok(()),
            Find::Range { last, step, limit } => {
                let last = last_of_range(call.len(), begin, last, limit);
                push_all(call.len(), begin, last, step, found)
            }
            Find::Counted { count_at, first, step } => {
                let count_at = begin + usize::from(count_at);
                let count =
                    call.get(count_at).and_then(|count| parse_i64(count)).ok_or(ReplyError::INVALID_KEYS)?;
                let count = usize::try_from(count).map_err(|_| ReplyError::INVALID_KEYS)?;
                let first = begin + usize::from(first);
                if count == 0 {
                    return Ok(());
                }
                let span = (count - 1).checked_mul(usize::from(step)).ok_or(ReplyError::INVALID_KEYS)?;
                let last = first.checked_add(span).ok_or(ReplyError::INVALID_KEYS)?;
                push_all(call.len(), first, Some(last), step, found)
            }
            Find::Custom(find) => {
                found.extend(find(call));
                Ok(())
            }
            Find::Patterns(_) => Ok(()),
        }
    }

    fn begin_in(&self, call: &[&[u8]]) -> Option<usize> {
        let (keyword, start) = match self.begin {
            Begin::Index(position) => return Some(usize::from(position)),
            Begin::Unknown => return Some(0),
            Begin::Keyword(keyword, start) => (keyword, start),
        };
        let matches = |position: &usize| call[*position].eq_ignore_ascii_case(keyword.as_bytes());
        let offset = usize::from(start.unsigned_abs());
        let position = if start >= 0 {
            // The last argument cannot be a keyword that has keys behind it.
            (offset..call.len().saturating_sub(1)).find(matches)
        } else {
            (1..=call.len().saturating_sub(offset).min(call.len().saturating_sub(1))).rev().find(matches)
        };
        position.map(|position| position + 1)
    }
}

/// The last position of a range, or `None` if it lies before the beginning of the call.
fn last_of_range(count: usize, begin: usize, last: i16, limit: u16) -> Option<usize> {
    let back = usize::from(last.unsigned_abs());
    if last >= 0 {
        Some(begin + back)
    } else if limit <= 1 {
        count.checked_sub(back)
    } else {
        let span = count.checked_sub(begin)? / usize::from(limit);
        (begin + span).checked_sub(back)
    }
}

fn push_all(
    count: usize,
    first: usize,
    last: Option<usize>,
    step: u16,
    found: &mut KeyPositions,
) -> Result<(), ReplyError> {
    let Some(last) = last else { return Err(ReplyError::INVALID_KEYS) };
    if first >= count || last >= count || last < first {
        return Err(ReplyError::INVALID_KEYS);
    }
    found.extend((first..=last).step_by(usize::from(step).max(1)));
    Ok(())
}

/// Positions of keys in a call; in place up to eight.
pub type KeyPositions = SmallVec<[usize; 8]>;

impl CommandSpec {
    /// The positions of all keys in a call whose first element is the command's name.
    ///
    /// # Errors
    /// If the call is too short for its keys, or a number of keys is none.
    pub fn key_positions(&self, call: &[&[u8]]) -> Result<KeyPositions, ReplyError> {
        let mut found = KeyPositions::new();
        for spec in self.keys {
            spec.positions(call, &mut found)?;
        }
        Ok(found)
    }

    /// The positions of arguments that are patterns of keys.
    pub fn pattern_positions(&self, call: &[&[u8]]) -> KeyPositions {
        let patterns = self.keys.iter().filter_map(|spec| match spec.find {
            Find::Patterns(find) => Some(find(call)),
            _ => None,
        });
        patterns.flatten().collect()
    }

    /// The first option by which a call reads keys that it does not name: `BY` or `GET` of SORT.
    pub fn pattern_option<'a>(&self, call: &[&'a [u8]]) -> Option<&'a [u8]> {
        let first = *self.pattern_positions(call).first()?;
        call.get(first.checked_sub(1)?).copied()
    }

    /// The position of the only key, for a row whose keys are always exactly one: what most commands are.
    pub const fn single_key(&self) -> Option<usize> {
        match self.keys {
            [KeySpec { begin: Begin::Index(position), find: Find::Range { last: 0, .. }, .. }] => {
                Some(*position as usize)
            }
            _ => None,
        }
    }

    /// First, last and step as `COMMAND` prints them; the last counts from the end if negative. Zeroes without keys.
    pub fn legacy_key_range(&self) -> (i64, i64, i64) {
        if let [KeySpec { begin: Begin::Index(first), find: Find::Range { last, step, .. }, .. }] = self.keys
        {
            return (i64::from(*first), absolute(*first, *last), i64::from(*step));
        }
        let mut range: Option<(i64, i64)> = None;
        for spec in self.keys {
            let (Begin::Index(first), Find::Range { last, step: 1, .. }) = (spec.begin, spec.find) else {
                continue;
            };
            let (first, last) = (i64::from(first), absolute(first, last));
            range = match range {
                None => Some((first, last)),
                // Only runs that follow each other make one range.
                Some((from, to)) if to == first - 1 => Some((from, last)),
                other => other,
            };
        }
        range.map_or((0, 0, 0), |(first, last)| (first, last, 1))
    }
}

fn absolute(first: u16, last: i16) -> i64 {
    if last >= 0 { i64::from(first) + i64::from(last) } else { i64::from(last) }
}
