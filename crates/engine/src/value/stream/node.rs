//! A node: entries that stand together in one allocation.
//!
//! Bytes: `field count | fields` (the master fields, those of the first entry), then per entry `flags u8 | milliseconds
//! after the node's first id | number (after the first id's, if in the same millisecond) | field count and fields, if
//! they are not the master's | values | length of all this, readable from its end`. Numbers are LEB128; fields and
//! values stand behind their lengths. A deleted entry keeps its place until the node goes, as in Redis: it counts when
//! the node is full.
//!
//! Where Redis would begin a new node is state (approximate trimming removes whole nodes), so a node also knows how many
//! bytes it would take as a Redis listpack.

use meridian_command::number::parse_i64;

use super::StreamId;

/// The entry was deleted.
const DELETED: u8 = 1 << 0;
/// The entry has the master fields.
const SAME_FIELDS: u8 = 1 << 1;

/// Bytes of a listpack's header and of its end.
const LISTPACK_FRAME: usize = 7;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The id of the first entry, deleted or not.
    pub(super) first: StreamId,
    /// The id of the last entry, deleted or not.
    pub(super) last: StreamId,
    bytes: Vec<u8>,
    entries_at: usize,
    /// Entries that are there.
    pub(super) live: usize,
    /// Entries that were deleted.
    pub(super) deleted: usize,
    /// What the elements take in Redis' listpack, but for the two counters.
    listpack: usize,
}

/// One entry of a node as it was found.
#[derive(Clone, Debug)]
pub(super) struct Found<'a> {
    pub(super) id: StreamId,
    pub(super) is_deleted: bool,
    pub(super) fields: Fields<'a>,
    /// Where it begins and where the one behind it begins.
    pub(super) at: usize,
    pub(super) end: usize,
}

