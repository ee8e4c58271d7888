//! Commands that set a string as a whole: SET, SETNX, SETEX, PSETEX, MSET, MSETNX, MSETEX; those that also return the old one:
//! GETSET, GETDEL, GETEX.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter, number::parse_i64};

use super::{compare::Comparison, expiry::Unit};
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::{Key, Record, Writer},
    value::StringForm,
};

/// What SET, GETEX and MSETEX can be told.
#[derive(Debug, Default)]
struct Options<'a> {
    not_if_exists: bool,
    only_if_exists: bool,
    comparison: Option<Comparison<'a>>,
    get: bool,
    keep_expiry: bool,
    persist: bool,
    expiry: Option<(Unit, &'a [u8])>,
}

impl<'a> Options<'a> {
    fn read(args: Args<'a>, command: EngineCommand) -> Result<Options<'a>, ReplyError> {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            if !options.take_word(option, command)
                && !options.take_pair(option, rest.next().ok_or(ReplyError::SYNTAX)?, command)
            {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// An option of one word. False if it is none, or does not go with the others.
    fn take_word(&mut self, option: &[u8], command: EngineCommand) -> bool {
        let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
        let (setting, getting) = (command == EngineCommand::Set, command == EngineCommand::Getex);
        if !getting && is(b"NX") && !self.only_if_exists && self.comparison.is_none() {
            self.not_if_exists = true;
        } else if !getting && is(b"XX") && !self.not_if_exists && self.comparison.is_none() {
            self.only_if_exists = true;
        } else if setting && is(b"GET") {
            self.get = true;
        } else if !getting && is(b"KEEPTTL") && self.expiry.is_none() {
            self.keep_expiry = true;
        } else if getting && is(b"PERSIST") && self.expiry.is_none() {
            self.persist = true;
        } else {
            return false;
        }
        true
    }

    /// An option with what follows it. False as above.
    fn take_pair(&mut self, option: &[u8], value: &'a [u8], command: EngineCommand) -> bool {
        if let Some(unit) = Unit::of(option) {
            let fits = !self.keep_expiry && !self.persist;
            let fits = fits && self.expiry.is_none_or(|(other, _)| other == unit);
            self.expiry = Some((unit, value));
            return fits;
        }
        match Comparison::of(option, value) {
            Some(comparison) if command == EngineCommand::Set => {
                let fits = !self.not_if_exists && !self.only_if_exists;
                let fits = fits && self.comparison.is_none_or(|other| other.is_like(comparison));
                self.comparison = Some(comparison);
                fits
            }
            _ => false,
        }
    }

    fn at_ms(&self, now_ms: u64, command: EngineCommand) -> Result<Option<u64>, ReplyError> {
        self.expiry.map(|(unit, text)| unit.at_ms(text, now_ms, command)).transpose()
    }
}

pub(crate) fn set(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    if args.len() == 2 {
        put(writer, key, &args[1], None);
        reply.ok();
        return Ok(());
    }
    let options = Options::read(args.from(2), EngineCommand::Set)?;
    let mut expiry = options.at_ms(writer.time_ms(), EngineCommand::Set)?;
    if options.get {
        reply_with_string(writer, key, reply)?;
    }
    if !may_set(writer, key, &options)? {
        if !options.get {
            reply.null();
        }
        return Ok(());
    }
    if options.keep_expiry {
        expiry = writer.find(key).and_then(Record::expiry);
    }
    put(writer, key, &args[1], expiry);
    if options.expiry.is_some() {
        writer.event(EventClass::Generic, "expire", key);
    }
    if !options.get {
        reply.ok();
    }
    Ok(())
}

/// Whether a condition of SET holds.
fn may_set(writer: &mut Writer<'_>, key: Key<'_>, options: &Options<'_>) -> Result<bool, ReplyError> {
    if let Some(comparison) = options.comparison {
        return match writer.string(key)? {
            Some(value) => comparison.holds(value),
            None => Ok(comparison.holds_without()),
        };
    }
    Ok(if writer.exists(key) { !options.not_if_exists } else { !options.only_if_exists })
}

pub(crate) fn setnx(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let absent = !writer.exists(key);
    if absent {
        put(writer, key, &args[1], None);
    }
    reply.integer(i64::from(absent));
    Ok(())
}

pub(crate) fn setex(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set_with_expiry(writer, args, reply, Unit::Seconds, EngineCommand::Setex)
}

pub(crate) fn psetex(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    set_with_expiry(writer, args, reply, Unit::Milliseconds, EngineCommand::Psetex)
}

fn set_with_expiry(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    unit: Unit,
    command: EngineCommand,
) -> Outcome {
    let at_ms = unit.at_ms(&args[1], writer.time_ms(), command)?;
    let key = writer.key(&args[0]);
    put(writer, key, &args[2], Some(at_ms));
    writer.event(EventClass::Generic, "expire", key);
    reply.ok();
    Ok(())
}

pub(crate) fn mset(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let pairs = pairs(args, EngineCommand::Mset)?;
    put_pairs(writer, pairs);
    reply.ok();
    Ok(())
}

pub(crate) fn msetnx(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let pairs = pairs(args, EngineCommand::Msetnx)?;
    let all_absent = pairs.iter().all(|[key, _]| !writer.exists(writer.key(key)));
    if all_absent {
        put_pairs(writer, pairs);
    }
    reply.integer(i64::from(all_absent));
    Ok(())
}

pub(crate) fn msetex(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let count = parse_i64(&args[0]).and_then(|count| i32::try_from(count).ok()).filter(|count| *count > 0);
    let count = count.ok_or(ReplyError::MSETEX_COUNT)? as usize;
    let (pairs, _) = args.as_slice()[1..].as_chunks::<2>();
    let pairs = pairs.get(..count).ok_or(ReplyError::MSETEX_PAIRS)?;
    let options = Options::read(args.from(1 + 2 * count), EngineCommand::Msetex)?;
    let at_ms = options.at_ms(writer.time_ms(), EngineCommand::Msetex)?;
    let may_set = pairs.iter().all(|[key, _]| {
        let exists = (options.not_if_exists || options.only_if_exists) && writer.exists(writer.key(key));
        if exists { !options.not_if_exists } else { !options.only_if_exists }
    });
    if may_set {
        for [name, value] in pairs {
            let key = writer.key(name);
            let old = if options.keep_expiry { writer.find(key).and_then(Record::expiry) } else { None };
            put(writer, key, value, at_ms.or(old));
            if at_ms.is_some() {
                writer.event(EventClass::Generic, "expire", key);
            }
        }
    }
    reply.integer(i64::from(may_set));
    Ok(())
}

/// Keys, each with its value.
fn pairs<'a>(args: Args<'a>, command: EngineCommand) -> Result<&'a [[&'a [u8]; 2]], ReplyError> {
    match args.as_slice().as_chunks::<2>() {
        (pairs, []) => Ok(pairs),
        _ => Err(ReplyError::wrong_arity(command.spec())),
    }
}

