//! The payload of FUNCTION DUMP: Redis' RDB format of functions, its version, and a CRC64 over both.

use meridian_command::ReplyError;

/// Stands before the text of a library.
const FUNCTION: u8 = 245;
/// The version of RDB that is written (the first with functions, so that every Redis reads it), and the newest that is read.
const VERSION: u16 = 10;
const VERSION_MAX: u16 = 12;
/// Version and checksum.
const FOOTER: usize = 10;
/// Longer texts are refused before anything is put aside for them.
const TEXT_MAX: usize = 64 << 20;

/// Writes the texts of libraries.
pub(super) fn encode<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for text in texts {
        out.push(FUNCTION);
        put_length(&mut out, text.len());
        out.extend_from_slice(text);
    }
    out.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = crc64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// Reads the texts of libraries.
pub(super) fn decode(payload: &[u8]) -> Result<Vec<Vec<u8>>, ReplyError> {
    let cut = payload.len().checked_sub(FOOTER).ok_or(ReplyError::FUNCTION_PAYLOAD)?;
    let (mut body, footer) = payload.split_at(cut);
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let checksum = crc64(&payload[..cut + 2]).to_le_bytes();
    if version > VERSION_MAX || (footer[2..] != checksum && footer[2..] != [0; 8]) {
        return Err(ReplyError::FUNCTION_PAYLOAD);
    }
    let mut texts = Vec::new();
    while let Some((kind, rest)) = body.split_first() {
        body = rest;
        if *kind != FUNCTION {
            return Err(ReplyError::FUNCTION_NOT_IN_PAYLOAD);
        }
        texts.push(take_text(&mut body).ok_or(ReplyError::FUNCTION_PAYLOAD)?);
    }
    Ok(texts)
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    match length {
        0..=63 => out.push(length as u8),
        64..=16383 => out.extend_from_slice(&[0x40 | (length >> 8) as u8, length as u8]),
        _ => {
            out.push(0x80);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
}

/// A length, or the kind of a special encoding.
enum Length {
    Plain(usize),
    Special(u8),
}

fn take_length(rest: &mut &[u8]) -> Option<Length> {
    let [first] = take(rest)?;
    Some(match first >> 6 {
        0 => Length::Plain(usize::from(first)),
        1 => {
            let [second] = take(rest)?;
            Length::Plain(usize::from(first & 0x3f) << 8 | usize::from(second))
        }
        2 if first == 0x80 => Length::Plain(u32::from_be_bytes(take(rest)?) as usize),
        2 => Length::Plain(usize::try_from(u64::from_be_bytes(take(rest)?)).ok()?),
        _ => Length::Special(first & 0x3f),
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*bytes)
}

fn take_text(rest: &mut &[u8]) -> Option<Vec<u8>> {
    match take_length(rest)? {
        Length::Plain(length) => {
            let (text, behind) = rest.split_at_checked(length)?;
            *rest = behind;
            Some(text.to_vec())
        }
        Length::Special(3) => {
            let (Length::Plain(packed), Length::Plain(length)) = (take_length(rest)?, take_length(rest)?)
            else {
                return None;
            };
            let (bytes, behind) = rest.split_at_checked(packed)?;
            *rest = behind;
            unpack(bytes, length)
        }
        Length::Special(_) => None,
    }
}

/// LZF: literals, and copies of what came before.
fn unpack(mut bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    if length > TEXT_MAX {
        return None;
    }
    let mut out = Vec::new();
    while let Some((control, rest)) = bytes.split_first() {
        bytes = rest;
        let control = usize::from(*control);
        if control < 32 {
            let (literal, rest) = bytes.split_at_checked(control + 1)?;
            out.extend_from_slice(literal);
            bytes = rest;
        } else {
            let mut count = control >> 5;
            if count == 7 {
                count += usize::from(take::<1>(&mut bytes)?[0]);
            }
            let back = (control & 0x1f) << 8 | usize::from(take::<1>(&mut bytes)?[0]);
            let from = out.len().checked_sub(back + 1)?;
            for at in from..from + count + 2 {
                out.push(out[at]);
            }
        }
        if out.len() > length {
            return None;
        }
    }
    (out.len() == length).then_some(out)
}

/// CRC-64 (Jones), as Redis computes it.
fn crc64(bytes: &[u8]) -> u64 {
    const REFLECTED: u64 = 0x95ac_9329_ac4b_c9b5;
    bytes.iter().fold(0, |crc, byte| {
        (0..8)
            .fold(crc ^ u64::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ REFLECTED } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_reads_back_and_a_damaged_one_does_not() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let long = vec![b'x'; 20_000];
        let payload = encode([&b"one"[..], &[b'y'; 100], &long].into_iter());
        let texts = decode(&payload).expect("whole");
        assert_eq!(texts, [b"one".to_vec(), vec![b'y'; 100], long]);
        for at in 0..payload.len() - 8 {
            let mut damaged = payload.clone();
            damaged[at] ^= 1;
            assert!(decode(&damaged).is_err(), "{at}");
        }
        assert!(decode(b"x").is_err());
    }

    #[test]
    fn what_redis_packed_is_unpacked() {
        assert_eq!(unpack(&[2, b'a', b'b', b'c', 0x20, 2], 6), Some(b"abcabc".to_vec()));
        assert_eq!(unpack(&[0x20, 2], 3), None);
        assert_eq!(unpack(&[2, b'a', b'b', b'c'], 2), None);
    }
}
