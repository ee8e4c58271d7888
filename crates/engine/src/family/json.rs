//! The JSON commands: those of RedisJSON.
//!
//! Every command takes a path. A `$` path is answered with an array, one reply per value that it selects; a legacy path
//! with the reply of one value: the first where it reads, the last that was changed where it writes.

pub(crate) mod array;
pub(crate) mod change;
pub(crate) mod get;
pub(crate) mod length;
pub(crate) mod number;
pub(crate) mod set;

use meridian_command::{ReplyError, ReplyWriter, number::parse_i64};

use crate::{
    family::Outcome,
    keyspace::{Key, Reader, Writer},
    value::json::{Document, Json, Location, parse, path::Path},
};

/// An argument that must be UTF-8.
fn text(text: &[u8]) -> Result<&str, ReplyError> {
    std::str::from_utf8(text).map_err(|_| ReplyError::JSON_NOT_UTF8)
}

/// The path in an argument.
fn path(text: &[u8]) -> Result<Path, ReplyError> {
    Path::read(self::text(text)?.as_bytes()).map_err(|fault| ReplyError::from_text(fault.text()))
}

/// The path in an argument that may be missing: then it is the root, as a legacy path.
fn path_or_root(text: Option<&[u8]>) -> Result<Path, ReplyError> {
    text.map_or_else(|| Ok(Path::root()), path)
}

/// A JSON text. Faults are told without a code.
fn value(text: &[u8]) -> Result<Json, ReplyError> {
    parse(self::text(text)?.as_bytes()).map_err(ReplyError::from_text)
}

/// A JSON text, with faults told as `ERR`.
fn operand(text: &[u8]) -> Result<Json, ReplyError> {
    parse(self::text(text)?.as_bytes()).map_err(|fault| ReplyError::from_text(format!("ERR {fault}")))
}

fn integer(text: &[u8]) -> Result<i64, ReplyError> {
    parse_i64(text).ok_or(ReplyError::JSON_NOT_AN_INTEGER)
}

/// The error for a key that holds something else, in the words of RedisJSON.
fn other_type(error: ReplyError) -> ReplyError {
    if error == ReplyError::WRONG_TYPE { ReplyError::JSON_WRONG_TYPE } else { error }
}

/// The document under a key.
fn document<'w>(writer: &'w mut Writer<'_>, key: Key<'_>) -> Result<Option<&'w Document>, ReplyError> {
    writer.collection::<Document>(key).map_err(other_type)
}

/// The values that a path selects.
fn select<'d>(document: &'d Document, path: &Path) -> Result<Vec<&'d Json>, ReplyError> {
    path.values(document.root()).map_err(|_| ReplyError::JSON_TOO_MUCH)
}

/// What a read finds.
enum Found<'d> {
    NoKey,
    /// The first of the values, if there is one: for a legacy path.
    First(Option<&'d Json>),
    All(Vec<&'d Json>),
}

fn find<'a>(reader: &Reader<'a>, key: &[u8], path: &Path) -> Result<Found<'a>, ReplyError> {
    let document = reader.collection::<Document>(key).map_err(other_type)?;
    let Some(document) = document else { return Ok(Found::NoKey) };
    let values = select(document, path)?;
    Ok(if path.is_legacy() { Found::First(values.first().copied()) } else { Found::All(values) })
}

/// Whether a path selects a value of some kind.
fn selects(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    path: &Path,
    kind: impl Fn(&Json) -> bool,
) -> Result<bool, ReplyError> {
    let document = document(writer, key)?.ok_or(ReplyError::JSON_NO_KEY)?;
    Ok(select(document, path)?.into_iter().any(kind))
}

/// Changes every value that a path selects.
///
/// `check` refuses the whole command before anything is changed; `change` says what each change answers, nothing for a
/// value of the wrong kind.
fn change_each<R>(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    path: &Path,
    check: impl Fn(&Json, &Location) -> Outcome,
    mut change: impl FnMut(&mut Document, &Location) -> Option<R>,
) -> Result<Vec<Option<R>>, ReplyError> {
    let document = document(writer, key)?.ok_or(ReplyError::JSON_NO_KEY)?;
    let locations = path.locations(document.root()).map_err(|_| ReplyError::JSON_TOO_MUCH)?;
    for location in &locations {
        if let Some(value) = document.root().at(location) {
            check(value, location)?;
        }
    }
    let changed = writer.change_if::<Document, _>(key, |document, _| {
        let answers: Vec<Option<R>> = locations.iter().map(|location| change(document, location)).collect();
        let any = answers.iter().any(Option::is_some);
        (answers, any)
    })?;
    changed.ok_or(ReplyError::JSON_NO_KEY)
}

/// Answers what changes answered: the last for a legacy path, which refuses to have changed nothing; else all.
fn reply_with_changes<R>(
    answers: Vec<Option<R>>,
    path: &Path,
    quoted: &str,
    nothing: &str,
    reply: &mut ReplyWriter<'_>,
    mut write: impl FnMut(&mut ReplyWriter<'_>, R),
) -> Outcome {
    if path.is_legacy() {
        let last = answers.into_iter().flatten().next_back();
        write(reply, last.ok_or_else(|| ReplyError::json_no_path_or(quoted, nothing))?);
        return Ok(());
    }
    reply.array(answers.len());
    for answer in answers {
        match answer {
            Some(answer) => write(reply, answer),
            None => reply.null(),
        }
    }
    Ok(())
}