/// The fields of an entry, each with its value.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    /// The names, if they stand apart from the values.
    names: Option<Parts<'a>>,
    parts: Parts<'a>,
    left: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        self.left = self.left.checked_sub(1)?;
        let name = match &mut self.names {
            Some(names) => names.part()?,
            None => self.parts.part()?,
        };
        Some((name, self.parts.part()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}

/// Reads numbers and parts from the front. `None` at what is none: the bytes were checked when they came in.
#[derive(Clone, Debug)]
struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return None;
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn part(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (part, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(part)
    }
}

impl Node {
    /// A node with its first entry. `pairs` are its fields and values in turn.
    pub(super) fn new(id: StreamId, pairs: &[[&[u8]; 2]]) -> Node {
        let mut bytes = Vec::new();
        put_number(&mut bytes, pairs.len() as u64);
        for [field, _] in pairs {
            put_part(&mut bytes, field);
        }
        let fields: usize = pairs.iter().map(|[field, _]| listpack_string(field)).sum();
        let listpack = LISTPACK_FRAME + listpack_integer(pairs.len() as i64) + fields + listpack_integer(0);
        let entries_at = bytes.len();
        let mut node = Node { first: id, last: id, bytes, entries_at, live: 0, deleted: 0, listpack };
        node.append(id, pairs);
        node
    }

    /// Puts an entry behind the last.
    pub(super) fn append(&mut self, id: StreamId, pairs: &[[&[u8]; 2]]) {
        let at = self.bytes.len();
        let same = self.has_master_fields(pairs);
        self.bytes.push(if same { SAME_FIELDS } else { 0 });
        let ms = id.ms - self.first.ms;
        put_number(&mut self.bytes, ms);
        put_number(&mut self.bytes, if ms == 0 { id.seq - self.first.seq } else { id.seq });
        if !same {
            put_number(&mut self.bytes, pairs.len() as u64);
        }
        for [field, value] in pairs {
            if !same {
                put_part(&mut self.bytes, field);
            }
            put_part(&mut self.bytes, value);
        }
        let length = (self.bytes.len() - at) as u64;
        put_number_from_end(&mut self.bytes, length);
        self.listpack += listpack_of_entry(self.first, id, same, pairs.iter().map(|[f, v]| (*f, *v)));
        self.last = id;
        self.live += 1;
    }

    /// Gives spare capacity back: nothing will be appended any more.
    pub(super) fn close(&mut self) {
        self.bytes.shrink_to_fit();
    }

    fn has_master_fields(&self, pairs: &[[&[u8]; 2]]) -> bool {
        let (names, count) = self.master();
        let mut names = names;
        count == pairs.len() && pairs.iter().all(|[field, _]| names.part() == Some(*field))
    }

    /// The master fields and how many they are.
    fn master(&self) -> (Parts<'_>, usize) {
        let mut parts = Parts { rest: &self.bytes };
        let count = parts.number().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        (parts, count)
    }

    /// How many bytes the node would take as a listpack of Redis.
    pub(super) fn listpack_bytes(&self) -> usize {
        self.listpack + listpack_integer(self.live as i64) + listpack_integer(self.deleted as i64)
    }

    /// Entries, deleted ones included.
    pub(super) fn entries(&self) -> usize {
        self.live + self.deleted
    }

    pub(super) fn heap_size(&self) -> usize {
        self.bytes.capacity()
    }

    /// Where the first entry begins.
    pub(super) fn start(&self) -> usize {
        self.entries_at
    }

    /// Behind the last entry.
    pub(super) fn end(&self) -> usize {
        self.bytes.len()
    }

    /// The entry that begins there.
    pub(super) fn entry_at(&self, at: usize) -> Option<Found<'_>> {
        let (names, count) = self.master();
        self.entry_of(at, &names, count)
    }

    /// As [`Node::entry_at`], with the master fields at hand.
    fn entry_of<'a>(&'a self, at: usize, names: &Parts<'a>, count: usize) -> Option<Found<'a>> {
        let (flags, rest) = self.bytes.get(at..)?.split_first()?;
        let mut parts = Parts { rest };
        let (ms, seq) = (parts.number()?, parts.number()?);
        let id = if ms == 0 {
            StreamId::new(self.first.ms, self.first.seq.checked_add(seq)?)
        } else {
            StreamId::new(self.first.ms.checked_add(ms)?, seq)
        };
        let same = flags & SAME_FIELDS != 0;
        let left = if same { count } else { usize::try_from(parts.number()?).ok()? };
        let fields = Fields { names: same.then(|| names.clone()), parts: parts.clone(), left };
        for _ in 0..if same { left } else { left.checked_mul(2)? } {
            parts.part()?;
        }
        let body = self.bytes.len() - parts.rest.len();
        let end = body + digits_of((body - at) as u64);
        Some(Found { id, is_deleted: flags & DELETED != 0, fields, at, end })
    }

    /// The entry that ends there.
    pub(super) fn entry_before(&self, end: usize) -> Option<Found<'_>> {
        if end <= self.entries_at {
            return None;
        }
        let mut length = 0_usize;
        let mut digits = 0;
        for byte in self.bytes.get(..end)?.iter().rev().take(9) {
            length |= usize::from(byte & 0x7f) << (7 * digits);
            digits += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        self.entry_at(end.checked_sub(length + digits)?)
    }

    /// All entries, deleted ones included.
    pub(super) fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        let (names, count) = self.master();
        let mut at = self.entries_at;
        std::iter::from_fn(move || {
            let found = self.entry_of(at, &names, count)?;
            at = found.end;
            Some(found)
        })
    }

    /// Marks the entry that begins there as deleted.
    pub(super) fn delete(&mut self, at: usize) {
        if let Some(flags) = self.bytes.get_mut(at)
            && *flags & DELETED == 0
        {
            *flags |= DELETED;
            self.live -= 1;
            self.deleted += 1;
        }
    }

    /// The bytes that tell everything of the node, but for its first id.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A node from its bytes. `None` if they are none: everything is checked.
    pub(super) fn restore(first: StreamId, bytes: &[u8]) -> Option<Node> {
        let mut master = Parts { rest: bytes };
        let count = usize::try_from(master.number()?).ok()?;
        let mut listpack = LISTPACK_FRAME + listpack_integer(count as i64) + listpack_integer(0);
        for _ in 0..count {
            listpack += listpack_string(master.part()?);
        }
        let entries_at = bytes.len() - master.rest.len();
        let bytes = bytes.to_vec();
        let mut node = Node { first, last: first, bytes, entries_at, live: 0, deleted: 0, listpack };
        let (mut last, mut live, mut deleted, mut at) = (None, 0, 0, entries_at);
        while at < node.bytes.len() {
            let found = node.entry_at(at)?;
            let in_order = last.map_or(found.id == first, |last| found.id > last);
            if !in_order || !node.is_whole(&found) {
                return None;
            }
            listpack += listpack_of_entry(first, found.id, node.bytes[at] & SAME_FIELDS != 0, found.fields);
            if found.is_deleted {
                deleted += 1;
            } else {
                live += 1;
            }
            last = Some(found.id);
            at = found.end;
        }
        (node.last, node.live, node.deleted, node.listpack) = (last?, live, deleted, listpack);
        (live > 0).then_some(node)
    }

    /// Whether an entry has fields, known flags only, and its length at its end.
    fn is_whole(&self, found: &Found<'_>) -> bool {
        let mut length = Vec::new();
        let known = self.bytes.get(found.at).is_some_and(|flags| flags & !(DELETED | SAME_FIELDS) == 0);
        let body = (found.at..found.end).len();
        let digits = (1..=MOST_DIGITS)
            .find(|digits| body.checked_sub(*digits).is_some_and(|body| digits_of(body as u64) == *digits));
        put_number_from_end(&mut length, (body - digits.unwrap_or(0)) as u64);
        known
            && found.fields.len() > 0
            && self.bytes.get(found.end - length.len()..found.end) == Some(&length)
    }
}

