//! EVAL, EVALSHA, FCALL, and their forms that only read.

use meridian_command::{
    Args, ReplyError, ReplyWriter,
    acl::{Grant, Told},
    number::parse_i64,
};
use meridian_script::{
    Call, ScriptFlags, Terms, call_function, check_script, eval as run_script, script_head, sha1_hex,
};

use super::host::{Place, ShardHost, Slots};
use crate::{
    family::Outcome,
    keyspace::{Reader, Writer},
    settings::Settings,
};

/// What a script may reach.
struct Bounds {
    slots: Slots,
    /// What its user may do; nothing if that is everything.
    grant: Option<Grant>,
}

impl Bounds {
    /// Reads `slots`, or `slots|grant`.
    fn of(text: &[u8]) -> Result<Bounds, ReplyError> {
        let Some(bar) = text.iter().position(|byte| *byte == b'|') else {
            return Ok(Bounds { slots: Slots::parse(text)?, grant: None });
        };
        let grant = Grant::decode(&text[bar + 1..]).ok_or(ReplyError::INTERNAL_MALFORMED)?;
        Ok(Bounds { slots: Slots::parse(&text[..bar])?, grant: Some(grant) })
    }
}

/// A call of a script or function: `bounds what numkeys key... arg...`.
struct Parts<'a> {
    bounds: Bounds,
    what: &'a [u8],
    keys: &'a [&'a [u8]],
    args: &'a [&'a [u8]],
}

