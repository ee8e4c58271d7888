//! Errors that a client sees. Every text stands here and nowhere else.

use std::borrow::Cow;

/// An error reply: a code and Redis' exact text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyError(Cow<'static, str>);

impl ReplyError {
    /// From the whole line without `-`, code first: `ERR syntax error`.
    pub const fn new(line: &'static str) -> ReplyError {
        ReplyError(Cow::Borrowed(line))
    }

    /// From a line made at run time. Line breaks become spaces, so that a reply stays one line.
    pub fn from_text(line: impl Into<String>) -> ReplyError {
        let mut line = line.into();
        if line.contains(['\r', '\n']) {
            line = line.replace(['\r', '\n'], " ");
        }
        ReplyError(Cow::Owned(line))
    }

    /// The line without `-` and line end.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The first word: `ERR`, `WRONGTYPE`, `MOVED`.
    pub fn code(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    /// Appends the error as RESP.
    pub fn write(&self, buffer: &mut Vec<u8>) {
        buffer.push(b'-');
        buffer.extend_from_slice(self.0.as_bytes());
        buffer.extend_from_slice(b"\r\n");
    }

    /// An operation against a key that holds another type.
    pub const WRONG_TYPE: ReplyError =
        ReplyError::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// Options that do not go together, or are unknown.
    pub const SYNTAX: ReplyError = ReplyError::new("ERR syntax error");
    /// A text that is no 64-bit integer.
    pub const NOT_AN_INTEGER: ReplyError = ReplyError::new("ERR value is not an integer or out of range");
    /// A text that is no float.
    pub const NOT_A_FLOAT: ReplyError = ReplyError::new("ERR value is not a valid float");
    /// Keys of one command that live on several shards.
    pub const CROSS_SLOT: ReplyError = ReplyError::new("CROSSSLOT Keys in request don't hash to the same slot");
}
