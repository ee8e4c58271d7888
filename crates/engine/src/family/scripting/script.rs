//! SCRIPT LOAD, EXISTS, FLUSH and KILL, and what heals shards that do not know a script.

use meridian_command::{Args, ReplyError, ReplyWriter};
use meridian_script::{check_script, sha1_hex};

use crate::{
    family::Outcome,
    keyspace::{Reader, Writer},
};

pub(crate) fn load(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let text = &args[0];
    let sha = sha1_hex(text);
    check_script(text)?;
    writer.scripts().learn(sha.clone(), text, true);
    reply.bulk(sha.as_bytes());
    Ok(())
}

pub(crate) fn exists(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    reply.array(args.len());
    for sha in args.iter() {
        let known = reader.scripts().and_then(|known| known.script(sha));
        reply.integer(i64::from(known.is_some()));
    }
    Ok(())
}

pub(crate) fn flush(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    check_mode(args, ReplyError::SCRIPT_FLUSH_MODE)?;
    writer.scripts().forget_scripts();
    reply.ok();
    Ok(())
}

/// `ASYNC` and `SYNC` make no difference: a replica answers when the entry is applied.
pub(super) fn check_mode(args: Args<'_>, error: ReplyError) -> Outcome {
    match args.as_slice() {
        [] => Ok(()),
        [mode] if mode.eq_ignore_ascii_case(b"ASYNC") || mode.eq_ignore_ascii_case(b"SYNC") => Ok(()),
        _ => Err(error),
    }
}

/// Only what runs outside the log can be running now: what runs in it is bounded, and done before this is executed.
pub(crate) fn kill(reader: &Reader<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    kill_running(reader, false, reply)
}

pub(super) fn kill_running(reader: &Reader<'_>, functions: bool, reply: &mut ReplyWriter<'_>) -> Outcome {
    if !reader.scripts().is_some_and(|known| known.running.kill(functions)) {
        return Err(ReplyError::NOT_BUSY);
    }
    reply.ok();
    Ok(())
}

/// Whether a script was loaded, and its text, for a shard that does not know it.
pub(crate) fn text(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match reader.scripts().and_then(|known| known.told(&args[0])) {
        Some((loaded, text)) => {
            reply.array(2);
            reply.integer(i64::from(loaded));
            reply.bulk(text);
        }
        None => reply.null_array(),
    }
    Ok(())
}

/// `loaded text`: a script that another shard knows becomes known here, as if it had been loaded or run here too.
pub(crate) fn learn(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let text = &args[1];
    check_script(text)?;
    writer.scripts().learn(sha1_hex(text), text, &args[0] == b"1");
    reply.ok();
    Ok(())
}
