//! What arguments of several stream commands look like.

use meridian_command::{Args, ReplyError, number::parse_i64};

use crate::{
    family::integer,
    value::stream::{References, StreamId},
};

/// An id; `ms` alone stands for `ms-0`.
pub(super) fn id(text: &[u8]) -> Result<StreamId, ReplyError> {
    StreamId::parse(text, 0).ok_or(ReplyError::STREAM_ID)
}

/// Several ids: all of them must be good before anything is done.
pub(super) fn ids(args: Args<'_>) -> Result<Vec<StreamId>, ReplyError> {
    args.iter().map(id).collect()
}

/// An id, `-` or `+`. A number that is missing becomes `missing_seq`.
fn bound(text: &[u8], missing_seq: u64) -> Result<StreamId, ReplyError> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        text => StreamId::parse(text, missing_seq).ok_or(ReplyError::STREAM_ID),
    }
}

/// The first id of a range; `(` leaves the id itself out.
pub(super) fn start(text: &[u8]) -> Result<StreamId, ReplyError> {
    match text {
        [b'(', open @ ..] if !open.is_empty() => id(open)?.next().ok_or(ReplyError::STREAM_START),
        text => bound(text, 0),
    }
}

/// The last id of a range; `(` leaves the id itself out.
pub(super) fn end(text: &[u8]) -> Result<StreamId, ReplyError> {
    match text {
        [b'(', open @ ..] if !open.is_empty() => {
            let id = StreamId::parse(open, u64::MAX).ok_or(ReplyError::STREAM_ID)?;
            id.previous().ok_or(ReplyError::STREAM_END)
        }
        text => bound(text, u64::MAX),
    }
}

/// A count that means none if it is negative.
pub(super) fn count(text: &[u8]) -> Result<usize, ReplyError> {
    Ok(usize::try_from(integer(text)?).unwrap_or(0))
}

/// KEEPREF, DELREF or ACKED.
pub(super) fn references(word: &[u8]) -> Option<References> {
    let named =
        [(&b"KEEPREF"[..], References::Keep), (b"DELREF", References::Delete), (b"ACKED", References::Acked)];
    named.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, references)| references)
}

/// `[KEEPREF | DELREF | ACKED] IDS count id [id ...]`, in any order.
pub(super) fn counted_ids(args: Args<'_>) -> Result<(References, Vec<StreamId>), ReplyError> {
    let (mut chosen, mut found) = (None, None);
    let mut at = 0;
    while let Some(word) = args.get(at) {
        at += 1;
        if let Some(word) = references(word) {
            if chosen.replace(word).is_some() {
                return Err(ReplyError::SYNTAX);
            }
        } else if word.eq_ignore_ascii_case(b"IDS") && at < args.len() && found.is_none() {
            let count = parse_i64(&args[at]).and_then(|count| usize::try_from(count).ok());
            let count = count.filter(|count| *count > 0).ok_or(ReplyError::ID_COUNT)?;
            if count > args.len() - at - 1 {
                return Err(ReplyError::ID_COUNT_MISMATCH);
            }
            found = Some(ids(Args::new(&args.as_slice()[at + 1..at + 1 + count]))?);
            at += 1 + count;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    Ok((chosen.unwrap_or_default(), found.ok_or(ReplyError::SYNTAX)?))
}
