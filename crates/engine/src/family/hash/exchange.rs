//! Commands that read or set fields and do more with them at once: HGETDEL, HGETEX, HSETEX.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter, number::parse_i64};

use super::{
    exists,
    expire::{Measure, fields, tell_deleted},
};
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::{Key, Writer},
    value::{FieldExpiry, Hash},
};

pub(crate) fn hgetdel(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, now_ms) = (writer.key(&args[0]), writer.time_ms());
    exists(writer, key)?;
    let names = fields(args.from(1), ReplyError::FIELD_COUNT_NOT_POSITIVE)?;
    let values = writer.change_if(key, |hash: &mut Hash, _| {
        let take = |name: &[u8]| {
            let value = hash.get(name, now_ms)?.value.to_vec();
            hash.remove(name);
            Some(value)
        };
        let values: Vec<Option<Vec<u8>>> = names.iter().map(take).collect();
        let changed = values.iter().any(Option::is_some);
        (values, changed)
    })?;
    let values = values.unwrap_or_else(|| vec![None; names.len()]);
    if values.iter().any(Option::is_some) {
        tell_deleted(writer, key)?;
    }
    write_values(&values, reply);
    Ok(())
}

fn write_values(values: &[Option<Vec<u8>>], reply: &mut ReplyWriter<'_>) {
    reply.array(values.len());
    for value in values {
        reply.bulk_or_null(value.as_deref());
    }
}

/// How the expiry option of that name gives its time.
fn measure(option: &[u8]) -> Option<Measure> {
    let named = [(&b"EX"[..], 1000, true), (b"PX", 1, true), (b"EXAT", 1000, false), (b"PXAT", 1, false)];
    let found = named.into_iter().find(|(name, _, _)| name.eq_ignore_ascii_case(option));
    found.map(|(_, unit_ms, relative)| Measure { unit_ms, relative })
}

pub(crate) fn hgetex(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, now_ms) = (writer.key(&args[0]), writer.time_ms());
    exists(writer, key)?;
    let (expiry, rest) = match args.from(1).as_slice() {
        [option, ..] if option.eq_ignore_ascii_case(b"PERSIST") => (Some(None), args.from(2)),
        [option, time, ..] if let Some(measure) = measure(option) => {
            (Some(Some(measure.at_ms(time, now_ms, EngineCommand::Hgetex)?)), args.from(3))
        }
        _ => (None, args.from(1)),
    };
    let names = fields(rest, ReplyError::FIELD_COUNT_NOT_POSITIVE)?;
    let answered = writer.change_if(key, |hash: &mut Hash, settings| {
        let mut event = None;
        let mut get = |name: &[u8]| {
            let field = hash.get(name, now_ms)?;
            let (value, old) = (field.value.to_vec(), field.expiry);
            match expiry {
                None => {}
                Some(Some(at_ms)) if at_ms <= now_ms => {
                    hash.remove(name);
                    event = Some("hdel");
                }
                Some(Some(at_ms)) => {
                    hash.set_expiry(name, Some(at_ms), settings);
                    event = Some("hexpire");
                }
                Some(None) if old.is_some() => {
                    hash.set_expiry(name, None, settings);
                    event = Some("hpersist");
                }
                Some(None) => {}
            }
            Some(value)
        };
        let values: Vec<Option<Vec<u8>>> = names.iter().map(&mut get).collect();
        ((values, event), event.is_some())
    })?;
    let (values, event) = answered.unwrap_or_else(|| (vec![None; names.len()], None));
    match event {
        Some("hdel") => tell_deleted(writer, key)?,
        Some(event) => writer.event(EventClass::Hash, event, key),
        None => {}
    }
    write_values(&values, reply);
    Ok(())
}

/// What HSETEX is told.
#[derive(Debug)]
struct SetOptions<'a> {
    /// Only if none of the fields is there; only if all are.
    only_new: bool,
    only_old: bool,
    expiry: FieldExpiry,
    pairs: &'a [[&'a [u8]; 2]],
}

