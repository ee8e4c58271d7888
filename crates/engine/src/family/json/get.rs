//! Commands that return values: JSON.GET, JSON.MGET, JSON.RESP, JSON.TYPE.

use std::collections::BTreeMap;

use meridian_command::{Args, EngineCommand, Protocol, ReplyError, ReplyWriter};

use super::{Found, find, other_type, path, path_or_root, select, text};
use crate::{
    family::Outcome,
    keyspace::Reader,
    value::json::{Document, Json, Layout, path::Path},
};

/// How JSON.GET writes values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// All in one text.
    Text,
    /// Each in the types of RESP3, containers as texts.
    Expand1,
    /// Each in the types of RESP3.
    Expand,
}

impl Format {
    fn read(name: &str, protocol: Protocol) -> Result<Format, ReplyError> {
        match name {
            _ if protocol == Protocol::Resp2 => Err(ReplyError::JSON_FORMAT_IN_RESP2),
            "STRING" => Ok(Format::Text),
            "EXPAND1" => Ok(Format::Expand1),
            "EXPAND" => Ok(Format::Expand),
            _ => Err(ReplyError::JSON_FORMAT),
        }
    }
}

/// What a call of JSON.GET asks for.
struct Request<'a> {
    layout: Layout<'a>,
    format: Format,
    /// As they were sent.
    paths: Vec<&'a str>,
}

impl<'a> Request<'a> {
    /// Arguments end where one is not UTF-8, as they do in RedisJSON.
    fn read(options: Args<'a>, protocol: Protocol) -> Result<Request<'a>, ReplyError> {
        let mut request = Request { layout: Layout::default(), format: Format::Text, paths: Vec::new() };
        let mut rest = options.as_slice().iter();
        while let Some(option) = rest.next().and_then(|option| std::str::from_utf8(option).ok()) {
            let is = |name: &str| option.eq_ignore_ascii_case(name);
            if is("FORMAT") && protocol == Protocol::Resp2 {
                return Err(ReplyError::JSON_FORMAT_IN_RESP2);
            }
            let mut following = || {
                let argument = rest.next();
                text(argument.ok_or_else(|| ReplyError::wrong_arity(EngineCommand::JsonGet.spec()))?)
            };
            if is("INDENT") {
                request.layout.indent = following()?.as_bytes();
            } else if is("NEWLINE") {
                request.layout.newline = following()?.as_bytes();
            } else if is("SPACE") {
                request.layout.space = following()?.as_bytes();
            } else if is("FORMAT") {
                request.format = Format::read(following()?, protocol)?;
            } else if !is("NOESCAPE") {
                // NOESCAPE is an option of old clients without effect.
                request.paths.push(option);
            }
        }
        Ok(request)
    }
}

pub(crate) fn get(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let request = Request::read(args.from(1), reply.protocol())?;
    let document = reader.collection::<Document>(&args[0]).map_err(other_type)?;
    let Some(document) = document else {
        reply.null();
        return Ok(());
    };
    if request.format != Format::Text {
        return write_expanded(document, &request, reply);
    }
    let mut text = Vec::new();
    match request.paths.as_slice() {
        [] => document.root().write(&mut text, &request.layout, 0),
        [sent] => {
            let path = path(sent.as_bytes())?;
            write_selected(document, &path, path.text(), path.is_legacy(), &request.layout, 0, &mut text)?;
        }
        _ => write_paths(document, &request, &mut text)?,
    }
    reply.bulk(&text);
    Ok(())
}

/// Writes an object: for each path, by its text as it was sent, what it selects. One that is none is left out.
fn write_paths(document: &Document, request: &Request<'_>, out: &mut Vec<u8>) -> Outcome {
    let legacy = request.paths.iter().all(|sent| Path::is_legacy_text(sent));
    let mut texts = BTreeMap::new();
    for sent in &request.paths {
        let Ok(path) = Path::read(sent.as_bytes()) else { continue };
        let mut text = Vec::new();
        write_selected(document, &path, sent, legacy, &request.layout, 1, &mut text)?;
        texts.insert(*sent, text);
    }
    request.layout.object(out, 0, texts.into_iter(), |out, text: Vec<u8>| out.extend_from_slice(&text));
    Ok(())
}

/// Writes an array for each path: of what it selects, in the types of RESP3.
fn write_expanded(document: &Document, request: &Request<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let paths = match request.paths.as_slice() {
        [] => vec![path_or_root(None)?],
        sent => sent.iter().map(|sent| path(sent.as_bytes())).collect::<Result<Vec<Path>, ReplyError>>()?,
    };
    let all = paths.iter().map(|path| select(document, path)).collect::<Result<Vec<_>, _>>()?;
    reply.array(all.len());
    for values in all {
        reply.array(values.len());
        for value in values {
            match value {
                Json::Array(_) | Json::Object(_) if request.format == Format::Expand1 => {
                    reply.bulk(&value.text());
                }
                value => expand(value, reply),
            }
        }
    }
    Ok(())
}

/// A value in the types of RESP3.
fn expand(value: &Json, reply: &mut ReplyWriter<'_>) {
    match value {
        Json::Null => reply.null(),
        Json::Bool(value) => reply.boolean(*value),
        Json::Int(value) => reply.integer(*value),
        Json::BigInt(_) | Json::Float(_) => write_double(value.number().unwrap_or_default(), reply),
        Json::Text(text) => reply.bulk(text.as_bytes()),
        Json::Array(elements) => {
            reply.array(elements.len());
            for element in elements {
                expand(element, reply);
            }
        }
        Json::Object(object) => {
            reply.map(object.len());
            for member in object.iter() {
                reply.bulk(member.name.as_bytes());
                expand(&member.value, reply);
            }
        }
    }
}

/// Writes the first value that a path selects, or an array of all.
fn write_selected(
    document: &Document,
    path: &Path,
    quoted: &str,
    first: bool,
    layout: &Layout<'_>,
    level: usize,
    out: &mut Vec<u8>,
) -> Outcome {
    let values = select(document, path)?;
    if first {
        let value = values.first().ok_or_else(|| ReplyError::json_no_path(quoted))?;
        value.write(out, layout, level);
    } else {
        layout.array(out, level, values.into_iter());
    }
    Ok(())
}

pub(crate) fn mget(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let Some((last, keys)) = args.as_slice().split_last() else { return Ok(()) };
    // With a path that is none, no key has it.
    let path = path(last).ok();
    let layout = Layout::default();
    let mut texts = Vec::with_capacity(keys.len());
    for key in keys {
        // A key of another type, or without the path, is as good as none.
        let document = reader.collection::<Document>(key).unwrap_or(None);
        let mut text = Vec::new();
        let written = document.zip(path.as_ref()).map(|(document, path)| {
            match write_selected(document, path, path.text(), path.is_legacy(), &layout, 0, &mut text) {
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
    let path = path_or_root(args.get(1))?;
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

/// A float, without a fraction that is 0, and with a sign before its exponent.
pub(super) fn write_double(value: f64, reply: &mut ReplyWriter<'_>) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => reply.double_text(&format!("{digits}e+{power}")),
        _ => reply.double_text(text.strip_suffix(".0").unwrap_or(text)),
    }
}

pub(crate) fn type_of(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let path = path_or_root(args.get(1))?;
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
