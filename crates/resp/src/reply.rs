//! Finds where replies end and where the elements of an aggregate lie, without decoding them.
//!
//! No recursion and no allocation: what is still to come inside nested aggregates is one number.

use std::fmt;

use crate::number;

/// The bytes are no RESP reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("malformed RESP reply")
    }
}

impl std::error::Error for Malformed {}

/// Follows one reply through a growing buffer and remembers where it stands.
#[derive(Clone, Copy, Debug)]
pub struct ReplyScanner {
    /// Where the next header begins.
    cursor: usize,
    /// How many values are still to come; the reply is complete at zero.
    outstanding: u64,
}

impl Default for ReplyScanner {
    fn default() -> ReplyScanner {
        ReplyScanner { cursor: 0, outstanding: 1 }
    }
}

impl ReplyScanner {
    /// At the beginning of a reply.
    pub fn new() -> ReplyScanner {
        ReplyScanner::default()
    }

    /// Goes on in `buffer`, which begins where the reply does; yields its length once it is complete.
    ///
    /// # Errors
    /// If the bytes are no reply.
    pub fn scan(&mut self, buffer: &[u8]) -> Result<Option<usize>, Malformed> {
        while self.outstanding > 0 {
            let Some(rest) = buffer.get(self.cursor..) else { return Ok(None) };
            let Some(header) = Header::read(rest)? else { return Ok(None) };
            self.cursor = self.cursor.checked_add(header.length).ok_or(Malformed)?;
            // An attribute stands before the value it describes, so it does not count as one.
            let done = u64::from(!header.attribute);
            self.outstanding = (self.outstanding - done).checked_add(header.children).ok_or(Malformed)?;
        }
        Ok((self.cursor <= buffer.len()).then_some(self.cursor))
    }
}

/// The length of the reply that `buffer` begins with, or `None` if it is not complete.
///
/// # Errors
/// If the bytes are no reply.
pub fn reply_length(buffer: &[u8]) -> Result<Option<usize>, Malformed> {
    ReplyScanner::new().scan(buffer)
}

/// The elements of a complete array, set, push or map (keys and values in turn), as the bytes of each. `None` if the
/// reply is anything else, null included.
pub fn elements(reply: &[u8]) -> Option<Elements<'_>> {
    let header = Header::read(reply).ok()??;
    if !matches!(reply.first(), Some(b'*' | b'~' | b'>' | b'%')) || header.null {
        return None;
    }
    Some(Elements { rest: reply.get(header.length..)?, left: header.children })
}

/// Iterates over the elements of an aggregate; ends early where the bytes are malformed.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: &'a [u8],
    left: u64,
}

impl Elements<'_> {
    /// How many elements the aggregate says are left.
    pub fn left(&self) -> u64 {
        self.left
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.left == 0 {
            return None;
        }
        let length = reply_length(self.rest).ok()??;
        let (element, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.left -= 1;
        Some(element)
    }
}

/// What one header line says.
pub(crate) struct Header {
    /// Bytes of the line, and of the blob after it.
    length: usize,
    /// How many values follow inside.
    children: u64,
    attribute: bool,
    /// `$-1` or `*-1`.
    null: bool,
}

impl Header {
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn children(&self) -> u64 {
        self.children
    }

    pub(crate) fn null(&self) -> bool {
        self.null
    }

