//! XADD and XTRIM.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter};

use super::{reply_id, syntax};
use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::Writer,
    settings::Settings,
    value::stream::{NewId, NodeLimits, NotAdded, References, Stream, StreamId, Trim, TrimBy},
};

/// Unless told, approximate trimming takes away what so many full nodes hold, at most.
const TRIMMED_NODES: i64 = 100;
/// So many entries where nodes have no limit.
const TRIMMED_WITHOUT_LIMIT: u64 = 10_000;
const TRIMMED_MAX: u64 = 1_000_000;

/// What stands between the key and the fields of XADD, and behind the key of XTRIM.
#[derive(Debug, Default)]
struct Options {
    must_exist: bool,
    references: Option<References>,
    by: Option<TrimBy>,
    is_approximate: bool,
    limit: Option<u64>,
}

impl Options {
    /// Reads options; for XADD up to the id, of which it also returns the position.
    fn read(args: Args<'_>, adding: bool) -> Result<(Options, Option<(NewId, usize)>), ReplyError> {
        let mut options = Options::default();
        let (mut at, mut id) = (1, None);
        while let Some(option) = args.get(at) {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            let more = args.len() - 1 - at;
            if adding && option == b"*" {
                id = Some((NewId::Auto, at));
                break;
            } else if (is(b"MAXLEN") || is(b"MINID")) && more > 0 {
                at = options.strategy(args, at)?;
            } else if is(b"LIMIT") && more > 0 {
                let limit = integer(&args[at + 1])?;
                options.limit = Some(u64::try_from(limit).map_err(|_| ReplyError::STREAM_LIMIT_NEGATIVE)?);
                at += 1;
            } else if adding && is(b"NOMKSTREAM") {
                options.must_exist = true;
            } else if let Some(references) = syntax::references(option) {
                if options.references.replace(references).is_some() {
                    return Err(ReplyError::SYNTAX);
                }
            } else if adding {
                id = Some((NewId::parse(option, 0).ok_or(ReplyError::STREAM_ID)?, at));
                break;
            } else {
                return Err(ReplyError::SYNTAX);
            }
            at += 1;
        }
        options.check(adding)?;
        Ok((options, id))
    }

    /// Reads `MAXLEN|MINID [=|~] threshold` and returns where the threshold stands.
    fn strategy(&mut self, args: Args<'_>, at: usize) -> Result<usize, ReplyError> {
        if self.by.is_some() {
            return Err(ReplyError::STREAM_TWO_STRATEGIES);
        }
        let has_operator = args.len() - 1 - at >= 2 && [&b"~"[..], b"="].contains(&&args[at + 1]);
        self.is_approximate = has_operator && &args[at + 1] == b"~";
        let threshold_at = at + 1 + usize::from(has_operator);
        let threshold = &args[threshold_at];
        self.by = Some(if args[at].eq_ignore_ascii_case(b"MAXLEN") {
            let length = integer(threshold)?;
            TrimBy::Length(u64::try_from(length).map_err(|_| ReplyError::STREAM_LENGTH_NEGATIVE)?)
        } else {
            TrimBy::Id(syntax::id(threshold)?)
        });
        Ok(threshold_at)
    }

    fn check(&self, adding: bool) -> Outcome {
        let limits = self.limit.is_some_and(|limit| limit > 0);
        match self.by {
            None if limits => Err(ReplyError::STREAM_LIMIT_ALONE),
            None if !adding => Err(ReplyError::STREAM_NO_STRATEGY),
            _ if self.limit.is_some() && !self.is_approximate => Err(ReplyError::STREAM_LIMIT_EXACT),
            _ => Ok(()),
        }
    }

    /// How to trim, if at all.
    fn trim(&self, settings: &Settings) -> Option<Trim> {
        let of_nodes = settings.stream_node_max_entries.saturating_mul(TRIMMED_NODES);
        let usual = match u64::try_from(of_nodes) {
            Ok(0) | Err(_) => TRIMMED_WITHOUT_LIMIT,
            Ok(entries) => entries.min(TRIMMED_MAX),
        };
        let limit = if self.is_approximate { self.limit.unwrap_or(usual) } else { 0 };
        Some(Trim {
            by: self.by?,
            is_approximate: self.is_approximate,
            limit,
            references: self.references.unwrap_or_default(),
        })
    }
}

impl From<NotAdded> for ReplyError {
    fn from(reason: NotAdded) -> ReplyError {
        match reason {
            NotAdded::Exhausted => ReplyError::STREAM_EXHAUSTED,
            NotAdded::TooSmall => ReplyError::STREAM_ID_TOO_SMALL,
            NotAdded::TooLarge => ReplyError::STREAM_ENTRY_TOO_LARGE,
        }
    }
}

pub(crate) fn xadd(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (options, id) = Options::read(args, true)?;
    let arity = || ReplyError::wrong_arity(EngineCommand::Xadd.spec());
    let (id, at) = id.ok_or_else(arity)?;
    let (pairs, odd) = args.as_slice().get(at + 1..).unwrap_or_default().as_chunks::<2>();
    if pairs.is_empty() || !odd.is_empty() {
        return Err(arity());
    }
    if id == NewId::Exactly(StreamId::MIN) {
        return Err(ReplyError::STREAM_ID_ZERO);
    }
    let (key, now_ms) = (writer.key(&args[0]), writer.time_ms());
    match writer.collection::<Box<Stream>>(key)? {
        None if options.must_exist => {
            reply.null();
            return Ok(());
        }
        // A stream that only an entry would make is not made for one that is refused.
        None if Stream::is_too_large(pairs) => return Err(ReplyError::STREAM_ENTRY_TOO_LARGE),
        _ => {}
    }
    let added = writer.change_or_make_if(key, |stream: &mut Box<Stream>, settings| {
        let added = stream.add(id, pairs, now_ms, NodeLimits::of(settings)).map(|id| {
            let trimmed = options.trim(settings).map_or(0, |trim| stream.trim(trim));
            (id, trimmed)
        });
        let is_added = added.is_ok();
        (added, is_added)
    })?;
    let (id, trimmed) = added?;
    reply_id(id, reply);
    writer.event(EventClass::Stream, "xadd", key);
    if trimmed > 0 {
        writer.event(EventClass::Stream, "xtrim", key);
    }
    Ok(())
}

pub(crate) fn xtrim(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (options, _) = Options::read(args, false)?;
    let key = writer.key(&args[0]);
    let removed = writer.change_if(key, |stream: &mut Box<Stream>, settings| {
        let removed = options.trim(settings).map_or(0, |trim| stream.trim(trim));
        (removed, removed > 0)
    })?;
    let removed = removed.unwrap_or(0);
    if removed > 0 {
        writer.event(EventClass::Stream, "xtrim", key);
    }
    reply.integer(removed as i64);
    Ok(())
}