impl<'a> Parts<'a> {
    fn of(args: Args<'a>, no_number: ReplyError) -> Result<Parts<'a>, ReplyError> {
        let [bounds, what, count, rest @ ..] = args.as_slice() else {
            return Err(ReplyError::INTERNAL_MALFORMED);
        };
        let count = parse_i64(count).ok_or(no_number)?;
        if count > rest.len() as i64 {
            return Err(ReplyError::SCRIPT_KEYS_MANY);
        }
        let count = usize::try_from(count).map_err(|_| ReplyError::SCRIPT_KEYS_NEGATIVE)?;
        let (keys, args) = rest.split_at(count);
        Ok(Parts { bounds: Bounds::of(bounds)?, what, keys, args })
    }
}

fn terms(settings: &Settings, seed: u64) -> Terms {
    Terms {
        seed,
        instructions: u64::try_from(settings.script_max_instructions).unwrap_or_default(),
        memory_bytes: usize::try_from(settings.script_max_memory).unwrap_or_default(),
        kill: None,
    }
}

/// Whether commands that may need more memory are refused; an error if the whole script is.
fn refusal(writer: &Writer<'_>, flags: ScriptFlags) -> Result<bool, ReplyError> {
    let allowed = flags.intersects(ScriptFlags::ALLOW_OOM | ScriptFlags::NO_WRITES);
    if writer.is_full() && !allowed && !flags.contains(ScriptFlags::COMPAT) {
        return Err(ReplyError::SCRIPT_OUT_OF_MEMORY);
    }
    Ok(writer.is_full() && !allowed)
}

/// The flags of a script, unless they forbid running it this way.
fn admitted(flags: ScriptFlags, only_reads: bool) -> Result<bool, ReplyError> {
    let no_writes = flags.contains(ScriptFlags::NO_WRITES);
    if only_reads && !no_writes && !flags.contains(ScriptFlags::COMPAT) {
        return Err(ReplyError::SCRIPT_RO_WRITES);
    }
    Ok(only_reads || no_writes)
}

pub(crate) fn eval(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    by_text(writer, args, reply, false)
}

/// EVAL_RO in the log: where a script becomes known.
pub(crate) fn eval_ro_logged(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    by_text(writer, args, reply, true)
}

fn by_text(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    only_reads: bool,
) -> Outcome {
    let parts = Parts::of(args, ReplyError::NOT_AN_INTEGER)?;
    let sha = sha1_hex(parts.what);
    let text = parts.what;
    if writer.scripts().script(sha.as_bytes()).is_none() {
        check_script(text)?;
    }
    writer.scripts().learn(sha.clone(), text, false);
    script(writer, parts, &sha, text, only_reads, reply)
}

pub(crate) fn evalsha(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    by_sha(writer, args, reply, false)
}

/// EVALSHA_RO in the log: where other reads before it had to go there.
pub(crate) fn evalsha_ro_logged(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    by_sha(writer, args, reply, true)
}

fn by_sha(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, only_reads: bool) -> Outcome {
    let parts = sha_parts(args)?;
    let text = writer.scripts().script(parts.what).ok_or(ReplyError::NO_SCRIPT)?;
    let sha = sha1_hex(&text);
    script(writer, parts, &sha, &text, only_reads, reply)
}

/// What is no SHA-1 at all is not looked at further.
fn sha_parts(args: Args<'_>) -> Result<Parts<'_>, ReplyError> {
    if args.get(1).is_none_or(|sha| sha.len() != 40) {
        return Err(ReplyError::NO_SCRIPT);
    }
    Parts::of(args, ReplyError::NOT_AN_INTEGER)
}

fn script(
    writer: &mut Writer<'_>,
    parts: Parts<'_>,
    sha: &str,
    text: &[u8],
    only_reads: bool,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let flags = script_head(text)?.flags;
    let read_only = admitted(flags, only_reads)?;
    let full = refusal(writer, flags)?;
    let call = Call { text, name: sha, keys: parts.keys, args: parts.args, read_only };
    in_log(writer, parts.bounds, (!read_only, full), |host, terms| run_script(host, terms, &call, reply))
}

/// Runs something in the log, and leaves the writer where it was.
fn in_log(
    writer: &mut Writer<'_>,
    Bounds { slots, grant }: Bounds,
    (may_write, full): (bool, bool),
    run: impl FnOnce(&mut ShardHost<'_, '_>, &Terms) -> Outcome,
) -> Outcome {
    let terms = terms(writer.settings(), writer.random().next());
    let numbered = writer.numbered();
    let (outcome, told) = writer.without_blocking(|writer| {
        let told = Told::default();
        let place = Place::Log(writer);
        let mut host = ShardHost { place, slots, grant, told, numbered, may_write, full };
        let outcome = run(&mut host, &terms);
        (outcome, host.told)
    });
    writer.tell(told);
    writer.select(numbered);
    outcome
}

pub(crate) fn fcall(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    function(writer, args, reply, false)
}

/// FCALL_RO in the log: where other reads before it had to go there.
pub(crate) fn fcall_ro_logged(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    function(writer, args, reply, true)
}

fn function(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    only_reads: bool,
) -> Outcome {
    let name = String::from_utf8_lossy(args.get(1).unwrap_or_default()).into_owned();
    let found = writer.scripts().libraries().function(&name);
    let (info, library) = found.ok_or(ReplyError::FUNCTION_NOT_FOUND)?;
    let (flags, name, text) = (info.flags, info.name.clone(), library.text.clone());
    let parts = Parts::of(args, ReplyError::FUNCTION_KEYS)?;
    let read_only = admitted(flags, only_reads)?;
    let full = refusal(writer, flags)?;
    let call = Call { text: &text, name: &name, keys: parts.keys, args: parts.args, read_only };
    in_log(writer, parts.bounds, (!read_only, full), |host, terms| call_function(host, terms, &call, reply))
}

/// EVAL_RO outside the log: a script that is not known becomes so in it.
pub(crate) fn eval_ro(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let parts = Parts::of(args, ReplyError::NOT_AN_INTEGER)?;
    let sha = sha1_hex(parts.what);
    let known = reader.scripts().filter(|known| known.script(sha.as_bytes()).is_some());
    if known.is_none() {
        check_script(parts.what)?;
        reader.ask_for_log();
        return Ok(());
    }
    let text = parts.what;
    script_outside(reader, parts, &sha, text, reply)
}

pub(crate) fn evalsha_ro(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let parts = sha_parts(args)?;
    let known = reader.scripts().and_then(|known| known.script(parts.what));
    let text = known.ok_or(ReplyError::NO_SCRIPT)?;
    let sha = sha1_hex(&text);
    script_outside(reader, parts, &sha, &text, reply)
}

fn script_outside(
    reader: &Reader<'_>,
    parts: Parts<'_>,
    sha: &str,
    text: &[u8],
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    admitted(script_head(text)?.flags, true)?;
    let call = Call { text, name: sha, keys: parts.keys, args: parts.args, read_only: true };
    outside(reader, parts.bounds, sha, false, |host, terms| run_script(host, terms, &call, reply))
}

pub(crate) fn fcall_ro(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let name = String::from_utf8_lossy(args.get(1).unwrap_or_default()).into_owned();
    let found = reader.scripts().and_then(|known| known.libraries().function(&name));
    let (info, library) = found.ok_or(ReplyError::FUNCTION_NOT_FOUND)?;
    let parts = Parts::of(args, ReplyError::FUNCTION_KEYS)?;
    admitted(info.flags, true)?;
    let (text, name) = (&library.text, info.name.as_str());
    let call = Call { text, name, keys: parts.keys, args: parts.args, read_only: true };
    outside(reader, parts.bounds, name, true, |host, terms| call_function(host, terms, &call, reply))
}

/// Runs something outside the log, where it can be killed.
fn outside(
    reader: &Reader<'_>,
    Bounds { slots, grant }: Bounds,
    name: &str,
    is_function: bool,
    run: impl FnOnce(&mut ShardHost<'_, '_>, &Terms) -> Outcome,
) -> Outcome {
    let guard = reader.scripts().map(|known| known.running.begin(name, is_function));
    let mut terms = terms(reader.settings(), reader.random().next());
    terms.kill = guard.as_ref().map(|guard| std::sync::Arc::clone(&guard.kill));
    let mut inner = reader.again();
    let numbered = inner.numbered();
    let (place, told) = (Place::Read(&mut inner), Told::default());
    let mut host = ShardHost { place, slots, grant, told, numbered, may_write: false, full: false };
    let outcome = run(&mut host, &terms);
    reader.tell(host.told);
    reader.note(inner.take_misses());
    if inner.needs_tick() {
        reader.ask_for_log();
    }
    outcome
}
