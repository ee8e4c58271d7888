//! Lists: packed, and from some size on a queue of packed nodes.
//!
//! How a list lies in memory and what its encoding is called are two things. A short list is one packed allocation; a
//! longer one is a [`Chain`]. The name is Redis': `listpack` until what the elements would take there passes
//! `list-max-listpack-size`, `quicklist` from then on until they have shrunk to half of it. As a client can see the
//! name, it is state.

mod chain;

use std::ops::Range;

use chain::Chain;

use super::{Collection, Item, Packed};
use crate::{
    settings::Settings,
    snapshot::{CorruptSnapshot, Input, put_bytes, put_varint},
};

/// A list; see the module.
#[derive(Clone, Debug)]
pub(crate) struct List(Body);

#[derive(Clone, Debug)]
enum Body {
    /// Called `listpack`.
    Short(Packed),
    Long(Box<Chain>),
}

/// Either end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Front,
    Back,
}

/// The bytes of a list that is one allocation.
const SHORT_BYTES_MAX: usize = 512;

/// Bytes of a listpack by its class, -1 to -5.
const CLASS_BYTES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];

/// Bytes of a listpack whose number of elements is limited.
const COUNTED_BYTES_MAX: usize = 8192;

/// What Redis' listpack takes besides its entries.
const LISTPACK_FRAME: usize = 7;

impl Default for List {
    fn default() -> List {
        List(Body::Short(Packed::default()))
    }
}

impl List {
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Body::Short(packed) => packed.count(),
            Body::Long(chain) => chain.len(),
        }
    }

    /// The element at an index.
    pub(crate) fn get(&self, index: usize) -> Option<Item<'_>> {
        match &self.0 {
            Body::Short(packed) => packed.items().nth(index),
            Body::Long(chain) => chain.get(index),
        }
    }

    /// Calls `each` with the elements of a range, in order. The range may reach past the end.
    pub(crate) fn walk<'a>(&'a self, range: Range<usize>, mut each: impl FnMut(usize, Item<'a>)) {
        self.find_map(range, |index, item| {
            each(index, item);
            None::<()>
        });
    }

    /// What `find` first finds among the elements of a range, in order.
    pub(crate) fn find_map<'a, R>(
        &'a self,
        range: Range<usize>,
        mut find: impl FnMut(usize, Item<'a>) -> Option<R>,
    ) -> Option<R> {
        match &self.0 {
            Body::Short(packed) => {
                let indexed = packed.items().enumerate().take(range.end).skip(range.start);
                let mut indexed = indexed;
                indexed.find_map(|(index, item)| find(index, item))
            }
            Body::Long(chain) => chain.find_map(range, find),
        }
    }

    /// As [`List::find_map`] from the last element to the first.
    pub(crate) fn find_map_back<'a, R>(
        &'a self,
        mut find: impl FnMut(usize, Item<'a>) -> Option<R>,
    ) -> Option<R> {
        match &self.0 {
            Body::Short(packed) => {
                let items: Vec<Item<'a>> = packed.items().collect();
                items.into_iter().enumerate().rev().find_map(|(index, item)| find(index, item))
            }
            Body::Long(chain) => chain.find_map_back(find),
        }
    }

    /// To be called before elements come: `texts` are those to be added, or to be put in place of others.
    pub(crate) fn prepare(&mut self, texts: &[&[u8]], settings: &Settings) {
        if !self.is_listpack() {
            return;
        }
        let bytes = self.listpack_bytes() + texts.iter().map(|text| text.len()).sum::<usize>();
        let limit = Limit::of(settings);
        let count = if limit.count == usize::MAX { 0 } else { self.len() + texts.len() };
        if count > limit.count || bytes > limit.bytes.min(limit.bytes_when_growing) {
            self.lengthen().set_listpack(false);
        }
    }

    /// To be called after elements went: what has become short enough is a listpack again.
    pub(crate) fn settle(&mut self, settings: &Settings) {
        let Body::Long(chain) = &mut self.0 else { return };
        if !chain.is_listpack() {
            let limit = Limit::of(settings);
            let bytes = chain.entry_bytes() + LISTPACK_FRAME;
            if bytes > limit.bytes / 2 || chain.len() > limit.count / 2 {
                return;
            }
            chain.set_listpack(true);
        }
        // Twice as large as it may be when short, so that not every other change turns it over.
        if chain.packed_bytes() <= SHORT_BYTES_MAX / 2 {
            self.0 = Body::Short(chain.to_packed());
        }
    }

    pub(crate) fn push(&mut self, end: End, text: &[u8]) {
        if let Body::Short(packed) = &mut self.0
            && packed.bytes().len() + text.len() <= SHORT_BYTES_MAX
        {
            let position = if end == End::Front { 0 } else { packed.bytes().len() };
            packed.insert(position, text);
            return;
        }
        self.lengthen().push(end, text);
    }

    /// Takes `count` elements out at an end, and hands each to `each`, from the end inwards.
    pub(crate) fn pop(&mut self, end: End, count: usize, mut each: impl FnMut(&[u8])) {
        let len = self.len();
        let count = count.min(len);
        let range = if end == End::Front { 0..count } else { len - count..len };
        if end == End::Front {
            self.walk(range.clone(), |_, item| each(&item.text()));
        } else {
            let mut items = Vec::new();
            self.walk(range.clone(), |_, item| items.push(item));
            items.iter().rev().for_each(|item| each(&item.text()));
        }
        self.remove(range);
    }

    /// Replaces the element at an index that is there.
    pub(crate) fn set(&mut self, index: usize, text: &[u8]) {
        match &mut self.0 {
            Body::Short(packed) => {
                let position = packed.position(index);
                packed.replace(position, text);
                if packed.bytes().len() > SHORT_BYTES_MAX {
                    self.lengthen();
                }
            }
            Body::Long(chain) => chain.set(index, text),
        }
    }

    /// Puts an element in before the one at an index, or at the end.
    pub(crate) fn insert(&mut self, index: usize, text: &[u8]) {
        match &mut self.0 {
            Body::Short(packed) => {
                let position = packed.position(index);
                packed.insert(position, text);
                if packed.bytes().len() > SHORT_BYTES_MAX {
                    self.lengthen();
                }
            }
            Body::Long(chain) => chain.insert(index, text),
        }
    }

    /// Takes out a range that is there.
    pub(crate) fn remove(&mut self, range: Range<usize>) {
        match &mut self.0 {
            Body::Short(packed) => {
                let position = packed.position(range.start);
                packed.remove(position, range.len());
            }
            Body::Long(chain) => chain.remove(range),
        }
    }

    /// Takes out up to `count` elements that equal `text`, from an end on; says how many.
    pub(crate) fn remove_equal(&mut self, text: &[u8], count: usize, end: End) -> usize {
        let wanted = Item::of(text);
        let mut found = Vec::new();
        let mut note = |index: usize, item: Item<'_>| {
            if item == wanted {
                found.push(index);
            }
            (found.len() == count).then_some(())
        };
        if end == End::Front {
            self.find_map(0..usize::MAX, &mut note);
        } else {
            self.find_map_back(&mut note);
            found.reverse();
        }
        match &mut self.0 {
            Body::Short(packed) => {
                for index in found.iter().rev() {
                    let position = packed.position(*index);
                    packed.remove(position, 1);
                }
            }
            Body::Long(chain) => chain.remove_all(&found),
        }
        found.len()
    }

    fn is_listpack(&self) -> bool {
        match &self.0 {
            Body::Short(_) => true,
            Body::Long(chain) => chain.is_listpack(),
        }
    }

    /// What the list would take as Redis' listpack.
    fn listpack_bytes(&self) -> usize {
        let entries = match &self.0 {
            Body::Short(packed) => packed.items().map(listpack_entry_bytes).sum(),
            Body::Long(chain) => chain.entry_bytes(),
        };
        entries + LISTPACK_FRAME
    }

    fn lengthen(&mut self) -> &mut Chain {
        if let Body::Short(packed) = &mut self.0 {
            let chain = Chain::of(std::mem::take(packed));
            self.0 = Body::Long(Box::new(chain));
        }
        match &mut self.0 {
            Body::Long(chain) => chain,
            Body::Short(_) => unreachable!("it was just made long"),
        }
    }
}

