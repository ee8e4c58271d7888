//! Requests: multibulk and inline, one command after the other out of a buffer that the caller owns.
//!
//! The parser remembers where it stands inside an incomplete command, so nothing is read twice when more bytes come:
//! a command costs time linear in its length however it is cut. Arguments are ranges into the buffer; only an inline
//! command with quotes is copied, because its escapes must be undone. What Redis accepts is accepted and what it
//! refuses is refused with its text; like Redis, the parser does not look at the two bytes that end a bulk string.

mod inline;

use std::ops::Range;

use meridian_command::ReplyError;
use thiserror::Error;

use crate::number;

/// After a command with more arguments than this, the memory that held their ranges is given back.
const KEPT_SPANS: usize = 1024;
/// Before authentication a command has at most so many arguments,
const UNAUTHENTICATED_ARGS: i64 = 10;
/// and each at most so many bytes.
const UNAUTHENTICATED_BULK: i64 = 16 * 1024;

/// What a connection may send.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one argument (`proto-max-bulk-len`).
    pub bulk: usize,
    /// Arguments of one command.
    pub args: usize,
    /// Bytes of an inline command, or of a header line.
    pub line: usize,
    /// Whether the connection may use them all: before AUTH they are far smaller.
    pub authenticated: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bulk: 64 << 20, args: 1 << 20, line: 64 << 10, authenticated: true }
    }
}

/// The client does not speak RESP; it gets the error and the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    #[error("too big inline request")]
    InlineTooBig,
    #[error("unbalanced quotes in request")]
    UnbalancedQuotes,
    #[error("too big mbulk count string")]
    CountLineTooBig,
    #[error("invalid multibulk length")]
    InvalidCount,
    #[error("unauthenticated multibulk length")]
    UnauthenticatedCount,
    #[error("too big bulk count string")]
    BulkLineTooBig,
    #[error("expected '$', got '{}'", char::from(*.0))]
    ExpectedBulk(u8),
    #[error("invalid bulk length")]
    InvalidBulk,
    #[error("unauthenticated bulk length")]
    UnauthenticatedBulk,
}

impl ProtocolError {
    /// The reply that the client gets.
    pub fn reply(self) -> ReplyError {
        ReplyError::from_text(format!("ERR Protocol error: {self}"))
    }
}

/// How far [`RequestParser::parse`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A command is complete; its arguments can be read until the next call.
    Command,
    /// The buffer ends inside a command, or is empty.
    Incomplete,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Before the first byte of a command.
    #[default]
    Start,
    /// In the line `*n`.
    Count,
    /// In an inline command.
    Inline,
    /// In the line `$n`, with so many arguments still to come, this one included.
    BulkLine { missing: usize },
    /// In an argument of `length` bytes.
    Bulk { missing: usize, length: usize },
    /// The command was handed out.
    Complete,
}

/// Where an argument lies: relative to its command's first byte, or in `unescaped`.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    length: usize,
}

/// Reads the requests of one connection.
///
/// Call [`RequestParser::parse`] until it is [`Progress::Incomplete`], then drop [`RequestParser::take_consumed`] bytes
/// from the front of the buffer and append what the socket has.
#[derive(Clone, Debug, Default)]
pub struct RequestParser {
    stage: Stage,
    /// Offset of the command at hand in the buffer.
    start: usize,
    /// How much of it is understood.
    cursor: usize,
    /// How many bytes after `cursor` are known to hold no line end.
    searched: usize,
    spans: Vec<Span>,
    /// Arguments of an inline command with quotes.
    unescaped: Option<Vec<u8>>,
}

impl RequestParser {
    /// A parser at the beginning of a connection.
    pub fn new() -> RequestParser {
        RequestParser::default()
    }

    /// Goes on to the end of the next command.
    ///
    /// # Errors
    /// If the client does not speak RESP or exceeds `limits`. Later calls give the same error.
    pub fn parse(&mut self, buffer: &[u8], limits: &Limits) -> Result<Progress, ProtocolError> {
        if self.stage == Stage::Complete {
            self.next_command();
        }
        loop {
            let command = buffer.get(self.start..).unwrap_or_default();
            let advanced = match self.stage {
                Stage::Start => match command.first() {
                    None => false,
                    Some(b'*') => {
                        self.stage = Stage::Count;
                        self.cursor = 1;
                        true
                    }
                    Some(_) => {
                        self.stage = Stage::Inline;
                        true
                    }
                },
                Stage::Count => self.count(command, limits)?,
                Stage::Inline => self.inline(command, limits)?,
                Stage::BulkLine { missing } => self.bulk_line(command, missing, limits)?,
                Stage::Bulk { missing, length } => self.bulk(command, missing, length),
                Stage::Complete => return Ok(Progress::Command),
            };
            if !advanced {
                return Ok(Progress::Incomplete);
            }
        }
    }

