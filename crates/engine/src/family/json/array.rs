//! Commands on arrays: JSON.ARRAPPEND, JSON.ARRINSERT, JSON.ARRPOP, JSON.ARRTRIM, JSON.ARRINDEX.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter};

use super::{
    Found, change_each, find, integer, operand, path, path_or_root, reply_with_changes, text, value,
};
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::{Reader, Writer},
    value::json::Json,
};

/// What legacy paths are told that lead to no array.
const NOTHING: &str = "not an array";

pub(crate) fn arrappend(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    insert(writer, args, reply, None, args.from(2), "json.arrappend")
}

pub(crate) fn arrinsert(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let index = integer(&args[2])?;
    insert(writer, args, reply, Some(index), args.from(3), "json.arrinsert")
}

/// Puts values before an index, or at the end.
fn insert(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    index: Option<i64>,
    texts: Args<'_>,
    event: &'static str,
) -> Outcome {
    let values = texts.iter().map(value).collect::<Result<Vec<Json>, ReplyError>>()?;
    let (key, path) = (writer.key(&args[0]), path(&args[1])?);
    let depth = values.iter().map(Json::depth).max().unwrap_or(0);
    let position = |length: usize| match index {
        None => Some(length),
        Some(index) if index < 0 => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
        Some(index) => usize::try_from(index).ok().filter(|position| *position <= length),
    };
    let lengths = change_each(
        writer,
        key,
        &path,
        |value, location| match value {
            Json::Array(elements) if position(elements.len()).is_none() => Err(ReplyError::JSON_INDEX),
            Json::Array(_) if location.len() + 1 + depth > crate::value::json::DEPTH_MAX => {
                Err(ReplyError::JSON_TOO_DEEP)
            }
            _ => Ok(()),
        },
        |document, location| {
            let Some(Json::Array(elements)) = document.root().at(location) else { return None };
            let position = position(elements.len())?;
            document.insert(location, position, &values)
        },
    )?;
    if lengths.iter().any(Option::is_some) {
        writer.event(EventClass::Module, event, key);
    }
    // JSON.ARRAPPEND quotes the path as it was sent.
    let quoted = if index.is_none() { text(&args[1])? } else { path.text() };
    reply_with_changes(lengths, &path, quoted, NOTHING, reply, |reply, length| reply.integer(length as i64))
}

pub(crate) fn arrpop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let path = path_or_root(args.get(1))?;
    // What is no index means the last, as if there were none.
    let index = args.get(2).and_then(|index| integer(index).ok()).unwrap_or(-1);
    let popped = change_each(
        writer,
        key,
        &path,
        |_, _| Ok(()),
        |document, location| {
            let Some(Json::Array(elements)) = document.root().at(location) else { return None };
            // An index past either end means that end.
            let last = elements.len().saturating_sub(1) as i64;
            let position = if index < 0 { (elements.len() as i64).saturating_add(index) } else { index };
            Some(document.pop(location, position.clamp(0, last) as usize))
        },
    )?;
    if popped.iter().flatten().any(Option::is_some) {
        writer.event(EventClass::Module, "json.arrpop", key);
    }
    reply_with_changes(popped, &path, path.text(), NOTHING, reply, |reply, popped| match popped {
        Some(popped) => reply.bulk(&popped.text()),
        None => reply.null(),
    })
}

pub(crate) fn arrtrim(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (start, stop) = (integer(&args[2])?, integer(&args[3])?);
    let (key, path) = (writer.key(&args[0]), path(&args[1])?);
    let lengths = change_each(
        writer,
        key,
        &path,
        |_, _| Ok(()),
        |document, location| {
            let Some(Json::Array(elements)) = document.root().at(location) else { return None };
            document.trim(location, kept(start, stop, elements.len()))
        },
    )?;
    if lengths.iter().any(Option::is_some) {
        writer.event(EventClass::Module, "json.arrtrim", key);
    }
    reply_with_changes(lengths, &path, path.text(), NOTHING, reply, |reply, length| {
        reply.integer(length as i64);
    })
}

/// The elements that JSON.ARRTRIM keeps.
fn kept(start: i64, stop: i64, length: usize) -> std::ops::Range<usize> {
    let length = length as i64;
    let from_either_end = |index: i64| if index < 0 { length.saturating_add(index).max(0) } else { index };
    let (start, stop) = (from_either_end(start), from_either_end(stop).min(length - 1));
    if start >= length || start > stop { 0..0 } else { start as usize..stop as usize + 1 }
}

pub(crate) fn arrindex(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if args.len() > 5 {
        return Err(ReplyError::wrong_arity(EngineCommand::JsonArrindex.spec()));
    }
    let start = args.get(3).map_or(Ok(0), integer)?;
    let stop = args.get(4).map_or(Ok(0), integer)?;
    let wanted = operand(&args[2])?;
    let path = path(&args[1])?;
    let place = |value: &Json| match value {
        Json::Array(elements) => Some(index_of(elements, &wanted, start, stop)),
        _ => None,
    };
    match find(reader, &args[0], &path)? {
        Found::NoKey => return Err(ReplyError::json_no_path(text(&args[1])?)),
        Found::First(value) => {
            let value = value.ok_or_else(|| ReplyError::json_no_path(path.text()))?;
            reply.integer(place(value).ok_or_else(|| ReplyError::json_wrong_kind("array", value.kind()))?);
        }
        Found::All(values) => {
            reply.array(values.len());
            for value in values {
                match place(value) {
                    Some(place) => reply.integer(place),
                    None => reply.null(),
                }
            }
        }
    }
    Ok(())
}

/// Where a value first stands from `start` up to before `stop`, which is the end if it is 0; -1 if it does not.
fn index_of(elements: &[Json], wanted: &Json, start: i64, stop: i64) -> i64 {
    let length = elements.len() as i64;
    let from_either_end =
        |index: i64| if index < 0 { length.saturating_add(index).max(0) } else { index.min(length) };
    let start = from_either_end(start).min((length - 1).max(0)) as usize;
    let stop = if stop == 0 { elements.len() } else { from_either_end(stop) as usize };
    let range = elements.get(start..stop).unwrap_or_default();
    range.iter().position(|element| element == wanted).map_or(-1, |place| (start + place) as i64)
}
