//! A list of small strings in one allocation: what small collections are kept in.
//!
//! Entries lie one behind the other. A text that is exactly what an integer formats to is kept as that integer. Every
//! text has one form only, so that entries are compared as bytes and looking for a text means forming it once:
//!
//! ```text
//! 0lllllll text | 10iiiiii | 1100_0www integer of 1, 2, 3, 4 or 8 bytes | 1100_1000 length u32, text
//! ```
//!
//! Positions are offsets of entries; those behind a change are void.

use meridian_command::number::parse_i64;
use smallvec::SmallVec;

use crate::snapshot::{CorruptSnapshot, Input, put_bytes};

/// The longest text with a length of one byte.
const SHORT_MAX: usize = 0x7F;
const TINY: u8 = 0x80;
const TINY_MAX: i64 = 0x3F;
const INTEGER: u8 = 0xC0;
/// Bytes of an integer, by what is added to [`INTEGER`].
const WIDTHS: [usize; 5] = [1, 2, 3, 4, 8];
const LONG: u8 = 0xC8;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed {
    bytes: Box<[u8]>,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    Text(&'a [u8]),
    Integer(i64),
}

/// An entry as bytes: the text it stands for, wherever that is.
#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Borrowed(&'a [u8]),
    Formatted(SmallVec<[u8; 24]>),
}

impl std::ops::Deref for Text<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Text::Borrowed(bytes) => bytes,
            Text::Formatted(bytes) => bytes,
        }
    }
}

impl<'a> Item<'a> {
    /// The text it stands for.
    pub(crate) fn text(self) -> Text<'a> {
        match self {
            Item::Text(text) => Text::Borrowed(text),
            Item::Integer(number) => {
                Text::Formatted(SmallVec::from_slice(itoa::Buffer::new().format(number).as_bytes()))
            }
        }
    }

    /// The item of a text.
    pub(crate) fn of(text: &'a [u8]) -> Item<'a> {
        parse_i64(text).map_or(Item::Text(text), Item::Integer)
    }
}

/// A text in the form of an entry.
#[derive(Clone, Debug)]
pub(crate) struct Formed(SmallVec<[u8; 72]>);

impl Formed {
    pub(crate) fn new(text: &[u8]) -> Formed {
        let mut formed = SmallVec::new();
        match Item::of(text) {
            Item::Integer(number) if (0..=TINY_MAX).contains(&number) => formed.push(TINY | number as u8),
            Item::Integer(number) => {
                let fits = |width: &usize| {
                    let shift = 64 - *width as u32 * 8;
                    number << shift >> shift == number
                };
                let at = WIDTHS.iter().position(fits).unwrap_or(WIDTHS.len() - 1);
                formed.push(INTEGER | at as u8);
                formed.extend_from_slice(&number.to_le_bytes()[..WIDTHS[at]]);
            }
            Item::Text(text) if text.len() <= SHORT_MAX => {
                formed.push(text.len() as u8);
                formed.extend_from_slice(text);
            }
            Item::Text(text) => {
                let length = u32::try_from(text.len()).expect("arguments are framed with 32-bit lengths");
                formed.push(LONG);
                formed.extend_from_slice(&length.to_le_bytes());
                formed.extend_from_slice(text);
            }
        }
        Formed(formed)
    }
}

/// The first entry of `bytes` and its size. `None` at the end, or where the bytes are no entry.
fn entry(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let (head, rest) = bytes.split_first()?;
    match *head {
        length @ 0..=0x7F => {
            let length = usize::from(length);
            Some((Item::Text(rest.get(..length)?), 1 + length))
        }
        TINY..INTEGER => Some((Item::Integer(i64::from(head & 0x3F)), 1)),
        LONG => {
            let length = u32::from_le_bytes(*rest.first_chunk()?) as usize;
            Some((Item::Text(rest.get(4..)?.get(..length)?), 5 + length))
        }
        head => {
            let width = *WIDTHS.get(usize::from(head - INTEGER))?;
            let mut bytes = [0; 8];
            bytes[..width].copy_from_slice(rest.get(..width)?);
            let shift = 64 - width as u32 * 8;
            Some((Item::Integer(i64::from_le_bytes(bytes) << shift >> shift), 1 + width))
        }
    }
}

/// Walks entries with their positions.
#[derive(Clone, Debug)]
pub(crate) struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Items<'a> {
    /// Of the bytes of a packed list.
    pub(crate) fn new(bytes: &'a [u8]) -> Items<'a> {
        Items { bytes, at: 0 }
    }

    /// The position of the next entry.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Passes the next entry by; whether there was one, and it was `formed`.
    fn skip_if(&mut self, formed: &Formed) -> Option<bool> {
        let rest = &self.bytes[self.at..];
        let (_, size) = entry(rest)?;
        self.at += size;
        Some(rest[..size] == formed.0[..])
    }

    /// Looks for an entry among the next and every `step`-th after it; its position.
    pub(crate) fn find(&mut self, formed: &Formed, step: usize) -> Option<usize> {
        loop {
            let at = self.at;
            if self.skip_if(formed)? {
                return Some(at);
            }
            for _ in 1..step {
                self.next()?;
            }
        }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (item, size) = entry(&self.bytes[self.at..])?;
        self.at += size;
        Some(item)
    }
}