impl<'a> SetOptions<'a> {
    fn read(args: Args<'a>, now_ms: u64) -> Result<SetOptions<'a>, ReplyError> {
        let (mut condition, mut expiry) = (None, None);
        let mut rest = args.as_slice();
        loop {
            let [option, after @ ..] = rest else { return Err(ReplyError::FIELDS_MISSING) };
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            rest = match after {
                after if is(b"FNX") || is(b"FXX") => {
                    if condition.replace(is(b"FNX")).is_some() {
                        return Err(ReplyError::HSETEX_CONDITIONS);
                    }
                    after
                }
                after if is(b"KEEPTTL") => {
                    if expiry.replace(FieldExpiry::Keep).is_some() {
                        return Err(ReplyError::HSETEX_EXPIRIES);
                    }
                    after
                }
                [time, after @ ..] if let Some(measure) = measure(option) => {
                    if expiry.is_some() {
                        return Err(ReplyError::HSETEX_EXPIRIES);
                    }
                    expiry = Some(FieldExpiry::At(measure.at_ms(time, now_ms, EngineCommand::Hsetex)?));
                    after
                }
                [count, pairs @ ..] if is(b"FIELDS") => {
                    let pairs = Self::pairs(count, pairs)?;
                    let expiry = expiry.unwrap_or(FieldExpiry::Clear);
                    let (only_new, only_old) = (condition == Some(true), condition == Some(false));
                    return Ok(SetOptions { only_new, only_old, expiry, pairs });
                }
                _ => return Err(ReplyError::unknown_argument(option)),
            };
        }
    }

    fn pairs(count: &[u8], pairs: &'a [&'a [u8]]) -> Result<&'a [[&'a [u8]; 2]], ReplyError> {
        if pairs.len() < 2 {
            return Err(ReplyError::wrong_arity(EngineCommand::Hsetex.spec()));
        }
        let count = parse_i64(count).and_then(|count| i32::try_from(count).ok()).filter(|count| *count > 0);
        let count = count.ok_or(ReplyError::INVALID_FIELD_COUNT)?;
        match pairs.as_chunks::<2>() {
            (pairs, []) if usize::try_from(count).ok() == Some(pairs.len()) => Ok(pairs),
            _ => Err(ReplyError::wrong_arity(EngineCommand::Hsetex.spec())),
        }
    }
}

pub(crate) fn hsetex(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, now_ms) = (writer.key(&args[0]), writer.time_ms());
    let options = SetOptions::read(args.from(1), now_ms)?;
    if !conditions_hold(writer, key, &options)? {
        reply.integer(0);
        return Ok(());
    }
    let SetOptions { expiry, pairs, .. } = options;
    let deletes = matches!(expiry, FieldExpiry::At(at_ms) if at_ms <= now_ms);
    let set_as = if deletes { FieldExpiry::Keep } else { expiry };
    writer.change_or_make(key, |hash: &mut Hash, settings| {
        for [name, value] in pairs {
            hash.set(name, value, set_as, settings);
        }
    })?;
    writer.event(EventClass::Hash, "hset", key);
    if deletes {
        writer.change(key, |hash: &mut Hash, _| {
            for [name, _] in pairs {
                hash.remove(name);
            }
        })?;
        tell_deleted(writer, key)?;
    } else if matches!(expiry, FieldExpiry::At(_)) {
        writer.event(EventClass::Hash, "hexpire", key);
    }
    reply.integer(1);
    Ok(())
}

fn conditions_hold(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    options: &SetOptions<'_>,
) -> Result<bool, ReplyError> {
    let now_ms = writer.time_ms();
    let hash = writer.collection::<Hash>(key)?;
    let has = |[name, _]: &[&[u8]; 2]| hash.as_deref().is_some_and(|hash| hash.get(name, now_ms).is_some());
    Ok(!(options.only_new && options.pairs.iter().any(has)
        || options.only_old && !options.pairs.iter().all(has)))
}
