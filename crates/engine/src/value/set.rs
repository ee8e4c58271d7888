//! Sets: of integers only, small ones, and large ones, by the thresholds that are settings.
//!
//! Which of the three it is can be seen by clients, and a set never goes back to a smaller one; so it is state.

use meridian_command::number::parse_i64;

use super::{
    Collection, Packed,
    dictionary::Dictionary,
    intset::IntSet,
    packed::{Formed, Item, Items, Text},
};
use crate::{
    random::Random,
    settings::Settings,
    snapshot::{CorruptSnapshot, Input},
};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) enum Set {
    Integers(IntSet),
    Packed(Packed),
    Table(Box<Dictionary>),
}

impl Default for Set {
    fn default() -> Set {
        Set::Integers(IntSet::default())
    }
}

const INTEGERS: u8 = 0;
const PACKED: u8 = 1;
const TABLE: u8 = 2;

impl Collection for Set {
    fn is_empty(&self) -> bool {
        match self {
            Set::Integers(integers) => integers.is_empty(),
            Set::Packed(packed) => packed.is_empty(),
            Set::Table(table) => table.is_empty(),
        }
    }

    fn heap_size(&self) -> usize {
        match self {
            Set::Integers(integers) => integers.heap_size(),
            Set::Packed(packed) => packed.heap_size(),
            Set::Table(table) => size_of::<Dictionary>() + table.heap_size(),
        }
    }

    fn encoding_name(&self, _: &Settings) -> &'static str {
        match self {
            Set::Integers(_) => "intset",
            Set::Packed(_) => "listpack",
            Set::Table(_) => "hashtable",
        }
    }

    fn small_parts(&self) -> Option<(u8, &[u8])> {
        match self {
            Set::Integers(integers) => Some((INTEGERS, integers.bytes())),
            Set::Packed(packed) => Some((PACKED, packed.bytes())),
            Set::Table(_) => None,
        }
    }

    fn from_small_parts(form: u8, bytes: &[u8]) -> Option<Set> {
        match form {
            INTEGERS => Some(Set::Integers(IntSet::from_bytes(bytes))),
            PACKED => Some(Set::Packed(Packed::from_bytes(bytes))),
            _ => None,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Set::Integers(integers) => {
                out.push(INTEGERS);
                integers.encode(out);
            }
            Set::Packed(packed) => {
                out.push(PACKED);
                packed.encode(out);
            }
            Set::Table(table) => {
                out.push(TABLE);
                table.encode(out);
            }
        }
    }

    fn decode(input: &mut Input<'_>) -> Result<Set, CorruptSnapshot> {
        let set = match input.byte()? {
            INTEGERS => Set::Integers(IntSet::decode(input)?),
            PACKED => Set::Packed(Packed::decode(input)?),
            TABLE => Set::Table(Box::new(Dictionary::decode(input)?)),
            _ => return Err(CorruptSnapshot::Malformed),
        };
        if set.is_empty() { Err(CorruptSnapshot::Malformed) } else { Ok(set) }
    }
}

/// Walks the members of a set.
pub(crate) enum Members<'a> {
    Integers(&'a IntSet, usize),
    Packed(Items<'a>),
    Table(Box<dyn Iterator<Item = &'a [u8]> + 'a>),
}

impl<'a> Iterator for Members<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        match self {
            Members::Integers(integers, index) => {
                *index += 1;
                integers.get(*index - 1).map(|number| Item::Integer(number).text())
            }
            Members::Packed(items) => items.next().map(Item::text),
            Members::Table(members) => members.next().map(Text::Borrowed),
        }
    }
}

impl Set {
    pub(crate) fn len(&self) -> usize {
        match self {
            Set::Integers(integers) => integers.len(),
            Set::Packed(packed) => packed.count(),
            Set::Table(table) => table.len(),
        }
    }

    pub(crate) fn contains(&self, member: &[u8]) -> bool {
        match self {
            Set::Integers(integers) => parse_i64(member).is_some_and(|number| integers.contains(number)),
            Set::Packed(packed) => packed.items().find(&Formed::new(member), 1).is_some(),
            Set::Table(table) => table.get(member).is_some(),
        }
    }

