//! Words of a line that a person typed, with the quotes and escapes that Redis knows.

use std::ops::Range;

/// What may stand between words.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r' | 0)
}

/// What ends a word without quotes: unlike [`is_space`], neither vertical tab nor form feed.
pub fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0)
}

/// The words of a line without their quotes: their bytes, and in `ranges` where in these each stands. `None` if quotes do
/// not match.
pub fn unquote(line: &[u8], ranges: &mut Vec<Range<usize>>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    loop {
        rest = &rest[rest.iter().take_while(|byte| is_space(**byte)).count()..];
        if rest.is_empty() {
            return Some(out);
        }
        let start = out.len();
        rest = word(rest, &mut out)?;
        ranges.push(start..out.len());
    }
}

/// Appends one word; a quote may open anywhere in it, and ends it when it closes.
fn word<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    while let Some((byte, tail)) = rest.split_first() {
        match byte {
            b'"' => return closed(double_quoted(tail, out)?),
            b'\'' => return closed(single_quoted(tail, out)?),
            byte if ends_word(*byte) => return Some(rest),
            byte => out.push(*byte),
        }
        rest = tail;
    }
    Some(rest)
}

/// A closing quote is followed by a space or by nothing.
fn closed(rest: &[u8]) -> Option<&[u8]> {
    match rest.first() {
        Some(byte) if !is_space(*byte) => None,
        _ => Some(rest),
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, tail) = match rest {
            [b'"', tail @ ..] => return Some(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), tail)
            }
            [b'\\', escaped, tail @ ..] => (control(*escaped), tail),
            [byte, tail @ ..] => (*byte, tail),
            [] => return None,
        };
        out.push(byte);
        rest = tail;
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, tail) = match rest {
            [b'\'', tail @ ..] => return Some(tail),
            [b'\\', b'\'', tail @ ..] => (b'\'', tail),
            [byte, tail @ ..] => (*byte, tail),
            [] => return None,
        };
        out.push(byte);
        rest = tail;
    }
}

fn control(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
