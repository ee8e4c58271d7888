//! ACL: who there is, who may do what, and what was refused.

mod users;

use std::sync::Arc;

use meridian_command::{
    Args, Categories, CommandSpec, ReplyError, ReplyWriter, acl::Selector, number::parse_i64, resolve, rows,
};
use meridian_rt::{clock::wall_micros, random};
use sha2::{Digest as _, Sha256};

use super::{Answer, Context};
use crate::gate;

pub(super) use users::{delete_users, set_user};

const PASSWORD_BITS: i64 = 256;
const PASSWORD_BITS_MAX: i64 = 4096;
/// How many entries ACL LOG shows unless told.
const SHOWN: usize = 10;

pub(super) fn who_am_i(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    reply.bulk(&context.session.account().name);
    Ok(())
}

pub(super) fn users(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let accounts = context.shared.users.load();
    reply.array(accounts.iter().len());
    accounts.iter().for_each(|account| reply.bulk(&account.name));
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

/// The hash of something.
fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn list(context: &Context<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let accounts = context.shared.users.load();
    reply.array(accounts.iter().len());
    for account in accounts.iter() {
        reply.bulk(&[b"user ", account.name.as_slice(), b" ", &account.rules.describe()].concat());
    }
    Ok(())
}

pub(super) fn get_user(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let accounts = context.shared.users.load();
    let Some(account) = accounts.get(&args[0]) else {
        reply.null();
        return Ok(());
    };
    let user = &account.rules;
    reply.map(6);
    reply.bulk(b"flags");
    let flags = user.flags();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.array(user.passwords().len());
    user.passwords().iter().for_each(|hash| reply.bulk(hash.as_bytes()));
    write_selector(user.root(), reply);
    reply.bulk(b"selectors");
    reply.array(user.selectors().len());
    for selector in user.selectors() {
        reply.map(3);
        write_selector(selector, reply);
    }
    Ok(())
}

/// Three pairs of a map.
fn write_selector(selector: &Selector, reply: &mut ReplyWriter<'_>) {
    for (name, rules) in [
        ("commands", selector.commands_text().into_bytes()),
        ("keys", selector.keys_text()),
        ("channels", selector.channels_text()),
    ] {
        reply.bulk(name.as_bytes());
        reply.bulk(&rules);
    }
}

pub(super) fn dry_run(context: &Context<'_>, args: &Args<'_>, reply: &mut ReplyWriter<'_>) -> Answer {
    let (name, call) = (&args[0], args.from(1));
    let account = context.shared.users.load().get(name).map(Arc::clone);
    let account =
        account.ok_or_else(|| ReplyError::from_bytes([b"ERR User '", name, b"' not found"].concat()))?;
    let call = call.as_slice();
    let (command, words) = resolve(call).map_err(|error| {
        let name = call.first().copied().unwrap_or_default();
        let is_container =
            |row: &CommandSpec| row.is_container() && row.name.as_bytes().eq_ignore_ascii_case(name);
        let known = gate::meant(call).is_some() || call.len() == 1 && rows().any(is_container);
        let unknown = || ReplyError::from_bytes([b"ERR Command '", name, b"' not found"].concat());
        if known { error } else { unknown() }
    })?;
    match account.rules.check(command, call, words) {
        Ok(()) => reply.ok(),
        Err(denial) => reply.bulk(&denial.full_text(&account.name, command.spec(), call)),
    }
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

/// ACL SAVE and LOAD: users are kept by the cluster, in no file. What Redis says without a file of users is true of that.
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
            ("reason", entry.subject.reason.name().as_bytes()),
            ("context", entry.subject.place.name().as_bytes()),
            ("object", &entry.subject.object),
            ("username", &entry.subject.user),
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