    /// All members; their order is the same on all replicas.
    pub(crate) fn members(&self) -> Members<'_> {
        match self {
            Set::Integers(integers) => Members::Integers(integers, 0),
            Set::Packed(packed) => Members::Packed(packed.items()),
            Set::Table(table) => Members::Table(Box::new(table.iter().map(|record| record.key()))),
        }
    }

    /// Makes ready for so many more members, as Redis does before it adds them.
    pub(crate) fn expect(&mut self, more: usize, settings: &Settings) {
        let more = more as i64;
        let fits = match self {
            Set::Integers(integers) if integers.is_empty() => {
                if more <= settings.set_max_intset_entries {
                    true
                } else if more <= settings.set_max_listpack_entries {
                    *self = Set::Packed(Packed::default());
                    true
                } else {
                    false
                }
            }
            Set::Integers(_) => more <= settings.set_max_intset_entries,
            Set::Packed(_) => more <= settings.set_max_listpack_entries,
            Set::Table(_) => true,
        };
        if !fits {
            self.become_table(settings);
        }
    }

    /// Whether the member was not there.
    pub(crate) fn add(&mut self, member: &[u8], settings: &Settings) -> bool {
        match self {
            Set::Integers(integers) => {
                if let Some(number) = parse_i64(member) {
                    let added = integers.insert(number);
                    if added && integers.len() as i64 > settings.set_max_intset_entries {
                        self.become_table(settings);
                    }
                    return added;
                }
                let longest = integers.iter().map(|number| Item::Integer(number).text().len()).max();
                let longest = longest.unwrap_or(0).max(member.len());
                if (integers.len() as i64) < settings.set_max_listpack_entries
                    && longest as i64 <= settings.set_max_listpack_value
                {
                    let mut packed = Packed::default();
                    for member in self.members() {
                        packed.push(&member);
                    }
                    packed.push(member);
                    *self = Set::Packed(packed);
                    return true;
                }
            }
            Set::Packed(packed) => {
                if packed.items().find(&Formed::new(member), 1).is_some() {
                    return false;
                }
                if (packed.count() as i64) < settings.set_max_listpack_entries
                    && member.len() as i64 <= settings.set_max_listpack_value
                {
                    packed.push(member);
                    return true;
                }
            }
            Set::Table(table) => return table.set(member, b"", None),
        }
        self.become_table(settings).set(member, b"", None)
    }

    fn become_table(&mut self, settings: &Settings) -> &mut Dictionary {
        if !matches!(self, Set::Table(_)) {
            let mut table = Dictionary::new(settings.table_seed());
            for member in self.members() {
                table.set(&member, b"", None);
            }
            *self = Set::Table(Box::new(table));
        }
        match self {
            Set::Table(table) => table,
            _ => unreachable!("it has just become one"),
        }
    }

    /// Whether the member was there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Set::Integers(integers) => parse_i64(member).is_some_and(|number| integers.remove(number)),
            Set::Packed(packed) => match packed.items().find(&Formed::new(member), 1) {
                Some(position) => {
                    packed.remove(position, 1);
                    true
                }
                None => false,
            },
            Set::Table(table) => table.remove(member).is_some(),
        }
    }

    /// A member drawn at random, each as likely as any other; `None` only of an empty set.
    pub(crate) fn random(&self, random: &Random) -> Option<Text<'_>> {
        match self {
            Set::Integers(integers) => {
                let index = random.below((integers.len() as u64).max(1));
                integers.get(index as usize).map(|number| Item::Integer(number).text())
            }
            Set::Packed(packed) => {
                let index = random.below((packed.count() as u64).max(1));
                packed.items().nth(index as usize).map(Item::text)
            }
            Set::Table(table) => table.random(random).map(|record| Text::Borrowed(record.key())),
        }
    }

    /// Members from a cursor on, and the cursor to go on with. A small set comes as a whole.
    pub(crate) fn scan(&self, cursor: u64, count: usize) -> (Vec<Text<'_>>, u64) {
        match self {
            Set::Table(table) => {
                let (found, next) = table.scan(cursor, count);
                (found.into_iter().map(|record| Text::Borrowed(record.key())).collect(), next)
            }
            _ => (self.members().collect(), 0),
        }
    }
}
