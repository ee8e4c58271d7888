//! Commands about sizes: JSON.STRLEN, JSON.ARRLEN, JSON.OBJLEN, JSON.OBJKEYS, JSON.DEBUG MEMORY.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter};

use super::{Found, at_most, find, path_or_root};
use crate::{
    family::Outcome,
    keyspace::Reader,
    value::json::{Json, Object},
};

pub(crate) fn strlen(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    at_most(args, 2, EngineCommand::JsonStrlen)?;
    let measure = |value: &Json| match value {
        Json::Text(text) => Some(text.len() as i64),
        _ => None,
    };
    let path = path_or_root(args.get(1), reply.protocol())?;
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
    at_most(args, 2, EngineCommand::JsonArrlen)?;
    let measure = |value: &Json| match value {
        Json::Array(elements) => Some(elements.len() as i64),
        _ => None,
    };
    let path = path_or_root(args.get(1), reply.protocol())?;
    match find(reader, &args[0], &path)? {
        Found::NoKey if path.is_legacy() => reply.null(),
        Found::NoKey => return Err(ReplyError::JSON_NO_KEY),
        Found::First(value) => {
            let length = value.and_then(measure);
            reply.integer(length.ok_or_else(|| ReplyError::json_no_path_or(path.text(), "not an array"))?);
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
    at_most(args, 2, EngineCommand::JsonObjlen)?;
    of_objects(reader, args, reply, |object, reply| reply.integer(object.len() as i64))
}

pub(crate) fn objkeys(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    at_most(args, 2, EngineCommand::JsonObjkeys)?;
    of_objects(reader, args, reply, |object, reply| {
        reply.array(object.len());
        for member in object.iter() {
            reply.bulk(member.name.as_bytes());
        }
    })
}

fn of_objects(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    write: fn(&Object, &mut ReplyWriter<'_>),
) -> Outcome {
    let path = path_or_root(args.get(1), reply.protocol())?;
    match find(reader, &args[0], &path)? {
        Found::NoKey if path.is_legacy() => reply.null(),
        Found::NoKey => return Err(ReplyError::JSON_NO_KEY),
        Found::First(None) => reply.null(),
        Found::First(Some(Json::Object(object))) => write(object, reply),
        Found::First(Some(other)) => return Err(ReplyError::json_wrong_kind("object", other.kind())),
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
    at_most(args, 2, EngineCommand::JsonDebugMemory)?;
    let path = path_or_root(args.get(1), reply.protocol())?;
    let size = |value: &Json| (size_of::<Json>() + value.heap_size()) as i64;
    match find(reader, &args[0], &path)? {
        Found::NoKey if path.is_legacy() => reply.integer(0),
        Found::NoKey => reply.array(0),
        Found::First(value) => reply.integer(value.map_or(0, size)),
        Found::All(values) => {
            reply.array(values.len());
            for value in values {
                reply.integer(size(value));
            }
        }
    }
    Ok(())
}
