//! Sorted integers in as few bytes each as the widest of them needs.

use crate::snapshot::{CorruptSnapshot, Input, put_varint};

/// See the module. The first byte is the width, the others are the numbers, little endian; no bytes for none.
#[derive(Clone, Debug, Default)]
pub(crate) struct IntSet {
    bytes: Box<[u8]>,
}

fn width_of(number: i64) -> u8 {
    match number {
        -0x80..=0x7F => 1,
        -0x8000..=0x7FFF => 2,
        -0x8000_0000..=0x7FFF_FFFF => 4,
        _ => 8,
    }
}

impl IntSet {
    /// Bytes of one number: 1, 2, 4 or 8.
    fn width(&self) -> usize {
        self.bytes.first().map_or(1, |width| usize::from(*width))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// From bytes that [`IntSet::bytes`] gave.
    pub(crate) fn from_bytes(bytes: &[u8]) -> IntSet {
        IntSet { bytes: bytes.into() }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len().saturating_sub(1) / self.width()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.bytes.len()
    }

    /// From numbers in order, of which there will be one more.
    fn build(numbers: &[i64], width: u8) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + (numbers.len() + 1) * usize::from(width));
        bytes.push(width);
        for number in numbers {
            bytes.extend_from_slice(&number.to_le_bytes()[..usize::from(width)]);
        }
        bytes
    }

    /// The number at an index.
    pub(crate) fn get(&self, index: usize) -> Option<i64> {
        let width = self.width();
        let found = self.bytes.get(1 + index * width..1 + (index + 1) * width)?;
        let mut bytes = [0; 8];
        bytes[..width].copy_from_slice(found);
        let shift = 64 - width as u32 * 8;
        Some(i64::from_le_bytes(bytes) << shift >> shift)
    }

    /// All numbers, the least first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The index of a number, or where it belongs.
    fn search(&self, number: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.get(middle) {
                Some(found) if found == number => return Ok(middle),
                Some(found) if found < number => low = middle + 1,
                _ => high = middle,
            }
        }
        Err(low)
    }

    pub(crate) fn contains(&self, number: i64) -> bool {
        self.search(number).is_ok()
    }

    /// Whether the number was not there.
    pub(crate) fn insert(&mut self, number: i64) -> bool {
        let Err(index) = self.search(number) else { return false };
        let width = width_of(number).max(self.width() as u8);
        let mut bytes = if self.is_empty() || usize::from(width) > self.width() {
            IntSet::build(&self.iter().collect::<Vec<i64>>(), width)
        } else {
            std::mem::take(&mut self.bytes).into_vec()
        };
        let (width, length) = (usize::from(width), bytes.len());
        let at = 1 + index * width;
        bytes.reserve_exact(width);
        bytes.resize(length + width, 0);
        bytes.copy_within(at..length, at + width);
        bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
        self.bytes = bytes.into_boxed_slice();
        true
    }

    /// Whether the number was there.
    pub(crate) fn remove(&mut self, number: i64) -> bool {
        let Ok(index) = self.search(number) else { return false };
        let width = self.width();
        let mut bytes = std::mem::take(&mut self.bytes).into_vec();
        let at = 1 + index * width;
        bytes.drain(at..at + width);
        if bytes.len() > 1 {
            self.bytes = bytes.into_boxed_slice();
        }
        true
    }

    /// Appends the count, then the first number and the distance of each to the one before it.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.len() as u64);
        let mut last = 0_i64;
        for number in self.iter() {
            put_varint(out, number.wrapping_sub(last) as u64);
            last = number;
        }
    }

    /// Reads what [`IntSet::encode`] wrote; numbers out of order are refused.
    pub(crate) fn decode(input: &mut Input<'_>) -> Result<IntSet, CorruptSnapshot> {
        let mut numbers = Vec::new();
        let mut last = 0_i64;
        for _ in 0..input.varint()? {
            last = last.wrapping_add(input.varint()? as i64);
            if numbers.last().is_some_and(|before| *before >= last) {
                return Err(CorruptSnapshot::Malformed);
            }
            numbers.push(last);
        }
        let Some(width) = numbers.iter().map(|number| width_of(*number)).max() else {
            return Ok(IntSet::default());
        };
        Ok(IntSet { bytes: IntSet::build(&numbers, width).into_boxed_slice() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_int_set_is_a_sorted_set(
            steps in prop::collection::vec(
                (any::<bool>(), prop_oneof![-9..9_i64, -40_000..40_000_i64, any::<i64>()]),
                1..80,
            ),
        ) {
            let (mut set, mut model) = (IntSet::default(), BTreeSet::new());
            for (insert, number) in steps {
                if insert {
                    prop_assert_eq!(set.insert(number), model.insert(number));
                } else {
                    prop_assert_eq!(set.remove(number), model.remove(&number));
                }
                prop_assert!(set.iter().eq(model.iter().copied()));
                prop_assert_eq!(set.contains(number), model.contains(&number));
            }
            let mut bytes = Vec::new();
            set.encode(&mut bytes);
            let restored = IntSet::decode(&mut Input::new(&bytes)).unwrap();
            prop_assert!(restored.iter().eq(model.iter().copied()));
        }
    }
}