fn put_pairs(writer: &mut Writer<'_>, pairs: &[[&[u8]; 2]]) {
    for [key, value] in pairs {
        put(writer, writer.key(key), value, None);
    }
}

pub(crate) fn getset(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    reply_with_string(writer, key, reply)?;
    put(writer, key, &args[1], None);
    Ok(())
}

pub(crate) fn getdel(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    reply_with_string(writer, key, reply)?;
    if writer.delete(key) {
        writer.event(EventClass::Generic, "del", key);
    }
    Ok(())
}

pub(crate) fn getex(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args.from(1), EngineCommand::Getex)?;
    let key = writer.key(&args[0]);
    if writer.string(key)?.is_none() {
        writer.missed(key);
        reply.null();
        return Ok(());
    }
    let at_ms = options.at_ms(writer.time_ms(), EngineCommand::Getex)?;
    reply_with_string(writer, key, reply)?;
    let has_expiry = writer.find(key).is_some_and(|record| record.expiry().is_some());
    let event = match at_ms {
        Some(at_ms) if at_ms <= writer.time_ms() => {
            writer.delete(key);
            "del"
        }
        Some(at_ms) => {
            writer.set_expiry(key, Some(at_ms));
            "expire"
        }
        None if options.persist && has_expiry => {
            writer.set_expiry(key, None);
            "persist"
        }
        None => return Ok(()),
    };
    writer.event(EventClass::Generic, event, key);
    Ok(())
}

/// Sets a key and tells of it.
fn put(writer: &mut Writer<'_>, key: Key<'_>, value: &[u8], expiry: Option<u64>) {
    writer.put_string(key, value, StringForm::Auto, expiry);
    writer.event(EventClass::String, "set", key);
}

/// Answers a key's string, or null.
fn reply_with_string(writer: &mut Writer<'_>, key: Key<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let value = writer.string(key)?;
    let found = value.is_some();
    reply.bulk_or_null(value);
    if !found {
        writer.missed(key);
    }
    Ok(())
}