    /// How many arguments the command has, its name included; at least one.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether no command was parsed yet.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The arguments of the command that [`Progress::Command`] announced, name first. `buffer` is what was parsed.
    pub fn args<'a>(&'a self, buffer: &'a [u8]) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone {
        let bytes = match &self.unescaped {
            Some(unescaped) => unescaped,
            None => buffer.get(self.start..).unwrap_or_default(),
        };
        self.spans.iter().map(|span| &bytes[span.start..span.start + span.length])
    }

    /// Where the whole command lies in the buffer, headers included.
    pub fn span(&self) -> Range<usize> {
        self.start..self.start + self.cursor
    }

    /// How many bytes at least are missing to the end of the argument or line at hand: a hint for the next read.
    pub fn wanted(&self, buffer: &[u8]) -> usize {
        let present = buffer.len().saturating_sub(self.start + self.cursor);
        match self.stage {
            Stage::Bulk { length, .. } => (length + 2).saturating_sub(present),
            _ => 1,
        }
    }

    /// How many bytes at the front of the buffer are done with. The caller must drop exactly these.
    pub fn take_consumed(&mut self) -> usize {
        if self.stage == Stage::Complete {
            self.next_command();
        }
        std::mem::take(&mut self.start)
    }

    fn next_command(&mut self) {
        self.stage = Stage::Start;
        self.start += self.cursor;
        self.cursor = 0;
        self.searched = 0;
        if self.spans.capacity() > KEPT_SPANS {
            self.spans = Vec::new();
        } else {
            self.spans.clear();
        }
        if self.unescaped.is_some() {
            self.unescaped = None;
        }
    }

    /// Reads `n\r\n` after `*`.
    fn count(&mut self, command: &[u8], limits: &Limits) -> Result<bool, ProtocolError> {
        let line = &command[self.cursor..];
        let (count, length) = match number::short(line) {
            Some((count, length)) => (count as i64, length),
            None => match self.line(line, 1, limits, ProtocolError::CountLineTooBig)? {
                None => return Ok(false),
                Some(end) => (number::strict_i64(&line[..end]).ok_or(ProtocolError::InvalidCount)?, end + 2),
            },
        };
        if usize::try_from(count).is_ok_and(|count| count > limits.args) {
            return Err(ProtocolError::InvalidCount);
        }
        if !limits.authenticated && count > UNAUTHENTICATED_ARGS {
            return Err(ProtocolError::UnauthenticatedCount);
        }
        self.cursor += length;
        self.searched = 0;
        match usize::try_from(count) {
            Ok(missing) if missing > 0 => self.stage = Stage::BulkLine { missing },
            // An empty command has no reply.
            _ => self.next_command(),
        }
        Ok(true)
    }

    /// Reads `$n\r\n`.
    fn bulk_line(&mut self, command: &[u8], missing: usize, limits: &Limits) -> Result<bool, ProtocolError> {
        let line = &command[self.cursor..];
        let short = match line.split_first() {
            Some((b'$', digits)) => number::short(digits),
            _ => None,
        };
        let (length, end) = match short {
            Some((length, end)) => (length as i64, end + 1),
            None => match self.line(line, 0, limits, ProtocolError::BulkLineTooBig)? {
                None => return Ok(false),
                Some(end) => match line[..end].split_first() {
                    Some((b'$', digits)) => {
                        (number::strict_i64(digits).ok_or(ProtocolError::InvalidBulk)?, end + 2)
                    }
                    _ => return Err(ProtocolError::ExpectedBulk(line[0])),
                },
            },
        };
        let size = usize::try_from(length).map_err(|_| ProtocolError::InvalidBulk)?;
        if !limits.authenticated && length > UNAUTHENTICATED_BULK {
            return Err(ProtocolError::UnauthenticatedBulk);
        }
        if size > limits.bulk {
            return Err(ProtocolError::InvalidBulk);
        }
        self.cursor += end;
        self.searched = 0;
        self.stage = Stage::Bulk { missing, length: size };
        Ok(true)
    }

    fn bulk(&mut self, command: &[u8], missing: usize, length: usize) -> bool {
        let end = self.cursor + length;
        if command.len() < end + 2 {
            return false;
        }
        self.spans.push(Span { start: self.cursor, length });
        self.cursor = end + 2;
        self.stage = if missing == 1 { Stage::Complete } else { Stage::BulkLine { missing: missing - 1 } };
        true
    }

    fn inline(&mut self, command: &[u8], limits: &Limits) -> Result<bool, ProtocolError> {
        let found = find(b'\n', &command[self.searched..]).map(|at| at + self.searched);
        if found.unwrap_or(command.len()) > limits.line {
            return Err(ProtocolError::InlineTooBig);
        }
        let Some(end) = found else {
            self.searched = command.len();
            return Ok(false);
        };
        let line = command[..end].strip_suffix(b"\r").unwrap_or(&command[..end]);
        self.spans.clear();
        self.unescaped = inline::split(line, &mut self.spans)?;
        self.cursor = end + 1;
        if self.spans.is_empty() {
            self.next_command();
        } else {
            self.stage = Stage::Complete;
        }
        Ok(true)
    }

    /// Finds the CR of a header line, if a byte follows it. `before` is how much of the line stands before `line`.
    fn line(
        &mut self,
        line: &[u8],
        before: usize,
        limits: &Limits,
        too_big: ProtocolError,
    ) -> Result<Option<usize>, ProtocolError> {
        let found = find(b'\r', &line[self.searched..]).map(|at| at + self.searched);
        if found.unwrap_or(line.len()) + before > limits.line {
            return Err(too_big);
        }
        match found {
            Some(end) if line.len() > end + 1 => Ok(Some(end)),
            Some(end) => {
                self.searched = end;
                Ok(None)
            }
            None => {
                self.searched = line.len();
                Ok(None)
            }
        }
    }
}

fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|candidate| *candidate == byte)
}

#[cfg(test)]
mod tests;
