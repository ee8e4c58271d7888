//! Replies of commands as Lua values, and what a script returns as a reply.

use meridian_command::{Protocol, ReplyError, ReplyWriter};
use mlua::{Lua, Table, Value};

use crate::{
    float,
    order::{self, Key},
    raise,
};

/// Deeper values are cut off with an error, as Redis does when its Lua stack is full.
const DEPTH_MAX: usize = 1000;

/// Lua's `null`s: what RESP2 calls nil is `false`.
fn nil(protocol: Protocol) -> Value {
    match protocol {
        Protocol::Resp2 => Value::Boolean(false),
        Protocol::Resp3 => Value::Nil,
    }
}

/// Converts one reply from the front of `resp`. `None` if the bytes are none.
pub(crate) fn to_lua(lua: &Lua, resp: &mut &[u8], protocol: Protocol) -> mlua::Result<Option<Value>> {
    let Some(end) = resp.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let Some((kind, line)) = resp[..end].split_first() else { return Ok(None) };
    let (kind, line) = (*kind, line);
    *resp = &resp[end + 2..];
    let value = match kind {
        b'+' => field(lua, "ok", lua.create_string(line)?)?,
        b'-' => raise::error_table(lua, lua.create_string(line)?)?,
        b':' => match number(line) {
            Some(number) => Value::Number(number),
            None => return Ok(None),
        },
        b'_' => nil(protocol),
        b'#' => Value::Boolean(line == b"t"),
        b',' => match number(line) {
            Some(number) => field(lua, "double", number)?,
            None => return Ok(None),
        },
        b'(' => field(lua, "big_number", lua.create_string(line)?)?,
        b'$' | b'=' => match take_bulk(resp, line) {
            Some(None) => nil(protocol),
            Some(Some(bytes)) if kind == b'$' => Value::String(lua.create_string(bytes)?),
            Some(Some(bytes)) => verbatim(lua, bytes)?,
            None => return Ok(None),
        },
        b'*' | b'>' if line == b"-1" => nil(protocol),
        b'*' | b'>' | b'~' | b'%' => return aggregate(lua, kind, line, resp, protocol),
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn aggregate(
    lua: &Lua,
    kind: u8,
    line: &[u8],
    resp: &mut &[u8],
    protocol: Protocol,
) -> mlua::Result<Option<Value>> {
    let Some(count) = std::str::from_utf8(line).ok().and_then(|line| line.parse::<u64>().ok()) else {
        return Ok(None);
    };
    let table = lua.create_table()?;
    for index in 1..=count {
        let Some(first) = to_lua(lua, resp, protocol)? else { return Ok(None) };
        match kind {
            b'~' => table.raw_set(first, true)?,
            b'%' => {
                let Some(second) = to_lua(lua, resp, protocol)? else { return Ok(None) };
                if !first.is_nil() {
                    table.raw_set(first, second)?;
                }
            }
            _ => table.raw_set(index, first)?,
        }
    }
    Ok(Some(match kind {
        b'~' => field(lua, "set", table)?,
        b'%' => field(lua, "map", table)?,
        _ => Value::Table(table),
    }))
}

fn field(lua: &Lua, name: &str, value: impl mlua::IntoLua) -> mlua::Result<Value> {
    let table = lua.create_table()?;
    table.raw_set(name, value)?;
    Ok(Value::Table(table))
}

fn verbatim(lua: &Lua, bytes: &[u8]) -> mlua::Result<Value> {
    let (format, text) = bytes.split_at(bytes.len().min(4));
    let inner = lua.create_table()?;
    inner.raw_set("format", lua.create_string(format.get(..3).unwrap_or_default())?)?;
    inner.raw_set("string", lua.create_string(text)?)?;
    field(lua, "verbatim_string", inner)
}

fn number(line: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(line).ok()?;
    text.parse::<i64>().map(|integer| integer as f64).or_else(|_| text.parse()).ok()
}

/// The bytes of a bulk string; `Some(None)` for nil.
fn take_bulk<'a>(resp: &mut &'a [u8], line: &[u8]) -> Option<Option<&'a [u8]>> {
    if line == b"-1" {
        return Some(None);
    }
    let length: usize = std::str::from_utf8(line).ok()?.parse().ok()?;
    let (bytes, rest) = resp.split_at_checked(length)?;
    *resp = rest.strip_prefix(b"\r\n")?;
    Some(Some(bytes))
}

