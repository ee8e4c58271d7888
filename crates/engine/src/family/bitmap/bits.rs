//! What is done to bits: pure functions over bytes. Behind the end every string is zeroes.

/// The bit at `offset`.
pub(super) fn get(bytes: &[u8], offset: u64) -> bool {
    let (byte, mask) = locate(offset);
    bytes.get(byte).is_some_and(|byte| byte & mask != 0)
}

/// Sets the bit at `offset`, which must lie inside.
pub(super) fn set(bytes: &mut [u8], offset: u64, value: bool) {
    let (byte, mask) = locate(offset);
    if value {
        bytes[byte] |= mask;
    } else {
        bytes[byte] &= !mask;
    }
}

/// How many bytes a string has that reaches to the bit at `offset`.
pub(super) fn bytes_up_to(offset: u64) -> usize {
    locate(offset).0 + 1
}

fn locate(offset: u64) -> (usize, u8) {
    ((offset / 8) as usize, 0x80 >> (offset % 8))
}

/// How many bits are set from `first` to `last`, both inside the string.
pub(super) fn count(bytes: &[u8], first: u64, last: u64) -> u64 {
    let ((from, to), (head, tail)) = (span(first, last), masks(first, last));
    if from == to {
        return u64::from((bytes[from] & head & tail).count_ones());
    }
    let ends = (bytes[from] & head).count_ones() + (bytes[to] & tail).count_ones();
    u64::from(ends) + count_all(&bytes[from + 1..to])
}

fn count_all(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    words + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// The first bit of that value from `first` to `last`, both inside the string.
pub(super) fn find(bytes: &[u8], value: bool, first: u64, last: u64) -> Option<u64> {
    let ((from, to), (head, tail)) = (span(first, last), masks(first, last));
    // Every bit that is looked for becomes a one, every other a zero.
    let flip = if value { 0 } else { 0xFF };
    let in_byte = |index: usize, mask: u8| {
        let byte = (bytes[index] ^ flip) & mask;
        (byte != 0).then(|| index as u64 * 8 + u64::from(byte.leading_zeros()))
    };
    if from == to {
        return in_byte(from, head & tail);
    }
    in_byte(from, head)
        .or_else(|| {
            let index = find_byte_other_than(&bytes[from + 1..to], flip)?;
            in_byte(from + 1 + index, 0xFF)
        })
        .or_else(|| in_byte(to, tail))
}

/// The first byte that is not `skipped` (all zeroes or all ones), eight at a time.
fn find_byte_other_than(bytes: &[u8], skipped: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let whole = words.iter().take_while(|word| **word == [skipped; 8]).count() * 8;
    bytes[whole..].iter().position(|byte| *byte != skipped).map(|index| whole + index)
}

/// The bytes that hold `first` and `last`.
fn span(first: u64, last: u64) -> (usize, usize) {
    (locate(first).0, locate(last).0)
}

/// Of the first byte the bits from `first` on, of the last byte those up to `last`.
fn masks(first: u64, last: u64) -> (u8, u8) {
    (0xFF >> (first % 8), 0xFF << (7 - last % 8))
}

/// How BITOP combines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    And,
    Or,
    Xor,
    Not,
    /// What the first has and no other.
    Diff,
    /// What any other has and not the first.
    Diff1,
    /// What the first has and any other.
    AndOr,
    /// What exactly one has.
    One,
}

/// Combines strings; the result is as long as the longest of them.
pub(super) fn combine<'a>(
    operation: Operation,
    mut sources: impl Iterator<Item = &'a [u8]> + Clone,
) -> Vec<u8> {
    let length = sources.clone().map(<[u8]>::len).max().unwrap_or(0);
    let by_first: fn(u8, u8) -> u8 = match operation {
        Operation::Diff => |first, rest| first & !rest,
        Operation::Diff1 => |first, rest| !first & rest,
        Operation::AndOr => |first, rest| first & rest,
        Operation::One => return exactly_one(length, sources),
        Operation::And | Operation::Or | Operation::Xor | Operation::Not => {
            return one_by_one(operation, length, sources);
        }
    };
    let first = sources.next().unwrap_or_default();
    let mut result = one_by_one(Operation::Or, length, sources);
    let first = first.iter().copied().chain(std::iter::repeat(0));
    result.iter_mut().zip(first).for_each(|(rest, first)| *rest = by_first(first, *rest));
    result
}

fn exactly_one<'a>(length: usize, sources: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut any, mut several) = (vec![0; length], vec![0; length]);
    for source in sources {
        for ((any, several), byte) in any.iter_mut().zip(&mut several).zip(source) {
            *several |= *any & byte;
            *any |= byte;
        }
    }
    any.iter_mut().zip(several).for_each(|(any, several): (&mut u8, u8)| *any &= !several);
    any
}

fn one_by_one<'a>(
    operation: Operation,
    length: usize,
    mut sources: impl Iterator<Item = &'a [u8]>,
) -> Vec<u8> {
    let mut result = Vec::with_capacity(length);
    result.extend_from_slice(sources.next().unwrap_or_default());
    result.resize(length, 0);
    for source in sources {
        let (covered, beyond) = result.split_at_mut(source.len());
        let pairs = covered.iter_mut().zip(source);
        match operation {
            Operation::And => {
                pairs.for_each(|(into, byte)| *into &= byte);
                beyond.fill(0);
            }
            Operation::Or => pairs.for_each(|(into, byte)| *into |= byte),
            Operation::Xor => pairs.for_each(|(into, byte)| *into ^= byte),
            // There is only one source; the others do not come here.
            _ => {}
        }
    }
    if operation == Operation::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    result
}

