//! Arithmetic: JSON.NUMINCRBY, JSON.NUMMULTBY, JSON.NUMPOWBY.

use meridian_command::{Args, Protocol, ReplyError, ReplyWriter};

use super::{change_each, get::write_double, operand, path, selects};
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::Writer,
    value::json::{Arithmetic, Json, Layout},
};

pub(crate) fn numincrby(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    compute(writer, args, reply, Arithmetic::Add, "json.numincrby")
}

pub(crate) fn nummultby(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    compute(writer, args, reply, Arithmetic::Multiply, "json.nummultby")
}

pub(crate) fn numpowby(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    compute(writer, args, reply, Arithmetic::Power, "json.numpowby")
}

fn compute(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    how: Arithmetic,
    event: &'static str,
) -> Outcome {
    let (key, path) = (writer.key(&args[0]), path(&args[1])?);
    // Looked at only where there is a number to compute with.
    let operand = if selects(writer, key, &path, |value| value.number().is_some())? {
        operand(&args[2])?
    } else {
        Json::Int(0)
    };
    if operand.number().is_none() {
        return Err(ReplyError::JSON_NOT_A_NUMBER);
    }
    let results = change_each(
        writer,
        key,
        &path,
        |value, _| match value.number() {
            Some(_) if value.computed(how, &operand).is_none() => Err(ReplyError::JSON_RESULT),
            _ => Ok(()),
        },
        |document, location| document.compute(location, how, &operand).cloned(),
    )?;
    if results.iter().any(Option::is_some) {
        writer.event(EventClass::Module, event, key);
    }
    if path.is_legacy() && reply.protocol() == Protocol::Resp2 {
        let last = results.into_iter().flatten().next_back();
        let last =
            last.ok_or_else(|| ReplyError::json_no_path_or(path.text(), "does not contains a number"))?;
        reply.bulk(&last.text());
        return Ok(());
    }
    if reply.protocol() == Protocol::Resp3 {
        reply.array(results.len());
        for result in results {
            match result {
                Some(result) => write_number(&result, reply),
                None => reply.null(),
            }
        }
        return Ok(());
    }
    let results: Vec<Json> = results.into_iter().map(|result| result.unwrap_or(Json::Null)).collect();
    let mut text = Vec::new();
    Layout::default().array(&mut text, 0, results.iter());
    reply.bulk(&text);
    Ok(())
}

/// A number in the types of RESP3.
fn write_number(number: &Json, reply: &mut ReplyWriter<'_>) {
    match number {
        Json::Int(value) => reply.integer(*value),
        number => write_double(number.number().unwrap_or(0.0), reply),
    }
}
