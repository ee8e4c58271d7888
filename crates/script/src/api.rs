//! The table `redis`, but for what reaches the host.

use meridian_command::Protocol;
use mlua::{Lua, MultiValue, Scope, Table, Value};

use crate::{
    call::{Gate, acl_check},
    order, raise,
};

/// What scripts are told they run on.
const VERSION: &str = "7.4.0";
const VERSION_NUMBER: i64 = 0x07_04_00;

/// Levels of `redis.log`.
const LEVELS: [(&str, i64); 4] =
    [("LOG_DEBUG", 0), ("LOG_VERBOSE", 1), ("LOG_NOTICE", 2), ("LOG_WARNING", 3)];
/// Flags of `redis.set_repl`.
const REPLICATION: [(&str, i64); 5] =
    [("REPL_NONE", 0), ("REPL_SLAVE", 2), ("REPL_REPLICA", 2), ("REPL_AOF", 1), ("REPL_ALL", 3)];

/// Makes the table without `call` and its like.
pub(crate) fn table(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (name, value) in LEVELS.into_iter().chain(REPLICATION) {
        table.raw_set(name, value)?;
    }
    table.raw_set("REDIS_VERSION", VERSION)?;
    table.raw_set("REDIS_VERSION_NUM", VERSION_NUMBER)?;
    table.raw_set("sha1hex", lua.create_function(sha1hex)?)?;
    table.raw_set("error_reply", lua.create_function(error_reply)?)?;
    table.raw_set("status_reply", lua.create_function(status_reply)?)?;
    table.raw_set("log", lua.create_function(log)?)?;
    table.raw_set("set_repl", lua.create_function(set_repl)?)?;
    // Every replica executes the script: there is nothing to choose.
    table.raw_set("replicate_commands", lua.create_function(|_, ()| Ok(true))?)?;
    table.raw_set("breakpoint", lua.create_function(|_, ()| Ok(false))?)?;
    table.raw_set("debug", lua.create_function(|_, _: MultiValue| Ok(()))?)?;
    Ok(table)
}

/// Adds what reaches the host.
pub(crate) fn connect<'s, 'e, 'h: 'e>(
    scope: &'s Scope<'s, 'e>,
    table: &Table,
    gate: &'e Gate<'h>,
) -> mlua::Result<()> {
    for (name, protected) in [("call", false), ("pcall", true)] {
        let call = scope.create_function(move |lua, args: MultiValue| gate.call(lua, &args, protected))?;
        table.raw_set(name, call)?;
    }
    let setresp = scope.create_function(|_, args: MultiValue| {
        if args.len() != 1 {
            return Err(raise::table("ERR redis.setresp() requires one argument."));
        }
        let protocol = match args.front().and_then(order::number) {
            Some(2.0) => Protocol::Resp2,
            Some(3.0) => Protocol::Resp3,
            _ => return Err(raise::table("ERR RESP version must be 2 or 3.")),
        };
        gate.protocol.set(protocol);
        Ok(())
    })?;
    table.raw_set("setresp", setresp)?;
    let acl = scope.create_function(|_, args: MultiValue| acl_check(gate, &args).map_err(raise::table))?;
    table.raw_set("acl_check_cmd", acl)
}

fn sha1hex(_: &Lua, args: MultiValue) -> mlua::Result<String> {
    match (args.len(), args.front()) {
        (1, Some(Value::String(text))) => Ok(crate::sha1_hex(&text.as_bytes())),
        (1, Some(value)) => match order::number(value) {
            Some(number) => Ok(crate::sha1_hex(crate::float::general(number, 14).as_bytes())),
            None => Ok(crate::sha1_hex(b"")),
        },
        _ => Err(raise::table("ERR wrong number of arguments")),
    }
}

/// The only argument, if it is a string.
fn only_text(args: &MultiValue) -> Option<mlua::String> {
    match (args.len(), args.front()) {
        (1, Some(Value::String(text))) => Some(text.clone()),
        _ => None,
    }
}

const BAD_SINGLE: &str = "ERR wrong number or type of arguments";

fn error_reply(lua: &Lua, args: MultiValue) -> mlua::Result<Value> {
    let Some(text) = only_text(&args) else {
        return raise::error_table(lua, lua.create_string(BAD_SINGLE)?);
    };
    let text = text.as_bytes();
    let line = text.strip_prefix(b"-").unwrap_or(&text);
    let end = line.len() - line.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let line = &line[..end];
    let whole = if line.contains(&b' ') { line.to_vec() } else { [b"ERR ", line].concat() };
    let table = lua.create_table()?;
    table.raw_set("err", lua.create_string(whole)?)?;
    Ok(Value::Table(table))
}

fn status_reply(lua: &Lua, args: MultiValue) -> mlua::Result<Value> {
    let Some(text) = only_text(&args) else {
        return raise::error_table(lua, lua.create_string(BAD_SINGLE)?);
    };
    let table = lua.create_table()?;
    table.raw_set("ok", text)?;
    Ok(Value::Table(table))
}

fn log(lua: &Lua, args: MultiValue) -> mlua::Result<()> {
    if args.len() < 2 {
        return Err(raise::table("ERR redis.log() requires two arguments or more."));
    }
    let Some(level) = args.front().and_then(order::number) else {
        return Err(raise::table("ERR First argument must be a number (log level)."));
    };
    if !(0.0..=3.0).contains(&level) {
        return Err(raise::table("ERR Invalid log level."));
    }
    let mut words = Vec::new();
    for value in args.iter().skip(1) {
        if let Some(text) = lua.coerce_string(value.clone())? {
            words.push(text.to_string_lossy());
        }
    }
    let text = words.join(" ");
    match level as u8 {
        0 => tracing::trace!(target: "script", "{text}"),
        1 => tracing::debug!(target: "script", "{text}"),
        2 => tracing::info!(target: "script", "{text}"),
        _ => tracing::warn!(target: "script", "{text}"),
    }
    Ok(())
}

fn set_repl(lua: &Lua, args: MultiValue) -> mlua::Result<()> {
    if args.len() != 1 {
        return Err(raise::table("ERR redis.set_repl() requires one argument."));
    }
    let flags = lua.coerce_number(args.front().cloned().unwrap_or(Value::Nil))?.unwrap_or_default();
    if flags as i64 & !3 != 0 {
        return Err(raise::table(
            "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
        ));
    }
    Ok(())
}
