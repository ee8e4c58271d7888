//! Commands about the expiry of fields: HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT, HTTL, HPTTL, HEXPIRETIME,
//! HPEXPIRETIME, HPERSIST. Each answers an array, one number for each field.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter, number::parse_i64};

use super::exists;
use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::{Key, Reader, Writer},
    value::Hash,
};

/// The latest time a field can expire at, in milliseconds since 1970, as in Redis.
const AT_MS_MAX: i64 = (1 << 46) - 1;

/// What is answered for a field that is not there, for one without expiry, where a condition does not hold, where the
/// expiry is set, and where the field is deleted because the time has passed.
const ABSENT: i64 = -2;
const NO_EXPIRY: i64 = -1;
const NOT_MET: i64 = 0;
const DONE: i64 = 1;
const DELETED: i64 = 2;

/// How a time is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    pub(super) unit_ms: i64,
    pub(super) relative: bool,
}

impl Measure {
    /// The time that a text means, in milliseconds since 1970.
    pub(super) fn at_ms(self, text: &[u8], now_ms: u64, command: EngineCommand) -> Result<u64, ReplyError> {
        let invalid = || ReplyError::invalid_expire(command.spec());
        let number = integer(text)?;
        if number < 0 {
            return Err(ReplyError::EXPIRE_NEGATIVE);
        }
        let base_ms = if self.relative { i64::try_from(now_ms).unwrap_or(i64::MAX) } else { 0 };
        let at_ms = number.checked_mul(self.unit_ms).and_then(|ms| ms.checked_add(base_ms));
        let at_ms = at_ms.filter(|at_ms| *at_ms <= AT_MS_MAX).ok_or_else(invalid)?;
        Ok(at_ms.unsigned_abs())
    }
}

/// When an expiry may be set.
#[derive(Clone, Copy, Debug)]
enum Condition {
    Always,
    WithoutExpiry,
    WithExpiry,
    Greater,
    Less,
}

impl Condition {
    fn of(option: &[u8]) -> Option<Condition> {
        let named = [
            (&b"NX"[..], Condition::WithoutExpiry),
            (b"XX", Condition::WithExpiry),
            (b"GT", Condition::Greater),
            (b"LT", Condition::Less),
        ];
        let found = named.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(option));
        found.map(|(_, condition)| condition)
    }

    /// A field without an expiry counts as one that never expires.
    fn holds(self, old: Option<u64>, new: u64) -> bool {
        match self {
            Condition::Always => true,
            Condition::WithoutExpiry => old.is_none(),
            Condition::WithExpiry => old.is_some(),
            Condition::Greater => old.is_some_and(|old| new > old),
            Condition::Less => old.is_none_or(|old| new < old),
        }
    }
}

/// `FIELDS numfields field ...`; `not_positive` is said of a count that is none.
pub(super) fn fields<'a>(args: Args<'a>, not_positive: ReplyError) -> Result<Args<'a>, ReplyError> {
    let [keyword, count, fields @ ..] = args.as_slice() else { return Err(ReplyError::FIELDS_MISSING) };
    if !keyword.eq_ignore_ascii_case(b"FIELDS") {
        return Err(ReplyError::FIELDS_MISSING);
    }
    let count = parse_i64(count).filter(|count| *count > 0).ok_or(not_positive)?;
    if usize::try_from(count).ok() != Some(fields.len()) {
        return Err(ReplyError::NUMFIELDS_MISMATCH);
    }
    Ok(Args::new(fields))
}

pub(crate) fn hexpire(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set(writer, args, reply, Measure { unit_ms: 1000, relative: true }, EngineCommand::Hexpire)
}

pub(crate) fn hpexpire(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set(writer, args, reply, Measure { unit_ms: 1, relative: true }, EngineCommand::Hpexpire)
}

pub(crate) fn hexpireat(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set(writer, args, reply, Measure { unit_ms: 1000, relative: false }, EngineCommand::Hexpireat)
}

pub(crate) fn hpexpireat(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set(writer, args, reply, Measure { unit_ms: 1, relative: false }, EngineCommand::Hpexpireat)
}