/// Bytes that a field of up to 64 bits can touch.
const WINDOW: usize = 9;

/// The field of `width` bits (1 to 64) at `offset`, highest bit first.
pub(super) fn field(bytes: &[u8], offset: u64, width: u32) -> u64 {
    let (first, _) = locate(offset);
    let (window, shift) = (window(bytes, first), shift(offset, width));
    ((window >> shift) & mask(width)) as u64
}

/// Sets the field of `width` bits at `offset` to the low bits of `value`; all of it must lie inside.
pub(super) fn set_field(bytes: &mut [u8], offset: u64, width: u32, value: u64) {
    let (first, shift) = (locate(offset).0, shift(offset, width));
    let cleared = window(bytes, first) & !(mask(width) << shift);
    let window = cleared | (u128::from(value) & mask(width)) << shift;
    for (index, byte) in bytes[first..].iter_mut().take(WINDOW).enumerate() {
        *byte = (window >> ((WINDOW - 1 - index) * 8)) as u8;
    }
}

fn window(bytes: &[u8], first: usize) -> u128 {
    (first..first + WINDOW)
        .fold(0, |window, index| window << 8 | u128::from(bytes.get(index).copied().unwrap_or(0)))
}

fn shift(offset: u64, width: u32) -> u32 {
    WINDOW as u32 * 8 - (offset % 8) as u32 - width
}

fn mask(width: u32) -> u128 {
    (1 << width) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn model(bytes: &[u8]) -> Vec<bool> {
        (0..bytes.len() as u64 * 8).map(|offset| get(bytes, offset)).collect()
    }

    proptest! {
        #[test]
        fn ranges_are_counted_and_searched_bit_by_bit(
            bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(0xFF), any::<u8>()], 1..40),
            ends in any::<(u64, u64)>(),
        ) {
            let bits = model(&bytes);
            let (a, b) = (ends.0 % bits.len() as u64, ends.1 % bits.len() as u64);
            let (first, last) = (a.min(b), a.max(b));
            let range = &bits[first as usize..=last as usize];
            prop_assert_eq!(count(&bytes, first, last), range.iter().filter(|bit| **bit).count() as u64);
            for value in [false, true] {
                let found = range.iter().position(|bit| *bit == value).map(|index| first + index as u64);
                prop_assert_eq!(find(&bytes, value, first, last), found);
            }
        }

        #[test]
        fn a_field_is_read_as_written_and_its_neighbours_stay(
            bytes in prop::collection::vec(any::<u8>(), 20),
            offset in 0_u64..96, width in 1_u32..=64, value: u64,
        ) {
            let mut changed = bytes.clone();
            set_field(&mut changed, offset, width, value);
            prop_assert_eq!(u128::from(field(&changed, offset, width)), u128::from(value) & mask(width));
            let (before, after) = (model(&bytes), model(&changed));
            let inside = offset as usize..offset as usize + width as usize;
            for index in (0..before.len()).filter(|index| !inside.contains(index)) {
                prop_assert_eq!(before[index], after[index]);
            }
        }
    }

    proptest! {
        #[test]
        fn operations_between_several_are_those_of_each_bit(
            sources in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 1..5),
        ) {
            let length = sources.iter().map(Vec::len).max().unwrap_or(0);
            let come = |operation| combine(operation, sources.iter().map(Vec::as_slice));
            let [diff, diff1, and_or, one] =
                [Operation::Diff, Operation::Diff1, Operation::AndOr, Operation::One].map(come);
            for result in [&diff, &diff1, &and_or, &one] {
                prop_assert_eq!(result.len(), length);
            }
            for offset in 0..length as u64 * 8 {
                let bits: Vec<bool> = sources.iter().map(|source| get(source, offset)).collect();
                let (first, rest) = (bits[0], bits[1..].contains(&true));
                prop_assert_eq!(get(&diff, offset), first && !rest);
                prop_assert_eq!(get(&diff1, offset), !first && rest);
                prop_assert_eq!(get(&and_or, offset), first && rest);
                prop_assert_eq!(get(&one, offset), bits.iter().filter(|bit| **bit).count() == 1);
            }
        }
    }

    #[test]
    fn shorter_strings_are_zeroes_behind_their_end() {
        let sources = || [&[0xF0, 0xFF][..], &[0xFF], &[]].into_iter();
        assert_eq!(combine(Operation::And, sources()), [0, 0]);
        assert_eq!(combine(Operation::Or, sources()), [0xFF, 0xFF]);
        assert_eq!(combine(Operation::Xor, sources()), [0x0F, 0xFF]);
        assert_eq!(combine(Operation::Not, [&[0xF0][..]].into_iter()), [0x0F]);
        assert_eq!(field(&[0xFF], 4, 8), 0xF0);
        assert!(!get(&[0xFF], 8));
    }
}
