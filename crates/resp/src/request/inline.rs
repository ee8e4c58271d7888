//! Splits a line that a person typed into arguments, with the quotes and escapes that Redis knows.

use super::{ProtocolError, Span};

/// Puts the arguments' spans into `spans`. They lie in `line`, or, if it has quotes, in the bytes returned.
pub(super) fn split(line: &[u8], spans: &mut Vec<Span>) -> Result<Option<Vec<u8>>, ProtocolError> {
    if line.iter().any(|byte| matches!(byte, b'"' | b'\'')) {
        return unescape(line, spans).map(Some);
    }
    let mut at = 0;
    loop {
        at += line[at..].iter().take_while(|byte| is_space(**byte)).count();
        if at == line.len() {
            return Ok(None);
        }
        let length = line[at..].iter().take_while(|byte| !ends_word(**byte)).count();
        spans.push(Span { start: at, length });
        at += length;
    }
}

/// What may stand between words.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r' | 0)
}

/// What ends a word without quotes: unlike [`is_space`], neither vertical tab nor form feed.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0)
}

fn unescape(line: &[u8], spans: &mut Vec<Span>) -> Result<Vec<u8>, ProtocolError> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    loop {
        rest = &rest[rest.iter().take_while(|byte| is_space(**byte)).count()..];
        if rest.is_empty() {
            return Ok(out);
        }
        let start = out.len();
        rest = word(rest, &mut out)?;
        spans.push(Span { start, length: out.len() - start });
    }
}

/// Appends one word; a quote may open anywhere in it, and ends it when it closes.
fn word<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    while let Some((byte, tail)) = rest.split_first() {
        match byte {
            b'"' => return closed(double_quoted(tail, out)?),
            b'\'' => return closed(single_quoted(tail, out)?),
            byte if ends_word(*byte) => return Ok(rest),
            byte => out.push(*byte),
        }
        rest = tail;
    }
    Ok(rest)
}

/// A closing quote is followed by a space or by nothing.
fn closed(rest: &[u8]) -> Result<&[u8], ProtocolError> {
    match rest.first() {
        Some(byte) if !is_space(*byte) => Err(ProtocolError::UnbalancedQuotes),
        _ => Ok(rest),
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        let (byte, tail) = match rest {
            [b'"', tail @ ..] => return Ok(tail),
            [b'\\', b'x', high, low, tail @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), tail)
            }
            [b'\\', escaped, tail @ ..] => (control(*escaped), tail),
            [byte, tail @ ..] => (*byte, tail),
            [] => return Err(ProtocolError::UnbalancedQuotes),
        };
        out.push(byte);
        rest = tail;
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        let (byte, tail) = match rest {
            [b'\'', tail @ ..] => return Ok(tail),
            [b'\\', b'\'', tail @ ..] => (b'\'', tail),
            [byte, tail @ ..] => (*byte, tail),
            [] => return Err(ProtocolError::UnbalancedQuotes),
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