fn set(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    measure: Measure,
    command: EngineCommand,
) -> Outcome {
    let (key, now_ms) = (writer.key(&args[0]), writer.time_ms());
    exists(writer, key)?;
    let at_ms = measure.at_ms(&args[1], now_ms, command)?;
    let condition = args.get(2).and_then(Condition::of);
    let rest = args.from(if condition.is_some() { 3 } else { 2 });
    let names = fields(rest, ReplyError::NUMFIELDS_NOT_POSITIVE)?;
    let condition = condition.unwrap_or(Condition::Always);
    let answers = writer.change_if(key, |hash: &mut Hash, settings| {
        let mut set = |name: &[u8]| {
            let Some(old) = hash.get(name, now_ms).map(|field| field.expiry) else { return ABSENT };
            if !condition.holds(old, at_ms) {
                return NOT_MET;
            }
            if at_ms <= now_ms {
                hash.remove(name);
                return DELETED;
            }
            hash.set_expiry(name, Some(at_ms), settings);
            DONE
        };
        let answers: Vec<i64> = names.iter().map(&mut set).collect();
        let changed = answers.iter().any(|answer| *answer > NOT_MET);
        (answers, changed)
    })?;
    let answers = answers.unwrap_or_else(|| vec![ABSENT; names.len()]);
    if answers.contains(&DONE) {
        writer.event(EventClass::Hash, "hexpire", key);
    }
    if answers.contains(&DELETED) {
        tell_deleted(writer, key)?;
    }
    write_answers(&answers, reply);
    Ok(())
}

/// Tells that fields are deleted, and the hash if it was the last.
pub(super) fn tell_deleted(writer: &mut Writer<'_>, key: Key<'_>) -> Outcome {
    writer.event(EventClass::Hash, "hdel", key);
    if !exists(writer, key)? {
        writer.event(EventClass::Generic, "del", key);
    }
    Ok(())
}

fn write_answers(answers: &[i64], reply: &mut ReplyWriter<'_>) {
    reply.array(answers.len());
    for answer in answers {
        reply.integer(*answer);
    }
}

pub(crate) fn hpersist(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, now_ms) = (writer.key(&args[0]), writer.time_ms());
    exists(writer, key)?;
    let names = fields(args.from(1), ReplyError::FIELD_COUNT_NOT_POSITIVE)?;
    let answers = writer.change_if(key, |hash: &mut Hash, settings| {
        let mut persist = |name: &[u8]| match hash.get(name, now_ms).map(|field| field.expiry) {
            None => ABSENT,
            Some(None) => NO_EXPIRY,
            Some(Some(_)) => {
                hash.set_expiry(name, None, settings);
                DONE
            }
        };
        let answers: Vec<i64> = names.iter().map(&mut persist).collect();
        let changed = answers.contains(&DONE);
        (answers, changed)
    })?;
    let answers = answers.unwrap_or_else(|| vec![ABSENT; names.len()]);
    if answers.contains(&DONE) {
        writer.event(EventClass::Hash, "hpersist", key);
    }
    write_answers(&answers, reply);
    Ok(())
}

pub(crate) fn httl(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    get(reader, args, reply, Measure { unit_ms: 1000, relative: true })
}

pub(crate) fn hpttl(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    get(reader, args, reply, Measure { unit_ms: 1, relative: true })
}

pub(crate) fn hexpiretime(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    get(reader, args, reply, Measure { unit_ms: 1000, relative: false })
}

pub(crate) fn hpexpiretime(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    get(reader, args, reply, Measure { unit_ms: 1, relative: false })
}

fn get(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, measure: Measure) -> Outcome {
    let hash = reader.collection::<Hash>(&args[0])?;
    let names = fields(args.from(1), ReplyError::FIELD_COUNT_NOT_POSITIVE)?;
    let from_ms = if measure.relative { reader.now_ms() } else { 0 };
    let answer = |name: &[u8]| {
        let field = hash.as_deref().and_then(|hash| hash.get(name, reader.entry_ms()));
        match field.map(|field| field.expiry) {
            None => ABSENT,
            Some(None) => NO_EXPIRY,
            Some(Some(at_ms)) => {
                let ms = at_ms.saturating_sub(from_ms) as i64;
                (ms + measure.unit_ms - 1) / measure.unit_ms
            }
        }
    };
    let answers: Vec<i64> = names.iter().map(answer).collect();
    write_answers(&answers, reply);
    Ok(())
}
