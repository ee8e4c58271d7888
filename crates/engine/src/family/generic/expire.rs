//! Commands about the expiry of keys: EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, TTL, PTTL, EXPIRETIME, PEXPIRETIME, PERSIST.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter};

use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::{Reader, Record, Writer},
};

/// How a time is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Measure {
    unit_ms: i64,
    relative: bool,
}

/// When an expiry may be set.
#[derive(Clone, Copy, Debug, Default)]
struct Conditions {
    without_expiry: bool,
    with_expiry: bool,
    greater: bool,
    less: bool,
}

impl Conditions {
    fn read(args: Args<'_>) -> Result<Conditions, ReplyError> {
        let mut conditions = Conditions::default();
        for option in args.iter() {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            match () {
                () if is(b"NX") => conditions.without_expiry = true,
                () if is(b"XX") => conditions.with_expiry = true,
                () if is(b"GT") => conditions.greater = true,
                () if is(b"LT") => conditions.less = true,
                () => return Err(ReplyError::unsupported_option(option)),
            }
        }
        if conditions.without_expiry && (conditions.with_expiry || conditions.greater || conditions.less) {
            return Err(ReplyError::EXPIRE_NX_WITH_OTHERS);
        }
        if conditions.greater && conditions.less {
            return Err(ReplyError::EXPIRE_GT_AND_LT);
        }
        Ok(conditions)
    }

    /// A key without an expiry counts as one that never expires.
    fn hold(self, old: Option<u64>, new_ms: i64) -> bool {
        let old_ms = old.map(|at_ms| i64::try_from(at_ms).unwrap_or(i64::MAX));
        !(self.without_expiry && old.is_some()
            || self.with_expiry && old.is_none()
            || self.greater && old_ms.is_none_or(|old_ms| new_ms <= old_ms)
            || self.less && old_ms.is_some_and(|old_ms| new_ms >= old_ms))
    }
}

pub(crate) fn expire(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set(writer, args, reply, Measure { unit_ms: 1000, relative: true }, EngineCommand::Expire)
}

pub(crate) fn pexpire(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set(writer, args, reply, Measure { unit_ms: 1, relative: true }, EngineCommand::Pexpire)
}

pub(crate) fn expireat(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set(writer, args, reply, Measure { unit_ms: 1000, relative: false }, EngineCommand::Expireat)
}

pub(crate) fn pexpireat(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set(writer, args, reply, Measure { unit_ms: 1, relative: false }, EngineCommand::Pexpireat)
}

fn set(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    measure: Measure,
    command: EngineCommand,
) -> Outcome {
    let conditions = Conditions::read(args.from(2))?;
    let now_ms = i64::try_from(writer.time_ms()).unwrap_or(i64::MAX);
    let base_ms = if measure.relative { now_ms } else { 0 };
    let at_ms = integer(&args[1])?.checked_mul(measure.unit_ms).and_then(|ms| ms.checked_add(base_ms));
    let at_ms = at_ms.ok_or_else(|| ReplyError::invalid_expire(command.spec()))?;
    let key = writer.key(&args[0]);
    let old = writer.find(key).map(Record::expiry);
    if !old.is_some_and(|old| conditions.hold(old, at_ms)) {
        reply.integer(0);
        return Ok(());
    }
    let event = if at_ms <= now_ms {
        writer.delete(key);
        "del"
    } else {
        writer.set_expiry(key, Some(at_ms.unsigned_abs()));
        "expire"
    };
    writer.event(EventClass::Generic, event, key);
    reply.integer(1);
    Ok(())
}

pub(crate) fn persist(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let has_expiry = writer.find(key).is_some_and(|record| record.expiry().is_some());
    if has_expiry {
        writer.set_expiry(key, None);
        writer.event(EventClass::Generic, "persist", key);
    }
    reply.integer(i64::from(has_expiry));
    Ok(())
}

pub(crate) fn ttl(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    get(reader, args, reply, Measure { unit_ms: 1000, relative: true })
}

pub(crate) fn pttl(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    get(reader, args, reply, Measure { unit_ms: 1, relative: true })
}

pub(crate) fn expiretime(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    get(reader, args, reply, Measure { unit_ms: 1000, relative: false })
}

pub(crate) fn pexpiretime(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    get(reader, args, reply, Measure { unit_ms: 1, relative: false })
}

fn get(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, measure: Measure) -> Outcome {
    /// Answers for a key that is absent, and for one that has no expiry.
    const ABSENT: i64 = -2;
    const NO_EXPIRY: i64 = -1;
    reply.integer(match reader.look(&args[0]).map(Record::expiry) {
        None => ABSENT,
        Some(None) => NO_EXPIRY,
        Some(Some(at_ms)) => {
            let from_ms = if measure.relative { reader.now_ms() } else { 0 };
            let ms = i64::try_from(at_ms.saturating_sub(from_ms)).unwrap_or(i64::MAX);
            if measure.unit_ms == 1 { ms } else { ms.saturating_add(500) / measure.unit_ms }
        }
    });
    Ok(())
}
