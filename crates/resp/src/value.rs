//! Replies as values, for whoever is a client: tests, tools, the status command.
//!
//! `redis-protocol` decodes the leaves. Aggregates are opened here, because its decoder recurses without a limit and
//! loses the order of a map. A reply of either protocol is understood.

use bytes::{Buf, Bytes};
use redis_protocol::resp3::{decode::complete::decode_bytes, types::BytesFrame};

use crate::{
    Malformed,
    reply::{Header, reply_length},
};

/// Replies of Redis nest at most a handful deep.
const DEPTH_MAX: usize = 64;

/// A decoded reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Simple(Bytes),
    Error(String),
    Integer(i64),
    Bulk(Bytes),
    Array(Vec<Value>),
    /// Pairs in the order of the reply.
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    Double(f64),
    Boolean(bool),
    BigNumber(Bytes),
    Verbatim(Bytes),
}

impl Value {
    /// The text of a string of any kind, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Simple(bytes) | Value::Bulk(bytes) | Value::Verbatim(bytes) => {
                std::str::from_utf8(bytes).ok()
            }
            Value::Error(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements of an array, set or push message.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(values) | Value::Set(values) | Value::Push(values) => Some(values),
            _ => None,
        }
    }
}

/// Decodes the reply that `buffer` begins with, and says how long it is; `None` if it is not complete.
///
/// # Errors
/// If the bytes are no reply, or one that is nested absurdly deep.
pub fn decode(buffer: &Bytes) -> Result<Option<(Value, usize)>, Malformed> {
    let Some(length) = reply_length(buffer)? else { return Ok(None) };
    let mut rest = buffer.slice(..length);
    Ok(Some((take(&mut rest, 0)?, length)))
}

/// Appends a request as clients send it.
pub fn write_command<'a>(buffer: &mut Vec<u8>, args: impl ExactSizeIterator<Item = &'a [u8]>) {
    buffer.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args {
        buffer.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        buffer.extend_from_slice(arg);
        buffer.extend_from_slice(b"\r\n");
    }
}

/// Takes one complete value off the front of `rest`.
fn take(rest: &mut Bytes, depth: usize) -> Result<Value, Malformed> {
    let header = Header::read(rest)?.ok_or(Malformed)?;
    if header.null() {
        rest.advance(header.length());
        return Ok(Value::Null);
    }
    let kind = *rest.first().ok_or(Malformed)?;
    if !matches!(kind, b'*' | b'~' | b'>' | b'%' | b'|') {
        if rest.len() < header.length() {
            return Err(Malformed);
        }
        let leaf = rest.split_to(header.length());
        return from_leaf(decode_bytes(&leaf).map_err(|_| Malformed)?.ok_or(Malformed)?.0);
    }
    if depth == DEPTH_MAX {
        return Err(Malformed);
    }
    rest.advance(header.length());
    let children = (0..header.children()).map(|_| take(rest, depth + 1)).collect::<Result<Vec<_>, _>>()?;
    Ok(match kind {
        b'*' => Value::Array(children),
        b'~' => Value::Set(children),
        b'>' => Value::Push(children),
        b'%' => {
            let mut halves = children.into_iter();
            let mut pairs = Vec::with_capacity(halves.len() / 2);
            while let (Some(key), Some(value)) = (halves.next(), halves.next()) {
                pairs.push((key, value));
            }
            Value::Map(pairs)
        }
        // An attribute: what it says is dropped, the value it describes follows.
        _ => take(rest, depth + 1)?,
    })
}

fn from_leaf(frame: BytesFrame) -> Result<Value, Malformed> {
    Ok(match frame {
        BytesFrame::BlobString { data, .. } => Value::Bulk(data),
        BytesFrame::BlobError { data, .. } => Value::Error(String::from_utf8_lossy(&data).into_owned()),
        BytesFrame::SimpleString { data, .. } => Value::Simple(data),
        BytesFrame::SimpleError { data, .. } => Value::Error(data.to_string()),
        BytesFrame::Boolean { data, .. } => Value::Boolean(data),
        BytesFrame::Null => Value::Null,
        BytesFrame::Number { data, .. } => Value::Integer(data),
        BytesFrame::Double { data, .. } => Value::Double(data),
        BytesFrame::BigNumber { data, .. } => Value::BigNumber(data),
        BytesFrame::VerbatimString { data, .. } => Value::Verbatim(data),
        _ => return Err(Malformed),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &'static [u8]) -> Value {
        let buffer = Bytes::from_static(bytes);
        let (value, length) = decode(&buffer).expect("well formed").expect("complete");
        assert_eq!(length, bytes.len());
        value
    }

    #[test]
    fn both_protocols_are_decoded() {
        let bulk = |text: &'static str| Value::Bulk(Bytes::from_static(text.as_bytes()));
        assert_eq!(
            decoded(b"*4\r\n:1\r\n$1\r\nx\r\n$-1\r\n-ERR no\r\n"),
            Value::Array(vec![Value::Integer(1), bulk("x"), Value::Null, Value::Error("ERR no".into())]),
        );
        assert_eq!(decoded(b"*-1\r\n"), Value::Null);
        assert_eq!(
            decoded(b"%2\r\n$1\r\nb\r\n#t\r\n$1\r\na\r\n~2\r\n,1.5\r\n_\r\n"),
            Value::Map(vec![
                (bulk("b"), Value::Boolean(true)),
                (bulk("a"), Value::Set(vec![Value::Double(1.5), Value::Null])),
            ]),
        );
        assert_eq!(decoded(b"=7\r\ntxt:abc\r\n"), Value::Verbatim(Bytes::from_static(b"abc")));
    }

    #[test]
    fn deep_nesting_is_refused_before_it_is_decoded() {
        let mut bytes = b"*1\r\n".repeat(200_000);
        bytes.extend_from_slice(b":1\r\n");
        assert_eq!(decode(&Bytes::from(bytes)), Err(Malformed));
        let mut bytes = b"*1\r\n".repeat(DEPTH_MAX);
        bytes.extend_from_slice(b":1\r\n");
        assert!(decode(&Bytes::from(bytes)).is_ok_and(|value| value.is_some()));
    }

    #[test]
    fn a_request_is_written_as_multibulk() {
        let mut buffer = Vec::new();
        write_command(&mut buffer, [&b"GET"[..], b"k"].into_iter());
        assert_eq!(buffer, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in "[*%~$:+_|0-9a\r\n-]{0,60}") {
            let buffer = Bytes::from(bytes.into_bytes());
            let _ = decode(&buffer);
        }
    }
}
