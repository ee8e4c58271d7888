//! Commands that return values: JSON.GET, JSON.MGET, JSON.RESP, JSON.TYPE.

use std::collections::BTreeMap;

use meridian_command::{Args, EngineCommand, Protocol, ReplyError, ReplyWriter};

use super::{Found, at_most, find, path, path_or_root, select};
use crate::{
    family::Outcome,
    keyspace::Reader,
    value::json::{Document, Json, Layout, path::Path},
};

pub(crate) fn get(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut layout = Layout::default();
    let mut paths = Vec::new();
    let options = args.from(1);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
        let part = if is(b"INDENT") {
            &mut layout.indent
        } else if is(b"NEWLINE") {
            &mut layout.newline
        } else if is(b"SPACE") {
            &mut layout.space
        } else {
            // An option of old clients without effect.
            if !is(b"NOESCAPE") {
                paths.push(path(option)?);
            }
            continue;
        };
        *part = rest.next().ok_or_else(|| ReplyError::wrong_arity(EngineCommand::JsonGet.spec()))?;
    }
    if paths.is_empty() {
        paths.push(path_or_root(None, reply.protocol())?);
    }
    let Some(document) = reader.collection::<Document>(&args[0])? else {
        reply.null();
        return Ok(());
    };
    let mut text = Vec::new();
    match paths.as_slice() {
        [path] => write_selected(document, path, path.is_legacy(), &layout, 0, &mut text)?,
        paths => write_paths(document, args, paths, &layout, &mut text)?,
    }
    reply.bulk(&text);
    Ok(())
}

/// Writes an object: for each path, by its text as it was sent, what it selects.
fn write_paths(
    document: &Document,
    args: Args<'_>,
    paths: &[Path],
    layout: &Layout<'_>,
    out: &mut Vec<u8>,
) -> Outcome {
    let legacy = paths.iter().all(Path::is_legacy);
    let sent: Vec<&[u8]> = args.iter().filter(|arg| path(arg).is_ok()).collect();
    let mut texts = BTreeMap::new();
    for path in paths {
        let mut text = Vec::new();
        write_selected(document, path, legacy, layout, 1, &mut text)?;
        // As it was sent: without the `$` that a legacy path does not have.
        let name = sent.iter().find_map(|sent| {
            let sent = std::str::from_utf8(sent).ok()?;
            let same = Path::read(sent.as_bytes())
                .is_ok_and(|read| read.text() == path.text() && read.is_legacy() == path.is_legacy());
            same.then_some(sent)
        });
        texts.insert(name.unwrap_or(path.text()), text);
    }
    layout.object(out, 0, texts.into_iter(), |out, text: Vec<u8>| out.extend_from_slice(&text));
    Ok(())
}

/// Writes the first value that a path selects, or an array of all.
fn write_selected(
    document: &Document,
    path: &Path,
    first: bool,
    layout: &Layout<'_>,
    level: usize,
    out: &mut Vec<u8>,
) -> Outcome {
    let values = select(document, path)?;
    if first {
        let value = values.first().ok_or_else(|| ReplyError::json_no_path(path.text()))?;
        value.write(out, layout, level);
    } else {
        layout.array(out, level, values.into_iter());
    }
    Ok(())
}

pub(crate) fn mget(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some((last, keys)) = args.as_slice().split_last() else { return Ok(()) };
    let path = path(last)?;
    let layout = Layout::default();
    let mut texts = Vec::with_capacity(keys.len());
    for key in keys {
        // A key of another type, or without the path, is as good as none.
        let document = reader.collection::<Document>(key).unwrap_or(None);
        let mut text = Vec::new();
        let written = document.map(|document| {
            match write_selected(document, &path, path.is_legacy(), &layout, 0, &mut text) {
                Err(error) if error == ReplyError::JSON_TOO_MUCH => Err(error),
                outcome => Ok(outcome.is_ok()),
            }
        });
        texts.push((written.transpose()? == Some(true)).then_some(text));
    }
    reply.array(texts.len());
    for text in texts {
        reply.bulk_or_null(text.as_deref());
    }
    Ok(())
}

pub(crate) fn resp(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    at_most(args, 2, EngineCommand::JsonResp)?;
    let path = path_or_root(args.get(1), reply.protocol())?;
    match find(reader, &args[0], &path)? {
        Found::NoKey => reply.null(),
        Found::First(None) => return Err(ReplyError::json_no_path(path.text())),
        Found::First(Some(value)) => write_resp(value, reply),
        Found::All(values) => {
            reply.array(values.len());
            for value in values {
                write_resp(value, reply);
            }
        }
    }
    Ok(())
}

/// A value as RESP: containers as arrays that begin with their bracket.
fn write_resp(value: &Json, reply: &mut ReplyWriter<'_>) {
    match value {
        Json::Null => reply.null(),
        Json::Bool(value) => reply.simple(if *value { "true" } else { "false" }),
        Json::Int(value) => reply.integer(*value),
        Json::BigInt(value) => reply.bulk(itoa::Buffer::new().format(*value).as_bytes()),
        Json::Float(value) => write_double(*value, reply),
        Json::Text(text) => reply.bulk(text.as_bytes()),
        Json::Array(elements) => {
            reply.array(elements.len() + 1);
            reply.simple("[");
            for element in elements {
                write_resp(element, reply);
            }
        }
        Json::Object(object) => {
            reply.array(object.len() * 2 + 1);
            reply.simple("{");
            for member in object.iter() {
                reply.bulk(member.name.as_bytes());
                write_resp(&member.value, reply);
            }
        }
    }
}

/// A float, without a fraction that is 0.
pub(super) fn write_double(value: f64, reply: &mut ReplyWriter<'_>) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    reply.double_text(text.strip_suffix(".0").unwrap_or(text));
}

pub(crate) fn type_of(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    at_most(args, 2, EngineCommand::JsonType)?;
    let path = path_or_root(args.get(1), reply.protocol())?;
    let found = find(reader, &args[0], &path)?;
    // RESP3 has an array around whatever RESP2 answers.
    if reply.protocol() == Protocol::Resp3 {
        reply.array(1);
    }
    match found {
        Found::NoKey | Found::First(None) => reply.null(),
        Found::First(Some(value)) => reply.bulk(value.kind().as_bytes()),
        Found::All(values) => {
            reply.array(values.len());
            for value in values {
                reply.bulk(value.kind().as_bytes());
            }
        }
    }
    Ok(())
}
