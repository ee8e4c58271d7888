//! DUMP and RESTORE.

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_u64};

use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::{Reader, Record, Writer},
    rdb::{self, Corrupt, NotRestored},
};

pub(crate) fn dump(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match reader.find(&args[0]) {
        Some(record) => {
            let plain = rdb::plain(record.value(), reader.now_ms());
            reply.bulk(&rdb::write(&plain));
        }
        None => reply.null(),
    }
    Ok(())
}

/// What RESTORE can be told.
#[derive(Debug, Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_s: Option<u64>,
    frequency: Option<u8>,
}

impl Options {
    fn read(args: Args<'_>) -> Result<Options, ReplyError> {
        let mut options = Options::default();
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            let has_value = rest.len() > 0;
            if is(b"REPLACE") {
                options.replace = true;
            } else if is(b"ABSTTL") {
                options.absolute = true;
            } else if is(b"IDLETIME")
                && has_value
                && options.frequency.is_none()
                && let Some(text) = rest.next()
            {
                let seconds = u64::try_from(integer(text)?).map_err(|_| ReplyError::RESTORE_IDLE_TIME)?;
                options.idle_s = Some(seconds);
            } else if is(b"FREQ")
                && has_value
                && options.idle_s.is_none()
                && let Some(text) = rest.next()
            {
                let count = u8::try_from(integer(text)?).map_err(|_| ReplyError::RESTORE_FREQUENCY)?;
                options.frequency = Some(count);
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }
}

pub(crate) fn restore(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options::read(args.from(3))?;
    let key = writer.key(&args[0]);
    if !options.replace && writer.exists(key) {
        return Err(ReplyError::BUSY_KEY);
    }
    integer(&args[1])?;
    let ttl = parse_u64(&args[1]).ok_or(ReplyError::RESTORE_TTL)?;
    let plain = rdb::read(&args[2]).map_err(|fault| match fault {
        Corrupt::Footer => ReplyError::PAYLOAD_FOOTER,
        Corrupt::Value => ReplyError::PAYLOAD,
    })?;
    let now_ms = writer.time_ms();
    let value = match rdb::restored(plain, now_ms, writer.settings()) {
        Ok(value) => Some(value),
        Err(NotRestored::Gone) => None,
        Err(NotRestored::Corrupt) => return Err(ReplyError::PAYLOAD),
    };
    let expiry = match ttl {
        0 => None,
        ttl if options.absolute => Some(ttl),
        ttl => Some(ttl.saturating_add(now_ms)),
    };
    let replaced = options.replace && writer.exists(key);
    let due = expiry.is_some_and(|at_ms| at_ms <= now_ms);
    match value.filter(|_| !due) {
        Some(value) => {
            let record = Record::new(key.bytes, value, expiry);
            writer.put(key, record);
            writer.set_use(key, options.idle_s, options.frequency);
            writer.event(EventClass::Generic, "restore", key);
        }
        // Its time, or that of all its fields, has come already.
        None if replaced => {
            writer.delete(key);
            writer.event(EventClass::Generic, "del", key);
        }
        None => {}
    }
    reply.ok();
    Ok(())
}
