//! Commands that compare a value, or its digest, before they do something: DELEX, and the conditions of SET; DIGEST.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter};
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::{Key, Reader, Writer},
};

/// How many hexadecimal digits a digest has.
const DIGEST_DIGITS: usize = 16;

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// `IFEQ`, `IFNE`.
    Value,
    /// `IFDEQ`, `IFDNE`.
    Digest,
}

/// What a value must equal, or must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comparison<'a> {
    by: By,
    equal: bool,
    text: &'a [u8],
}

impl<'a> Comparison<'a> {
    /// The comparison of an option's name with what follows it.
    pub(super) fn of(option: &[u8], text: &'a [u8]) -> Option<Comparison<'a>> {
        const NAMES: [(&[u8], By, bool); 4] = [
            (b"IFEQ", By::Value, true),
            (b"IFNE", By::Value, false),
            (b"IFDEQ", By::Digest, true),
            (b"IFDNE", By::Digest, false),
        ];
        let found = NAMES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(option));
        found.map(|(_, by, equal)| Comparison { by: *by, equal: *equal, text })
    }

    /// Whether both are the same option.
    pub(super) fn is_like(self, other: Comparison<'_>) -> bool {
        self.by == other.by && self.equal == other.equal
    }

    /// What holds for a key that is absent.
    pub(super) fn holds_without(self) -> bool {
        !self.equal
    }

    /// Whether it holds for a value.
    pub(super) fn holds(self, value: &[u8]) -> Result<bool, ReplyError> {
        let same = match self.by {
            By::Value => value == self.text,
            By::Digest if self.text.len() != DIGEST_DIGITS => return Err(ReplyError::DIGEST_LENGTH),
            By::Digest => digest_of(value).as_bytes().eq_ignore_ascii_case(self.text),
        };
        Ok(same == self.equal)
    }
}

/// XXH3, as hexadecimal digits.
fn digest_of(value: &[u8]) -> String {
    format!("{:016x}", xxh3_64(value))
}

pub(crate) fn digest(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let digest = reader.string(&args[0])?.map(digest_of);
    reply.bulk_or_null(digest.as_deref().map(str::as_bytes));
    Ok(())
}

pub(crate) fn delex(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let condition = match *args.as_slice() {
        [_] => None,
        [_, option, text] => Some((option, text)),
        _ => return Err(ReplyError::wrong_arity(EngineCommand::Delex.spec())),
    };
    let deletes = match condition {
        None => true,
        Some((option, text)) => holds_for(writer, key, option, text)?,
    };
    let deleted = deletes && writer.delete(key);
    if deleted {
        writer.event(EventClass::Generic, "del", key);
    }
    reply.integer(i64::from(deleted));
    Ok(())
}

fn holds_for(writer: &mut Writer<'_>, key: Key<'_>, option: &[u8], text: &[u8]) -> Result<bool, ReplyError> {
    match writer.string(key) {
        Err(_) => Err(ReplyError::DELEX_NO_STRING),
        Ok(None) => Ok(false),
        Ok(Some(value)) => Comparison::of(option, text).ok_or(ReplyError::DELEX_CONDITION)?.holds(value),
    }
}
