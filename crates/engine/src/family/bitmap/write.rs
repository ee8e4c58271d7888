//! Commands that change bits: SETBIT, BITOP.

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_i64};

use super::{
    bit_offset,
    bits::{self, Operation},
};
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::{Key, Writer},
    value::StringForm,
};

pub(crate) fn setbit(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, offset) = (writer.key(&args[0]), bit_offset(&args[1])?);
    let value = match parse_i64(&args[2]) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(ReplyError::BIT_VALUE),
    };
    let old = change(writer, key, bits::bytes_up_to(offset), |string| {
        let old = bits::get(string, offset);
        bits::set(string, offset, value);
        (old, old != value)
    })?;
    reply.integer(old.into());
    Ok(())
}

/// Changes a string that has `length` bytes or is made so long. `edit` also says whether it changed anything: a key
/// that is neither longer nor otherwise different afterwards does not count as changed.
pub(super) fn change<R>(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    length: usize,
    edit: impl FnOnce(&mut [u8]) -> (R, bool),
) -> Result<R, ReplyError> {
    let grows = writer.string(key)?.is_none_or(|string| string.len() < length);
    if grows {
        let outcome = writer.change_string(key, length, |string| edit(string).0)?;
        writer.event(EventClass::String, "setbit", key);
        return Ok(outcome);
    }
    let mut outcome = None;
    let changed = writer.update(key, |record| {
        let (result, changed) = edit(record.string_mut(0)?);
        outcome = Some(result);
        changed.then_some(())
    });
    if changed.is_some() {
        writer.event(EventClass::String, "setbit", key);
    }
    outcome.ok_or(ReplyError::WRONG_TYPE)
}

pub(crate) fn bitop(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (operation, target, sources) = (operation(&args[0])?, writer.key(&args[1]), args.from(2));
    if operation == Operation::Not && sources.len() != 1 {
        return Err(ReplyError::BITOP_NOT);
    }
    if let Some((name, _)) = BY_FIRST.into_iter().find(|(_, by_first)| *by_first == operation)
        && sources.len() < 2
    {
        return Err(ReplyError::bitop_needs_two(name));
    }
    let result = writer.reading(|reader| {
        let strings = sources.iter().map(|key| reader.string(key).map(Option::unwrap_or_default));
        let strings = strings.collect::<Result<Vec<_>, _>>()?;
        Ok::<_, ReplyError>(bits::combine(operation, strings.into_iter()))
    })?;
    if !result.is_empty() {
        writer.put_string(target, &result, StringForm::Raw, None);
        writer.event(EventClass::String, "set", target);
    } else if writer.delete(target) {
        writer.event(EventClass::Generic, "del", target);
    }
    reply.integer(result.len() as i64);
    Ok(())
}

/// Operations between the first string and the rest.
const BY_FIRST: [(&str, Operation); 3] =
    [("DIFF", Operation::Diff), ("DIFF1", Operation::Diff1), ("ANDOR", Operation::AndOr)];

fn operation(name: &[u8]) -> Result<Operation, ReplyError> {
    let named = [
        ("AND", Operation::And),
        ("OR", Operation::Or),
        ("XOR", Operation::Xor),
        ("NOT", Operation::Not),
        ("ONE", Operation::One),
    ];
    let mut named = named.into_iter().chain(BY_FIRST);
    let found = named.find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name));
    found.map(|(_, operation)| operation).ok_or(ReplyError::SYNTAX)
}
