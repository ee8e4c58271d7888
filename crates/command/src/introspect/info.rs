//! `COMMAND` and `COMMAND INFO`.

use super::{integer_pair, key, row, shown_name, simple_set, subcommands, text_pair, top_level};
use crate::{Access, Args, Begin, CommandSpec, Find, Flags, KeySpec, ReplyError, ReplyWriter};

/// `COMMAND`: all rows.
pub fn all(_: Args<'_>, reply: &mut ReplyWriter<'_>) -> Result<(), ReplyError> {
    reply.array(top_level().count());
    for spec in top_level() {
        write_row(reply, spec);
    }
    Ok(())
}

/// `COMMAND INFO`: the rows that are named, or all.
pub fn info(names: Args<'_>, reply: &mut ReplyWriter<'_>) -> Result<(), ReplyError> {
    if names.is_empty() {
        return all(names, reply);
    }
    reply.array(names.len());
    for name in names.iter() {
        match row(name) {
            Some(spec) => write_row(reply, spec),
            None => reply.null(),
        }
    }
    Ok(())
}

fn write_row(reply: &mut ReplyWriter<'_>, spec: &CommandSpec) {
    let (first, last, step) = spec.legacy_key_range();
    reply.array(10);
    reply.bulk(shown_name(spec).as_bytes());
    reply.integer(spec.arity.redis());
    simple_set(reply, flag_names(spec));
    reply.integer(first);
    reply.integer(last);
    reply.integer(step);
    write_categories(reply, spec);
    reply.set(spec.tips.len());
    for tip in spec.tips {
        reply.bulk(tip.as_bytes());
    }
    reply.set(spec.keys.len());
    for keys in spec.keys {
        write_keys(reply, keys);
    }
    let subcommands = subcommands(spec);
    match subcommands.clone().count() {
        0 => reply.set(0),
        count => reply.array(count),
    }
    for sub in subcommands {
        write_row(reply, sub);
    }
}

fn write_categories(reply: &mut ReplyWriter<'_>, spec: &CommandSpec) {
    let names = spec.acl_categories().names();
    reply.set(names.clone().count());
    for name in names {
        reply.simple(&format!("@{name}"));
    }
}

/// In Redis' order.
fn flag_names(spec: &CommandSpec) -> impl Iterator<Item = &'static str> + Clone {
    const NAMES: [(Flags, &str); 16] = [
        (Flags::DENYOOM, "denyoom"),
        (Flags::ADMIN, "admin"),
        (Flags::PUBSUB, "pubsub"),
        (Flags::NOSCRIPT, "noscript"),
        (Flags::BLOCKING, "blocking"),
        (Flags::LOADING, "loading"),
        (Flags::STALE, "stale"),
        (Flags::SKIP_MONITOR, "skip_monitor"),
        (Flags::SKIP_SLOWLOG, "skip_slowlog"),
        (Flags::ASKING, "asking"),
        (Flags::FAST, "fast"),
        (Flags::NO_AUTH, "no_auth"),
        (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (Flags::NO_ASYNC_LOADING, "no_async_loading"),
        (Flags::NO_MULTI, "no_multi"),
        (Flags::MOVABLE_KEYS, "movablekeys"),
    ];
    let access = match spec.access {
        Access::Write => Some("write"),
        Access::Read => Some("readonly"),
        Access::Neither => None,
    };
    let flags = spec.flags;
    let busy = flags.contains(Flags::ALLOW_BUSY).then_some("allow_busy");
    let named = NAMES.into_iter().filter(move |(flag, _)| flags.contains(*flag)).map(|(_, name)| name);
    access.into_iter().chain(named).chain(busy)
}

fn write_keys(reply: &mut ReplyWriter<'_>, keys: &KeySpec) {
    reply.map(if keys.notes.is_empty() { 3 } else { 4 });
    if !keys.notes.is_empty() {
        text_pair(reply, "notes", keys.notes);
    }
    key(reply, "flags");
    simple_set(reply, keys.flags.names());
    key(reply, "begin_search");
    write_begin(reply, keys.begin);
    key(reply, "find_keys");
    write_find(reply, keys.find);
}

fn write_begin(reply: &mut ReplyWriter<'_>, begin: Begin) {
    reply.map(2);
    match begin {
        Begin::Index(position) => {
            text_pair(reply, "type", "index");
            key(reply, "spec");
            reply.map(1);
            integer_pair(reply, "index", position);
        }
        Begin::Unknown => {
            text_pair(reply, "type", "unknown");
            key(reply, "spec");
            reply.map(0);
        }
        Begin::Keyword(keyword, start) => {
            text_pair(reply, "type", "keyword");
            key(reply, "spec");
            reply.map(2);
            text_pair(reply, "keyword", keyword);
            integer_pair(reply, "startfrom", start);
        }
    }
}

fn write_find(reply: &mut ReplyWriter<'_>, find: Find) {
    reply.map(2);
    match find {
        Find::Range { last, step, limit } => {
            text_pair(reply, "type", "range");
            key(reply, "spec");
            reply.map(3);
            integer_pair(reply, "lastkey", last);
            integer_pair(reply, "keystep", step);
            integer_pair(reply, "limit", limit);
        }
        Find::Counted { count_at, first, step } => {
            text_pair(reply, "type", "keynum");
            key(reply, "spec");
            reply.map(3);
            integer_pair(reply, "keynumidx", count_at);
            integer_pair(reply, "firstkey", first);
            integer_pair(reply, "keystep", step);
        }
        Find::Custom(_) | Find::Patterns(_) => {
            text_pair(reply, "type", "unknown");
            key(reply, "spec");
            reply.map(0);
        }
    }
}