/// Bytes of the longest number.
const MOST_DIGITS: usize = 10;

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Puts a number so that it is read backwards.
fn put_number_from_end(bytes: &mut Vec<u8>, number: u64) {
    let at = bytes.len();
    put_number(bytes, number);
    bytes[at..].reverse();
}

fn put_part(bytes: &mut Vec<u8>, part: &[u8]) {
    put_number(bytes, part.len() as u64);
    bytes.extend_from_slice(part);
}

/// How many bytes [`put_number`] takes.
fn digits_of(number: u64) -> usize {
    (u64::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

/// What an entry takes in the listpack.
fn listpack_of_entry<'a>(
    first: StreamId,
    id: StreamId,
    same: bool,
    pairs: impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])>,
) -> usize {
    let count = pairs.len() as i64;
    let own = if same { 0 } else { listpack_integer(count) };
    let elements = if same { count + 3 } else { 2 * count + 4 };
    let parts: usize = pairs
        .map(|(field, value)| if same { 0 } else { listpack_string(field) } + listpack_string(value))
        .sum();
    // The flags are at most 3, whatever happens to the entry.
    listpack_integer(0)
        + listpack_integer(id.ms.wrapping_sub(first.ms) as i64)
        + listpack_integer(id.seq.wrapping_sub(first.seq) as i64)
        + own
        + parts
        + listpack_integer(elements)
}

/// What a string takes in a listpack: those that are integers are kept as such.
fn listpack_string(bytes: &[u8]) -> usize {
    if let Some(number) = parse_i64(bytes) {
        return listpack_integer(number);
    }
    let head = match bytes.len() {
        0..64 => 1,
        64..4096 => 2,
        _ => 5,
    };
    with_back_length(head + bytes.len())
}

fn listpack_integer(number: i64) -> usize {
    with_back_length(match number {
        0..=127 => 1,
        -4096..=4095 => 2,
        -0x8000..=0x7fff => 3,
        -0x80_0000..=0x7f_ffff => 4,
        -0x8000_0000..=0x7fff_ffff => 5,
        _ => 9,
    })
}

fn with_back_length(bytes: usize) -> usize {
    bytes
        + match bytes {
            0..=127 => 1,
            128..16383 => 2,
            16383..2_097_151 => 3,
            2_097_151..268_435_455 => 4,
            _ => 5,
        }
}