    /// Reads the header at the front of `bytes`, or `None` if its line is not complete.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
        let Some((kind, line)) = bytes.split_first() else { return Ok(None) };
        let declared = match kind {
            b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => None,
            b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' | b'|' => Some(()),
            _ => return Err(Malformed),
        };
        let (declared, end) = match (declared, number::short(line)) {
            (Some(()), Some((length, end))) => (length as i64, end),
            (declared, _) => {
                let Some(at) = line.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
                let value = match declared {
                    Some(()) => number::strict_i64(&line[..at]).ok_or(Malformed)?,
                    None => 0,
                };
                (value, at + 2)
            }
        };
        let line_length = end + 1;
        let simple = Header { length: line_length, children: 0, attribute: false, null: false };
        if declared < 0 {
            let null = declared == -1 && matches!(kind, b'$' | b'*');
            return if null { Ok(Some(Header { null, ..simple })) } else { Err(Malformed) };
        }
        let count = declared.unsigned_abs();
        let header = match kind {
            b'$' | b'!' | b'=' => {
                let blob = usize::try_from(declared).ok().and_then(|size| size.checked_add(line_length + 2));
                Header { length: blob.ok_or(Malformed)?, ..simple }
            }
            b'*' | b'~' | b'>' => Header { children: count, ..simple },
            b'%' | b'|' => {
                let children = count.checked_mul(2).ok_or(Malformed)?;
                Header { children, attribute: *kind == b'|', ..simple }
            }
            _ => simple,
        };
        Ok(Some(header))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPLIES: &[&[u8]] = &[
        b"+OK\r\n",
        b"-ERR no\r\n",
        b":12\r\n",
        b"$-1\r\n",
        b"$3\r\na\rb\r\n",
        b"$0\r\n\r\n",
        b"*-1\r\n",
        b"*0\r\n",
        b"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n",
        b"_\r\n",
        b"#t\r\n",
        b",1.5\r\n",
        b"(123456789012345678901234567890\r\n",
        b"!5\r\nERR x\r\n",
        b"=7\r\ntxt:abc\r\n",
        b"%1\r\n+a\r\n~2\r\n:1\r\n:2\r\n",
        b">2\r\n+pubsub\r\n_\r\n",
        b"|1\r\n+ttl\r\n:9\r\n*1\r\n+x\r\n",
    ];

    #[test]
    fn the_end_is_found_at_every_split() {
        for reply in REPLIES {
            let mut scanner = ReplyScanner::new();
            for end in 0..reply.len() {
                assert_eq!(reply_length(&reply[..end]), Ok(None), "{reply:?} cut at {end}");
                assert_eq!(scanner.scan(&reply[..end]), Ok(None));
            }
            let followed = [reply, &b"+next\r\n"[..]].concat();
            assert_eq!(reply_length(&followed), Ok(Some(reply.len())), "{reply:?}");
            assert_eq!(scanner.scan(&followed), Ok(Some(reply.len())));
        }
    }

    #[test]
    fn elements_are_the_bytes_of_each() {
        let array = b"*3\r\n:1\r\n*2\r\n+a\r\n+b\r\n$1\r\nx\r\n";
        let parts: Vec<&[u8]> = elements(array).expect("an array").collect();
        assert_eq!(parts, [&b":1\r\n"[..], b"*2\r\n+a\r\n+b\r\n", b"$1\r\nx\r\n"]);
        assert_eq!(elements(b"%1\r\n+a\r\n:1\r\n").expect("a map").count(), 2);
        for reply in [&b"*-1\r\n"[..], b"$2\r\nab\r\n", b"-ERR\r\n", b""] {
            assert!(elements(reply).is_none());
        }
    }

    #[test]
    fn hostile_replies_are_malformed_or_just_wait() {
        let nested = b"*1\r\n".repeat(200_000);
        assert_eq!(reply_length(&nested), Ok(None));
        for reply in
            [&b"*-2\r\n"[..], b"%-1\r\n", b"$x\r\n", b"?1\r\n", b"$?\r\n", b"$99999999999999999999\r\n"]
        {
            assert_eq!(reply_length(reply), Err(Malformed), "{reply:?}");
        }
        assert_eq!(reply_length(b"$9223372036854775807\r\n"), Ok(None));
        let huge = b"%9223372036854775807\r\n".repeat(3);
        assert_eq!(reply_length(&huge), Err(Malformed));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = reply_length(&bytes);
            let _ = elements(&bytes).map(Iterator::count);
        }
    }
}