/// `list-max-listpack-size`.
#[derive(Debug)]
struct Limit {
    bytes: usize,
    count: usize,
    bytes_when_growing: usize,
}

impl Limit {
    fn of(settings: &Settings) -> Limit {
        let size = settings.list_max_listpack_size;
        if let Ok(count) = usize::try_from(size) {
            return Limit { bytes: usize::MAX, count: count.max(1), bytes_when_growing: COUNTED_BYTES_MAX };
        }
        let class = usize::try_from(size.unsigned_abs() - 1).unwrap_or(usize::MAX).min(CLASS_BYTES.len() - 1);
        Limit { bytes: CLASS_BYTES[class], count: usize::MAX, bytes_when_growing: usize::MAX }
    }
}

/// The bytes of an element in Redis' listpack: head, text or integer, and the way back.
fn listpack_entry_bytes(item: Item<'_>) -> usize {
    let body = match item {
        Item::Text(text) => {
            text.len()
                + match text.len() {
                    0..0x40 => 1,
                    0x40..0x1000 => 2,
                    _ => 5,
                }
        }
        Item::Integer(0..0x80) => 1,
        Item::Integer(-0x1000..0x1000) => 2,
        Item::Integer(-0x8000..0x8000) => 3,
        Item::Integer(-0x80_0000..0x80_0000) => 4,
        Item::Integer(-0x8000_0000..0x8000_0000) => 5,
        Item::Integer(_) => 9,
    };
    body + match body {
        0..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

impl Collection for List {
    fn is_empty(&self) -> bool {
        match &self.0 {
            Body::Short(packed) => packed.is_empty(),
            Body::Long(chain) => chain.len() == 0,
        }
    }

    fn heap_size(&self) -> usize {
        match &self.0 {
            Body::Short(packed) => packed.heap_size(),
            Body::Long(chain) => size_of::<Chain>() + chain.heap_size(),
        }
    }

    fn encoding_name(&self, _: &Settings) -> &'static str {
        if self.is_listpack() { "listpack" } else { "quicklist" }
    }

    fn small_parts(&self) -> Option<(u8, &[u8])> {
        if let Body::Short(packed) = &self.0 { Some((0, packed.bytes())) } else { None }
    }

    fn from_small_parts(_: u8, bytes: &[u8]) -> Option<List> {
        Some(List(Body::Short(Packed::from_bytes(bytes))))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_listpack()));
        put_varint(out, self.len() as u64);
        self.walk(0..usize::MAX, |_, item| put_bytes(out, &item.text()));
    }

    fn decode(input: &mut Input<'_>) -> Result<List, CorruptSnapshot> {
        let is_listpack = match input.byte()? {
            0 => false,
            1 => true,
            _ => return Err(CorruptSnapshot::Malformed),
        };
        let mut list = List::default();
        if !is_listpack {
            list.lengthen().set_listpack(false);
        }
        for _ in 0..input.varint()? {
            list.push(End::Back, input.bytes()?);
        }
        if list.is_empty() { Err(CorruptSnapshot::Malformed) } else { Ok(list) }
    }
}

#[cfg(test)]
mod tests;
