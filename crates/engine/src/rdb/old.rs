//! What Redis packed small values into before listpacks: ziplists, zipmaps; and intsets.

use super::{Corrupt, input::Input, input::decimal};

const END: u8 = 0xff;

/// The entries of a ziplist, integers as their texts.
pub(super) fn ziplist(pack: &[u8]) -> Result<Vec<Vec<u8>>, Corrupt> {
    let mut input = Input::new(pack);
    let size = u32::from_le_bytes(input.array()?);
    let _last = u32::from_le_bytes(input.array()?);
    let count = u16::from_le_bytes(input.array()?);
    if size as usize != pack.len() {
        return Err(Corrupt::Value);
    }
    let mut entries = Vec::new();
    loop {
        // How long the entry before this one is: for reading backwards.
        match input.byte()? {
            END => break,
            0xfe => drop(input.array::<4>()?),
            _ => {}
        }
        entries.push(ziplist_entry(&mut input)?);
    }
    if !input.is_empty() || (count != u16::MAX && usize::from(count) != entries.len()) {
        return Err(Corrupt::Value);
    }
    Ok(entries)
}

fn ziplist_entry(input: &mut Input<'_>) -> Result<Vec<u8>, Corrupt> {
    let first = input.byte()?;
    let value = match first {
        0..0x40 => return input.take(usize::from(first)).map(<[u8]>::to_vec),
        0x40..0x80 => {
            let length = usize::from(first & 0x3f) << 8 | usize::from(input.byte()?);
            return input.take(length).map(<[u8]>::to_vec);
        }
        0x80 => {
            let length = u32::from_be_bytes(input.array()?) as usize;
            return input.take(length).map(<[u8]>::to_vec);
        }
        0xc0 => i64::from(i16::from_le_bytes(input.array()?)),
        0xd0 => i64::from(i32::from_le_bytes(input.array()?)),
        0xe0 => i64::from_le_bytes(input.array()?),
        0xf0 => {
            let [a, b, c] = input.array()?;
            i64::from(i32::from_le_bytes([0, a, b, c]) >> 8)
        }
        0xfe => i64::from(input.byte()? as i8),
        0xf1..=0xfd => i64::from(first & 0x0f) - 1,
        _ => return Err(Corrupt::Value),
    };
    Ok(decimal(value))
}

/// The names and values of a zipmap, in turn.
pub(super) fn zipmap(pack: &[u8]) -> Result<Vec<Vec<u8>>, Corrupt> {
    let mut input = Input::new(pack);
    let _count = input.byte()?;
    let mut entries = Vec::new();
    while let Some(length) = zipmap_length(&mut input)? {
        entries.push(input.take(length)?.to_vec());
        let length = zipmap_length(&mut input)?.ok_or(Corrupt::Value)?;
        let free = usize::from(input.byte()?);
        entries.push(input.take(length)?.to_vec());
        input.take(free)?;
    }
    if input.is_empty() { Ok(entries) } else { Err(Corrupt::Value) }
}

/// `None` at the end.
fn zipmap_length(input: &mut Input<'_>) -> Result<Option<usize>, Corrupt> {
    Ok(match input.byte()? {
        END => None,
        0xfe => Some(u32::from_le_bytes(input.array()?) as usize),
        length => Some(usize::from(length)),
    })
}

/// The texts of the members of an intset.
pub(super) fn intset(pack: &[u8]) -> Result<Vec<Vec<u8>>, Corrupt> {
    let mut input = Input::new(pack);
    let width = u32::from_le_bytes(input.array()?);
    let count = u32::from_le_bytes(input.array()?) as usize;
    if !matches!(width, 2 | 4 | 8) || count == 0 || pack.len() - 8 != count.saturating_mul(width as usize) {
        return Err(Corrupt::Value);
    }
    let mut members = Vec::new();
    let mut last = None;
    while !input.is_empty() {
        let member = match width {
            2 => i64::from(i16::from_le_bytes(input.array()?)),
            4 => i64::from(i32::from_le_bytes(input.array()?)),
            _ => i64::from_le_bytes(input.array()?),
        };
        if last.is_some_and(|last| last >= member) {
            return Err(Corrupt::Value);
        }
        last = Some(member);
        members.push(decimal(member));
    }
    Ok(members)
}
