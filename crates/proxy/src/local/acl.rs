//! ACL over the one user there is, `default`, whose password is a setting.

use meridian_command::{Args, Categories, ReplyError, ReplyWriter, number::parse_i64, resolve, rows};
use meridian_rt::{clock::wall_micros, random};
use sha2::{Digest as _, Sha256};

use super::{Answer, Context};
use crate::{Settings, clients::DEFAULT_USER, gate};

const PASSWORD_BITS: i64 = 256;
const PASSWORD_BITS_MAX: i64 = 4096;
/// How many entries ACL LOG shows unless told.
const SHOWN: usize = 10;

pub(super) fn who_am_i(reply: &mut ReplyWriter<'_>) -> Answer {
    reply.bulk(DEFAULT_USER.as_bytes());
    Ok(())
}

pub(super) fn users(reply: &mut ReplyWriter<'_>) -> Answer {
    reply.array(1);
    reply.bulk(DEFAULT_USER.as_bytes());
    Ok(())
}

pub(super) fn categories(args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    match args.as_slice() {
        [] => {
            let names: Vec<&str> = Categories::all().names().collect();
            reply.array(names.len());
            names.iter().for_each(|name| reply.bulk(name.as_bytes()));
        }
        [name] => {
            let unknown = || ReplyError::from_bytes([b"ERR Unknown category '", *name, b"'"].concat());
            let category = Categories::named(name).ok_or_else(unknown)?;
            let found: Vec<_> = rows().filter(|row| row.acl_categories().intersects(category)).collect();
            reply.array(found.len());
            found.iter().for_each(|row| reply.bulk(row.name.to_ascii_lowercase().as_bytes()));
        }
        _ => return Err(ReplyError::subcommand_syntax(b"CAT", "ACL")),
    }
    Ok(())
}

/// The password as Redis shows it: its hash.
fn password(settings: &Settings) -> Option<String> {
    settings.needs_password().then(|| hex(settings.password.as_bytes()))
}

/// The hash of something.
fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn list(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let password = password(&context.shared.config.load());
    let password = password.map_or_else(|| "nopass".to_owned(), |hash| format!("#{hash}"));
    reply.array(1);
    reply.bulk(format!("user {DEFAULT_USER} on {password} ~* &* +@all").as_bytes());
    Ok(())
}

pub(super) fn get_user(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    if &args[0] != DEFAULT_USER.as_bytes() {
        reply.null();
        return Ok(());
    }
    let password = password(&context.shared.config.load());
    reply.map(6);
    reply.bulk(b"flags");
    let flags: &[&str] = if password.is_none() { &["on", "nopass"] } else { &["on"] };
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(usize::from(password.is_some()));
    password.iter().for_each(|hash| reply.bulk(hash.as_bytes()));
    for (name, rule) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        reply.bulk(name.as_bytes());
        reply.bulk(rule.as_bytes());
    }
    reply.bulk(b"selectors");
    reply.array(0);
    Ok(())
}

pub(super) fn delete_users(args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    if args.iter().any(|name| name == DEFAULT_USER.as_bytes()) {
        return Err(ReplyError::new("ERR The 'default' user cannot be removed"));
    }
    reply.integer(0);
    Ok(())
}

pub(super) fn set_user() -> Answer {
    Err(ReplyError::new(
        "ERR there is one user, 'default', who may do all; CONFIG SET requirepass gives it a password",
    ))
}

pub(super) fn dry_run(args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let (user, call) = (&args[0], args.from(1));
    if user != DEFAULT_USER.as_bytes() {
        return Err(ReplyError::from_bytes([b"ERR User '", user, b"' not found"].concat()));
    }
    let call = call.as_slice();
    if let Err(error) = resolve(call) {
        let name = call.first().copied().unwrap_or_default();
        let is_container = |row: &meridian_command::CommandSpec| {
            row.is_container() && row.name.as_bytes().eq_ignore_ascii_case(name)
        };
        let known = gate::meant(call).is_some() || call.len() == 1 && rows().any(is_container);
        let unknown = || ReplyError::from_bytes([b"ERR Command '", name, b"' not found"].concat());
        return Err(if known { error } else { unknown() });
    }
    reply.ok();
    Ok(())
}

pub(super) fn draw_password(args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let bits = match args.as_slice() {
        [] => PASSWORD_BITS,
        [bits] => parse_i64(bits).ok_or(ReplyError::NOT_AN_INTEGER)?,
        _ => return Err(ReplyError::subcommand_syntax(b"GENPASS", "ACL")),
    };
    let digits = usize::try_from(bits).ok().filter(|_| (1..=PASSWORD_BITS_MAX).contains(&bits));
    let digits = digits.map(|bits| bits.div_ceil(4)).ok_or(ReplyError::new(
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
    ))?;
    let mut text = String::new();
    while text.len() < digits {
        // The hash hides what the numbers of this process are drawn from.
        text += &hex(&random::next_u128().to_be_bytes());
    }
    reply.bulk(&text.as_bytes()[..digits]);
    Ok(())
}

/// ACL SAVE and LOAD.
pub(super) fn file() -> Answer {
    Err(ReplyError::new(
        "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
         SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order \
         to store users in the Redis configuration.",
    ))
}

pub(super) fn log(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let refusals = &context.shared.observed.refusals;
    let count = match args.as_slice() {
        [] => SHOWN,
        [word] if word.eq_ignore_ascii_case(b"reset") => {
            refusals.clear();
            reply.ok();
            return Ok(());
        }
        [count] => {
            let count = parse_i64(count).ok_or(ReplyError::NOT_AN_INTEGER)?;
            usize::try_from(count).unwrap_or(0)
        }
        _ => return Err(ReplyError::subcommand_syntax(b"LOG", "ACL")),
    };
    let now = wall_micros() / 1000;
    let entries = refusals.newest(count);
    reply.array(entries.len());
    for entry in entries {
        reply.map(10);
        reply.bulk(b"count");
        reply.integer(entry.count as i64);
        for (name, value) in [
            ("reason", &b"auth"[..]),
            ("context", b"toplevel"),
            ("object", entry.command.as_bytes()),
            ("username", &entry.user),
        ] {
            reply.bulk(name.as_bytes());
            reply.bulk(value);
        }
        let age = now.saturating_sub(entry.updated_ms);
        reply.bulk(b"age-seconds");
        reply.double_text(&format!("{}.{:03}", age / 1000, age % 1000));
        reply.bulk(b"client-info");
        reply.bulk(&entry.client);
        for (name, value) in [
            ("entry-id", entry.id),
            ("timestamp-created", entry.created_ms),
            ("timestamp-last-updated", entry.updated_ms),
        ] {
            reply.bulk(name.as_bytes());
            reply.integer(value as i64);
        }
    }
    Ok(())
}
