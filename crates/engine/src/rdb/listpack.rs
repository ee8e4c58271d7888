//! Listpacks: many small texts and integers in one, read and written.
//!
//! `bytes (4) | entries (2) | entry… | 0xff`, each entry followed by its own length, so that it can be read backwards.

use super::{Corrupt, input::Input, input::decimal};

const END: u8 = 0xff;
const HEADER: usize = 6;

/// All entries, integers as their texts.
pub(super) fn entries(pack: &[u8]) -> Result<Vec<Vec<u8>>, Corrupt> {
    let mut input = Input::new(pack);
    let size = u32::from_le_bytes(input.array()?);
    let count = u16::from_le_bytes(input.array()?);
    if size as usize != pack.len() {
        return Err(Corrupt::Value);
    }
    let mut entries = Vec::new();
    let mut at = HEADER;
    loop {
        let rest = pack.get(at..).ok_or(Corrupt::Value)?;
        if rest == [END] {
            break;
        }
        let (entry, length) = entry(rest)?;
        entries.push(entry);
        let back = back_length(length);
        if rest.get(length..length + back.len()) != Some(back.as_slice()) {
            return Err(Corrupt::Value);
        }
        at += length + back.len();
    }
    // More entries than two bytes count are not counted.
    if count != u16::MAX && usize::from(count) != entries.len() {
        return Err(Corrupt::Value);
    }
    Ok(entries)
}

/// An entry and how many bytes it has without its length.
fn entry(bytes: &[u8]) -> Result<(Vec<u8>, usize), Corrupt> {
    let mut input = Input::new(bytes);
    let first = input.byte()?;
    let text = |input: &mut Input<'_>, header: usize, length: usize| {
        Ok((input.take(length)?.to_vec(), header + length))
    };
    let integer = |value: i64, length: usize| Ok((decimal(value), length));
    match first {
        0..0x80 => integer(i64::from(first), 1),
        0x80..0xc0 => text(&mut input, 1, usize::from(first & 0x3f)),
        0xc0..0xe0 => {
            let value = i64::from(first & 0x1f) << 8 | i64::from(input.byte()?);
            integer(if value < 1 << 12 { value } else { value - (1 << 13) }, 2)
        }
        0xe0..0xf0 => {
            let length = usize::from(first & 0x0f) << 8 | usize::from(input.byte()?);
            text(&mut input, 2, length)
        }
        0xf0 => {
            let length = u32::from_le_bytes(input.array()?) as usize;
            text(&mut input, 5, length)
        }
        0xf1 => integer(i64::from(i16::from_le_bytes(input.array()?)), 3),
        0xf2 => {
            let [a, b, c] = input.array()?;
            integer(i64::from(i32::from_le_bytes([0, a, b, c]) >> 8), 4)
        }
        0xf3 => integer(i64::from(i32::from_le_bytes(input.array()?)), 5),
        0xf4 => integer(i64::from_le_bytes(input.array()?), 9),
        _ => Err(Corrupt::Value),
    }
}

/// The length of an entry as it stands behind it: seven bits a byte, the lowest last, all but the first marked.
fn back_length(length: usize) -> Vec<u8> {
    let count = match length {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    let mut bytes: Vec<u8> = (0..count)
        .map(|at| (length >> (7 * at)) as u8 & 0x7f | if at + 1 < count { 0x80 } else { 0 })
        .collect();
    bytes.reverse();
    bytes
}

/// Writes a listpack.
#[derive(Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    count: usize,
}

impl Writer {
    pub(super) fn new() -> Writer {
        Writer { bytes: vec![0; HEADER], count: 0 }
    }

    pub(super) fn integer(&mut self, value: i64) {
        let start = self.bytes.len();
        match value {
            0..128 => self.bytes.push(value as u8),
            -4096..4096 => {
                let value = value & 0x1fff;
                self.bytes.extend([0xc0 | (value >> 8) as u8, value as u8]);
            }
            _ => {
                self.bytes.push(0xf4);
                self.bytes.extend(value.to_le_bytes());
            }
        }
        self.ended(start);
    }

    /// A text; one that is an integer becomes that.
    pub(super) fn text(&mut self, text: &[u8]) {
        if let Some(value) = meridian_command::number::parse_i64(text) {
            return self.integer(value);
        }
        let start = self.bytes.len();
        match text.len() {
            length @ 0..64 => self.bytes.push(0x80 | length as u8),
            length @ 64..4096 => self.bytes.extend([0xe0 | (length >> 8) as u8, length as u8]),
            length => {
                self.bytes.push(0xf0);
                self.bytes.extend((length as u32).to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(text);
        self.ended(start);
    }

    fn ended(&mut self, start: usize) {
        let back = back_length(self.bytes.len() - start);
        self.bytes.extend(back);
        self.count += 1;
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(END);
        let size = (self.bytes.len() as u32).to_le_bytes();
        let count = u16::try_from(self.count).unwrap_or(u16::MAX).to_le_bytes();
        self.bytes[..4].copy_from_slice(&size);
        self.bytes[4..HEADER].copy_from_slice(&count);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(texts in prop::collection::vec(
            prop_oneof![
                any::<i64>().prop_map(decimal),
                (-5000_i64..5000).prop_map(decimal),
                prop::collection::vec(any::<u8>(), 0..300),
                (4000_usize..70_000).prop_map(|length| vec![b'x'; length]),
            ],
            0..20,
        )) {
            let mut writer = Writer::new();
            for text in &texts {
                writer.text(text);
            }
            let pack = writer.finish();
            prop_assert_eq!(entries(&pack), Ok(texts));
            prop_assert_eq!(entries(&pack[..pack.len() - 1]), Err(Corrupt::Value));
        }

        #[test]
        fn damage_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut pack = (bytes.len() as u32 + 6).to_le_bytes().to_vec();
            pack.extend([0xff, 0xff]);
            pack.extend(bytes);
            let _ = entries(&pack);
        }
    }
}
