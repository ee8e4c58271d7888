//! BITFIELD and BITFIELD_RO: integers of any width inside a string.

mod integer;

use integer::{Kind, Overflow};
use meridian_command::{Args, ReplyError, ReplyWriter};
use smallvec::SmallVec;

use super::{bits, field_offset, write::change};
use crate::{
    family::{Outcome, integer as integer_argument},
    keyspace::{Reader, Writer},
};

/// One operation on one field.
#[derive(Clone, Copy, Debug)]
struct Operation {
    kind: Kind,
    offset: u64,
    action: Action,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Get,
    Set(i64, Overflow),
    Add(i64, Overflow),
}

type Operations = SmallVec<[Operation; 8]>;

/// What an operation answers; `None` where it was refused because of an overflow.
type Answers = SmallVec<[Option<i64>; 8]>;

pub(crate) fn bitfield(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let operations = parse(args.from(1))?;
    let key = writer.key(&args[0]);
    let written = operations.iter().filter(|operation| operation.writes()).map(Operation::last_bit).max();
    let answers = match written {
        None => get_all(writer.string(key)?.unwrap_or_default(), &operations),
        Some(last) => {
            change(writer, key, bits::bytes_up_to(last), |string| execute_all(string, &operations))?
        }
    };
    write_answers(&answers, reply);
    Ok(())
}

pub(crate) fn bitfield_ro(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let operations = parse(args.from(1))?;
    if operations.iter().any(Operation::writes) {
        return Err(ReplyError::BITFIELD_RO);
    }
    let string = reader.string(&args[0])?.unwrap_or_default();
    write_answers(&get_all(string, &operations), reply);
    Ok(())
}

fn parse(args: Args<'_>) -> Result<Operations, ReplyError> {
    let mut operations = Operations::new();
    let mut overflow = Overflow::Wrap;
    let mut rest = args.as_slice();
    while let [name, after @ ..] = rest {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        rest = match after {
            [kind, offset, after @ ..] if is(b"GET") => {
                operations.push(Operation::parse(kind, offset, || Ok(Action::Get))?);
                after
            }
            [kind, offset, value, after @ ..] if is(b"SET") => {
                let set = |value| Action::Set(value, overflow);
                operations.push(Operation::parse(kind, offset, || integer_argument(value).map(set))?);
                after
            }
            [kind, offset, value, after @ ..] if is(b"INCRBY") => {
                let add = |value| Action::Add(value, overflow);
                operations.push(Operation::parse(kind, offset, || integer_argument(value).map(add))?);
                after
            }
            [name, after @ ..] if is(b"OVERFLOW") => {
                overflow = Overflow::parse(name)?;
                after
            }
            _ => return Err(ReplyError::SYNTAX),
        };
    }
    Ok(operations)
}

impl Operation {
    /// In the order in which Redis looks at the arguments: type, offset, value.
    fn parse(
        kind: &[u8],
        offset: &[u8],
        action: impl FnOnce() -> Result<Action, ReplyError>,
    ) -> Result<Operation, ReplyError> {
        let kind = Kind::parse(kind).ok_or(ReplyError::BITFIELD_TYPE)?;
        let offset = field_offset(offset, kind.width)?;
        Ok(Operation { kind, offset, action: action()? })
    }

    fn writes(&self) -> bool {
        !matches!(self.action, Action::Get)
    }

    fn last_bit(&self) -> u64 {
        self.offset + u64::from(self.kind.width) - 1
    }

    fn get(&self, string: &[u8]) -> i64 {
        self.kind.extend(bits::field(string, self.offset, self.kind.width))
    }

    /// Executes it: what it answers, and whether the field has another value than before.
    fn execute(&self, string: &mut [u8]) -> (Option<i64>, bool) {
        let old = self.get(string);
        let new = match self.action {
            Action::Get => return (Some(old), false),
            Action::Set(value, overflow) => self.kind.fit(value, overflow),
            Action::Add(value, overflow) => self.kind.add(old, value, overflow),
        };
        let Some(new) = new else { return (None, false) };
        bits::set_field(string, self.offset, self.kind.width, new as u64);
        let answer = if matches!(self.action, Action::Set(..)) { old } else { new };
        (Some(answer), old != new)
    }
}

fn get_all(string: &[u8], operations: &Operations) -> Answers {
    operations.iter().map(|operation| Some(operation.get(string))).collect()
}

fn execute_all(string: &mut [u8], operations: &Operations) -> (Answers, bool) {
    let mut any_changed = false;
    let mut execute = |operation: &Operation| {
        let (answer, changed) = operation.execute(string);
        any_changed |= changed;
        answer
    };
    (operations.iter().map(&mut execute).collect(), any_changed)
}

fn write_answers(answers: &Answers, reply: &mut ReplyWriter<'_>) {
    reply.array(answers.len());
    for answer in answers {
        match answer {
            Some(value) => reply.integer(*value),
            None => reply.null(),
        }
    }
}
