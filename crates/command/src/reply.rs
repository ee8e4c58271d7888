//! Replies are written once, as the bytes that the client reads.
//!
//! A handler does not build a tree: it writes RESP2 or RESP3, whichever the connection speaks, into one buffer.
//! Types that RESP2 lacks fall back as in Redis: maps to flat arrays, doubles to bulk strings, booleans to 0 and 1.

use crate::ReplyError;

/// The version of RESP that a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The default until `HELLO 3`.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// Writes one reply (or several, one after the other) in a protocol.
#[derive(Debug)]
pub struct ReplyWriter<'a> {
    buffer: &'a mut Vec<u8>,
    protocol: Protocol,
    /// The buffer is not to grow to this length.
    end: usize,
}

impl<'a> ReplyWriter<'a> {
    /// Appends to `buffer`.
    pub fn new(buffer: &'a mut Vec<u8>, protocol: Protocol) -> ReplyWriter<'a> {
        ReplyWriter { buffer, protocol, end: usize::MAX }
    }

    /// Appends less than so many bytes to `buffer`. What does not fit is left out, and [`ReplyWriter::is_over`] from
    /// then on: what was written is no reply.
    pub fn bounded(buffer: &'a mut Vec<u8>, protocol: Protocol, bytes: usize) -> ReplyWriter<'a> {
        let end = buffer.len().saturating_add(bytes);
        ReplyWriter { buffer, protocol, end }
    }

    /// Makes room for so many bytes at once.
    ///
    /// # Errors
    /// If there is no room for so many.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), ReplyError> {
        if bytes >= self.end.saturating_sub(self.buffer.len()) {
            return Err(ReplyError::REPLY_TOO_LONG);
        }
        self.buffer.reserve(bytes);
        Ok(())
    }

    /// Whether more was written than there was room for.
    pub fn is_over(&self) -> bool {
        self.buffer.len() >= self.end
    }

    /// The protocol replies are written in.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The same buffer in another protocol.
    pub fn in_protocol(&mut self, protocol: Protocol) -> ReplyWriter<'_> {
        ReplyWriter { buffer: self.buffer, protocol, end: self.end }
    }

    /// How many bytes the buffer holds; with [`ReplyWriter::rewind`] a half-written reply is taken back.
    pub fn position(&self) -> usize {
        self.buffer.len()
    }

    /// Drops what was written after `position`.
    pub fn rewind(&mut self, position: usize) {
        self.buffer.truncate(position);
    }

    /// Appends bytes that already are RESP.
    pub fn raw(&mut self, resp: &[u8]) {
        if resp.len() < self.end.saturating_sub(self.buffer.len()) {
            self.buffer.extend_from_slice(resp);
        } else {
            self.buffer.resize(self.end, 0);
        }
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// A simple string; `text` must hold no line break.
    pub fn simple(&mut self, text: &str) {
        self.buffer.push(b'+');
        self.line(text.as_bytes());
    }

    /// An error, as `-CODE text`.
    pub fn error(&mut self, error: &ReplyError) {
        error.write(self.buffer);
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        self.header(b':', value);
    }

    /// A bulk string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.length(b'$', bytes.len());
        self.line(bytes);
    }

    /// A bulk string, or null.
    pub fn bulk_or_null(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// The decimal text of an integer, as a bulk string.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// No value: `$-1` in RESP2, `_` in RESP3.
    pub fn null(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.raw(b"$-1\r\n"),
            Protocol::Resp3 => self.raw(b"_\r\n"),
        }
    }

    /// No array: `*-1` in RESP2, `_` in RESP3.
    pub fn null_array(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.raw(b"*-1\r\n"),
            Protocol::Resp3 => self.raw(b"_\r\n"),
        }
    }

    /// Opens an array; exactly `length` replies must follow.
    pub fn array(&mut self, length: usize) {
        self.length(b'*', length);
    }

    /// Opens a map of `pairs`; twice as many replies must follow.
    pub fn map(&mut self, pairs: usize) {
        match self.protocol {
            Protocol::Resp2 => self.length(b'*', pairs * 2),
            Protocol::Resp3 => self.length(b'%', pairs),
        }
    }

    /// Opens a set; an array in RESP2.
    pub fn set(&mut self, length: usize) {
        match self.protocol {
            Protocol::Resp2 => self.length(b'*', length),
            Protocol::Resp3 => self.length(b'~', length),
        }
    }

    /// Opens a push message; an array in RESP2.
    pub fn push(&mut self, length: usize) {
        match self.protocol {
            Protocol::Resp2 => self.length(b'*', length),
            Protocol::Resp3 => self.length(b'>', length),
        }
    }

    /// A boolean; `:1` and `:0` in RESP2.
    pub fn boolean(&mut self, value: bool) {
        self.raw(match (self.protocol, value) {
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
        });
    }

    /// A double from its text, which the caller formats as Redis would; a bulk string in RESP2.
    pub fn double_text(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.buffer.push(b',');
                self.line(text.as_bytes());
            }
        }
    }

    /// A verbatim string of a three-letter format (`txt`, `mkd`); a bulk string in RESP2.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        debug_assert_eq!(format.len(), 3);
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                self.length(b'=', text.len() + 4);
                self.raw(format.as_bytes());
                self.buffer.push(b':');
                self.line(text);
            }
        }
    }

    fn length(&mut self, kind: u8, length: usize) {
        self.buffer.push(kind);
        self.raw(itoa::Buffer::new().format(length).as_bytes());
        self.raw(b"\r\n");
    }

    fn header(&mut self, kind: u8, value: i64) {
        self.buffer.push(kind);
        self.raw(itoa::Buffer::new().format(value).as_bytes());
        self.raw(b"\r\n");
    }

    fn line(&mut self, bytes: &[u8]) {
        self.raw(bytes);
        self.raw(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_reply_says_when_it_is_over_and_grows_no_further() {
        let mut buffer = b"before".to_vec();
        let mut reply = ReplyWriter::bounded(&mut buffer, Protocol::Resp2, 20);
        reply.bulk(b"fits");
        assert!(!reply.is_over() && reply.reserve(5).is_ok() && reply.reserve(50).is_err());
        reply.in_protocol(Protocol::Resp3).bulk(&[b'x'; 100]);
        reply.bulk(b"more");
        assert!(reply.is_over());
        reply.rewind(6);
        assert!(!reply.is_over());
        assert!(buffer.capacity() < 100);
    }
}