impl Packed {
    /// The bytes of all entries.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// From bytes that [`Packed::bytes`] gave.
    pub(crate) fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Packed {
        Packed { bytes: bytes.into() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many entries there are: walks them.
    pub(crate) fn count(&self) -> usize {
        self.items().count()
    }

    /// All entries in order.
    pub(crate) fn items(&self) -> Items<'_> {
        Items::new(&self.bytes)
    }

    /// The entries from a position on.
    pub(crate) fn items_from(&self, position: usize) -> Items<'_> {
        Items { bytes: &self.bytes, at: position }
    }

    /// The position of the entry with that index, or of the end.
    pub(crate) fn position(&self, index: usize) -> usize {
        let mut items = self.items();
        if let Some(before) = index.checked_sub(1) {
            items.nth(before);
        }
        items.position()
    }

    /// The entry at a position.
    pub(crate) fn at(&self, position: usize) -> Option<Item<'_>> {
        entry(self.bytes.get(position..)?).map(|(item, _)| item)
    }

    pub(crate) fn push(&mut self, text: &[u8]) {
        self.insert(self.bytes.len(), text);
    }

    /// Puts an entry in before the one at `position`.
    pub(crate) fn insert(&mut self, position: usize, text: &[u8]) {
        self.splice(position, position, &Formed::new(text).0);
    }

    /// Replaces the entry at a position.
    pub(crate) fn replace(&mut self, position: usize, text: &[u8]) {
        self.splice(position, self.behind(position, 1), &Formed::new(text).0);
    }

    /// Takes out `count` entries from a position on.
    pub(crate) fn remove(&mut self, position: usize, count: usize) {
        self.splice(position, self.behind(position, count), &[]);
    }

    /// The position `count` entries behind `position`.
    fn behind(&self, position: usize, count: usize) -> usize {
        let mut items = self.items_from(position);
        items.by_ref().take(count).for_each(drop);
        items.position()
    }

    fn splice(&mut self, start: usize, end: usize, new: &[u8]) {
        // A boxed slice and a vector without spare capacity are the same allocation.
        let mut bytes = std::mem::take(&mut self.bytes).into_vec();
        let (old, length) = (end - start, bytes.len());
        if new.len() > old {
            let more = new.len() - old;
            bytes.reserve_exact(more);
            bytes.resize(length + more, 0);
            bytes.copy_within(end..length, end + more);
        } else {
            bytes.copy_within(end.., start + new.len());
            bytes.truncate(length - (old - new.len()));
        }
        bytes[start..start + new.len()].copy_from_slice(new);
        self.bytes = bytes.into_boxed_slice();
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, &self.bytes);
    }

    /// Reads what [`Packed::encode`] wrote; every entry must be in its one form.
    pub(crate) fn decode(input: &mut Input<'_>) -> Result<Packed, CorruptSnapshot> {
        let bytes = input.bytes()?;
        let mut items = Items::new(bytes);
        let mut start = 0;
        while let Some(item) = items.next() {
            if Formed::new(&item.text()).0[..] != bytes[start..items.position()] {
                return Err(CorruptSnapshot::Malformed);
            }
            start = items.position();
        }
        if start != bytes.len() {
            return Err(CorruptSnapshot::Malformed);
        }
        Ok(Packed { bytes: bytes.into() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            3 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            3 => (-200_i64..70_000).prop_map(|number| number.to_string().into_bytes()),
            2 => "[a-z0-9]{0,6}".prop_map(String::into_bytes),
            1 => prop::collection::vec(any::<u8>(), 0..300),
        ]
    }

    fn contents(packed: &Packed) -> Vec<Vec<u8>> {
        packed.items().map(|item| item.text().to_vec()).collect()
    }

    proptest! {
        #[test]
        fn a_packed_list_is_a_list(
            steps in prop::collection::vec((0..4_u8, any::<prop::sample::Index>(), texts()), 1..60),
        ) {
            let (mut packed, mut model) = (Packed::default(), Vec::<Vec<u8>>::new());
            for (what, at, text) in steps {
                let index = at.index(model.len() + 1);
                let position = packed.position(index);
                match what {
                    0 | 1 => {
                        packed.insert(position, &text);
                        model.insert(index, text);
                    }
                    2 if index < model.len() => {
                        packed.replace(position, &text);
                        model[index] = text;
                    }
                    3 if index < model.len() => {
                        packed.remove(position, 1);
                        model.remove(index);
                    }
                    _ => {}
                }
                prop_assert_eq!(contents(&packed), model.clone());
                prop_assert_eq!(packed.heap_size(), packed.bytes().len());
            }
            for text in &model {
                let found = packed.items().find(&Formed::new(text), 1);
                prop_assert_eq!(found.and_then(|at| packed.at(at)).map(|item| item.text().to_vec()), Some(text.clone()));
            }
            let mut bytes = Vec::new();
            packed.encode(&mut bytes);
            prop_assert_eq!(Packed::decode(&mut Input::new(&bytes)), Ok(packed));
        }

        #[test]
        fn damaged_bytes_are_refused_or_a_list(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut encoded = Vec::new();
            put_bytes(&mut encoded, &bytes);
            if let Ok(packed) = Packed::decode(&mut Input::new(&encoded)) {
                prop_assert_eq!(packed.bytes(), &bytes[..]);
            }
        }
    }

    #[test]
    fn integers_are_small() {
        for (text, size) in
            [("0", 1), ("63", 1), ("64", 2), ("-1", 2), ("-129", 3), ("40000", 4), ("a", 2), ("007", 4)]
        {
            assert_eq!(Formed::new(text.as_bytes()).0.len(), size, "{text}");
        }
    }
}