/// Writes what a script returned. `spoken` is the protocol that it chose with `redis.setresp`.
pub(crate) fn from_lua(value: &Value, spoken: Protocol, out: &mut ReplyWriter<'_>) -> mlua::Result<()> {
    write(value, spoken, out, 0)
}

fn write(value: &Value, spoken: Protocol, out: &mut ReplyWriter<'_>, depth: usize) -> mlua::Result<()> {
    if out.is_over() {
        // A table that holds another twice, and so on, stands for more than anybody can write.
        return Ok(());
    }
    match value {
        Value::String(text) => out.bulk(&text.as_bytes()),
        Value::Integer(integer) => out.integer(*integer),
        Value::Number(number) => out.integer(float::truncated(*number)),
        Value::Boolean(value) => match (spoken, value) {
            (Protocol::Resp3, _) => out.boolean(*value),
            (Protocol::Resp2, true) => out.integer(1),
            (Protocol::Resp2, false) => out.null(),
        },
        Value::Table(_) if depth >= DEPTH_MAX => out.error(&ReplyError::SCRIPT_STACK),
        Value::Table(table) => return write_table(table, spoken, out, depth),
        _ => out.null(),
    }
    Ok(())
}

fn write_table(table: &Table, spoken: Protocol, out: &mut ReplyWriter<'_>, depth: usize) -> mlua::Result<()> {
    if let Value::String(text) = table.raw_get("err")? {
        out.error(&ReplyError::from_bytes(text.as_bytes().to_vec()));
        return Ok(());
    }
    if let Value::String(text) = table.raw_get("ok")? {
        out.raw(&[b"+", &one_line(&text.as_bytes())[..], b"\r\n"].concat());
        return Ok(());
    }
    if let Some(number) = order::number(&table.raw_get("double")?) {
        out.double_text(&float::general(number, 17));
        return Ok(());
    }
    for (name, is_map) in [("map", true), ("set", false)] {
        if let Value::Table(inner) = table.raw_get(name)? {
            return write_pairs(&inner, is_map, spoken, out, depth);
        }
    }
    if let Value::String(text) = table.raw_get("big_number")? {
        let line = one_line(&text.as_bytes());
        match out.protocol() {
            Protocol::Resp2 => out.bulk(&line),
            Protocol::Resp3 => out.raw(&[b"(", &line[..], b"\r\n"].concat()),
        }
        return Ok(());
    }
    if let Value::Table(inner) = table.raw_get("verbatim_string")?
        && let (Value::String(format), Value::String(text)) =
            (inner.raw_get("format")?, inner.raw_get("string")?)
    {
        let mut three = String::from_utf8_lossy(&format.as_bytes()).into_owned();
        three.retain(|letter| letter.is_ascii());
        out.verbatim(&format!("{three:<3}")[..3], &text.as_bytes());
        return Ok(());
    }
    // Counted first: not all elements can be held at once.
    let mut length = 0;
    while !table.raw_get::<Value>(length + 1)?.is_nil() {
        length += 1;
    }
    out.array(length);
    (1..=length).try_for_each(|index| write(&table.raw_get(index)?, spoken, out, depth + 1))
}

fn write_pairs(
    table: &Table,
    is_map: bool,
    spoken: Protocol,
    out: &mut ReplyWriter<'_>,
    depth: usize,
) -> mlua::Result<()> {
    let Some(keys) = order::sorted_keys(table)? else {
        out.error(&ReplyError::SCRIPT_UNORDERED);
        return Ok(());
    };
    if is_map {
        out.map(keys.len());
    } else {
        out.set(keys.len());
    }
    for key in &keys {
        match key {
            Key::Number(number) => out.integer(float::truncated(*number)),
            Key::Text(text) => out.bulk(text),
            Key::Boolean(value) => write(&Value::Boolean(*value), spoken, out, depth + 1)?,
        }
        if is_map {
            write(&table.raw_get(key)?, spoken, out, depth + 1)?;
        }
    }
    Ok(())
}

fn one_line(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}
