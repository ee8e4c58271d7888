//! Commands about sizes: JSON.STRLEN, JSON.ARRLEN, JSON.OBJLEN, JSON.OBJKEYS, JSON.DEBUG MEMORY.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{Found, find, path_or_root, text};
use crate::{
    family::Outcome,
    keyspace::Reader,
    value::json::{Json, Object, path::Path},
};

pub(crate) fn strlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let measure = |value: &Json| match value {
        Json::Text(text) => Some(text.len() as i64),
        _ => None,
    };
    let path = path_or_root(args.get(1))?;
    match find(reader, &args[0], &path)? {
        Found::NoKey if path.is_legacy() => reply.null(),
        Found::NoKey => return Err(ReplyError::JSON_NO_KEY),
        Found::First(value) => {
            let value = value.ok_or_else(|| ReplyError::json_no_path(path.text()))?;
            reply.integer(measure(value).ok_or_else(|| ReplyError::json_wrong_kind("string", value.kind()))?);
        }
        Found::All(values) => reply_with_sizes(&values, measure, reply),
    }
    Ok(())
}

pub(crate) fn arrlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let measure = |value: &Json| match value {
        Json::Array(elements) => Some(elements.len() as i64),
        _ => None,
    };
    let path = path_or_root(args.get(1))?;
    match find(reader, &args[0], &path)? {
        Found::NoKey if path.is_legacy() => reply.null(),
        Found::NoKey => return Err(ReplyError::JSON_NO_KEY),
        Found::First(value) => {
            // It quotes the path as it was sent.
            let sent = args.get(1).map_or(Ok("."), |sent| text(sent))?;
            let value = value.ok_or_else(|| ReplyError::json_no_path(sent))?;
            reply.integer(measure(value).ok_or_else(|| ReplyError::json_no_path_or(sent, "not an array"))?);
        }
        Found::All(values) => reply_with_sizes(&values, measure, reply),
    }
    Ok(())
}

fn reply_with_sizes(values: &[&Json], measure: fn(&Json) -> Option<i64>, reply: &mut ReplyWriter<'_>) {
    reply.array(values.len());
    for value in values {
        match measure(value) {
            Some(size) => reply.integer(size),
            None => reply.null(),
        }
    }
}

pub(crate) fn objlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let wrong_kind = |_: &Path, found: &Json| ReplyError::json_wrong_kind("object", found.kind());
    let no_key = |path: &Path| ReplyError::json_no_path_or(path.text(), "not an object");
    of_objects(reader, args, reply, Refusals { no_key, wrong_kind }, |object, reply| {
        reply.integer(object.len() as i64);
    })
}

pub(crate) fn objkeys(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let wrong_kind = |path: &Path, _: &Json| ReplyError::json_no_path_or(path.text(), "not an object");
    let no_key = |_: &Path| ReplyError::JSON_NO_KEY;
    of_objects(reader, args, reply, Refusals { no_key, wrong_kind }, |object, reply| {
        reply.array(object.len());
        for member in object.iter() {
            reply.bulk(member.name.as_bytes());
        }
    })
}

/// The errors in which JSON.OBJLEN and JSON.OBJKEYS differ.
struct Refusals {
    no_key: fn(&Path) -> ReplyError,
    wrong_kind: fn(&Path, &Json) -> ReplyError,
}

fn of_objects(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    refusals: Refusals,
    write: fn(&Object, &mut ReplyWriter<'_>),
) -> Outcome {
    let path = path_or_root(args.get(1))?;
    match find(reader, &args[0], &path)? {
        Found::NoKey if path.is_legacy() => reply.null(),
        Found::NoKey => return Err((refusals.no_key)(&path)),
        Found::First(None) => reply.null(),
        Found::First(Some(Json::Object(object))) => write(object, reply),
        Found::First(Some(other)) => return Err((refusals.wrong_kind)(&path, other)),
        Found::All(values) => {
            reply.array(values.len());
            for value in values {
                match value {
                    Json::Object(object) => write(object, reply),
                    _ => reply.null(),
                }
            }
        }
    }
    Ok(())
}

pub(crate) fn memory(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let path = path_or_root(args.get(1))?;
    let size = |value: &Json| (size_of::<Json>() + value.heap_size()) as i64;
    match find(reader, &args[0], &path)? {
        Found::NoKey if path.is_legacy() => reply.integer(0),
        Found::NoKey => reply.array(0),
        Found::First(None) => return Err(ReplyError::json_no_path(path.text())),
        Found::First(Some(value)) => reply.integer(size(value)),
        Found::All(values) => {
            reply.array(values.len());
            for value in values {
                reply.integer(size(value));
            }
        }
    }
    Ok(())
}
