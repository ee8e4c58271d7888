//! The library `cmsgpack`: MessagePack.

use mlua::{IntoLua, Lua, MultiValue, Table, Value};

use crate::{
    TEXT_MAX, float, order,
    raise::{TOO_MANY_RESULTS, positioned},
    sandbox::VALUES_MAX,
};

/// Deeper tables are packed as nil.
const DEPTH_MAX: usize = 16;
/// Deeper input is refused.
const UNPACK_DEPTH_MAX: usize = 1000;

/// Makes the library.
pub(crate) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    table.raw_set("pack", lua.create_function(|lua, args: MultiValue| pack(lua, &args))?)?;
    let unpack = |lua: &Lua, args: MultiValue| -> mlua::Result<MultiValue> {
        unpack_some(lua, &data(lua, &args, "unpack")?, None, 0)
    };
    table.raw_set("unpack", lua.create_function(unpack)?)?;
    let unpack_one = |lua: &Lua, args: MultiValue| -> mlua::Result<MultiValue> {
        let offset = optional(lua, &args, 1, 0)?;
        unpack_some(lua, &data(lua, &args, "unpack_one")?, Some(1), offset)
    };
    table.raw_set("unpack_one", lua.create_function(unpack_one)?)?;
    let unpack_limit = |lua: &Lua, args: MultiValue| -> mlua::Result<MultiValue> {
        let limit = optional(lua, &args, 1, 0)?;
        let offset = optional(lua, &args, 2, 0)?;
        unpack_some(lua, &data(lua, &args, "unpack_limit")?, Some(limit), offset)
    };
    table.raw_set("unpack_limit", lua.create_function(unpack_limit)?)?;
    Ok(table)
}

fn data(lua: &Lua, args: &MultiValue, name: &str) -> mlua::Result<Vec<u8>> {
    let value = args.front().cloned().unwrap_or(Value::Nil);
    if let Some(text) = lua.coerce_string(value)? {
        return Ok(text.as_bytes().to_vec());
    }
    let given = args.front().map_or("no value", Value::type_name);
    Err(positioned(lua, format!("bad argument #1 to '{name}' (string expected, got {given})")))
}

fn optional(lua: &Lua, args: &MultiValue, index: usize, default: i64) -> mlua::Result<i64> {
    let Some(value) = args.get(index).filter(|value| !value.is_nil()) else { return Ok(default) };
    match lua.coerce_number(value.clone())? {
        Some(number) => Ok(float::truncated(number)),
        None => {
            let given = value.type_name();
            let text = format!("bad argument #{} to '?' (number expected, got {given})", index + 1);
            Err(positioned(lua, text))
        }
    }
}

fn pack(lua: &Lua, args: &MultiValue) -> mlua::Result<mlua::String> {
    if args.is_empty() {
        return Err(positioned(lua, "bad argument #0 to 'pack' (MessagePack pack needs input.)"));
    }
    let mut out = Vec::new();
    for value in args {
        put(lua, &mut out, value, 0)?;
    }
    lua.create_string(out)
}

fn put(lua: &Lua, out: &mut Vec<u8>, value: &Value, depth: usize) -> mlua::Result<()> {
    if out.len() > TEXT_MAX {
        return Err(positioned(lua, "the table is too large to be packed"));
    }
    match value {
        Value::String(text) => put_text(out, &text.as_bytes()),
        Value::Boolean(value) => out.push(if *value { 0xc3 } else { 0xc2 }),
        Value::Integer(_) | Value::Number(_) => put_number(out, order::number(value).unwrap_or_default()),
        Value::Table(_) if depth == DEPTH_MAX => out.push(0xc0),
        Value::Table(table) => {
            let Some(keys) = order::sorted_keys(table)? else {
                return Err(positioned(lua, "a table with a table or a function as key cannot be packed"));
            };
            let is_array =
                keys.iter().enumerate().all(|(index, key)| key.number() == Some((index + 1) as f64));
            put_length(out, keys.len(), if is_array { [0x90, 0xdc, 0xdd] } else { [0x80, 0xde, 0xdf] });
            for key in &keys {
                if !is_array {
                    put(lua, out, &key.into_lua(lua)?, depth + 1)?;
                }
                put(lua, out, &table.raw_get(key)?, depth + 1)?;
            }
        }
        _ => out.push(0xc0),
    }
    Ok(())
}

fn put_length(out: &mut Vec<u8>, length: usize, [fixed, short, long]: [u8; 3]) {
    match length {
        0..=15 => out.push(fixed | length as u8),
        16..=0xffff => {
            out.push(short);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(long);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length @ 32..=0xff => out.extend_from_slice(&[0xd9, length as u8]),
        length @ 0x100..=0xffff => {
            out.push(0xda);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0xdb);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

fn put_number(out: &mut Vec<u8>, number: f64) {
    let Some(integer) = float::integer(number) else {
        if f64::from(number as f32) == number {
            out.push(0xca);
            out.extend_from_slice(&(number as f32).to_be_bytes());
        } else {
            out.push(0xcb);
            out.extend_from_slice(&number.to_be_bytes());
        }
        return;
    };
    let bytes = integer.to_be_bytes();
    match integer {
        -32..=127 => out.push(integer as u8),
        128..=0xff => out.extend_from_slice(&[0xcc, bytes[7]]),
        0x100..=0xffff => out.extend([0xcd].iter().chain(&bytes[6..])),
        0x1_0000..=0xffff_ffff => out.extend([0xce].iter().chain(&bytes[4..])),
        0x1_0000_0000.. => out.extend([0xcf].iter().chain(&bytes)),
        -128..=-33 => out.extend_from_slice(&[0xd0, bytes[7]]),
        -0x8000..=-129 => out.extend([0xd1].iter().chain(&bytes[6..])),
        -0x8000_0000..=-0x8001 => out.extend([0xd2].iter().chain(&bytes[4..])),
        _ => out.extend([0xd3].iter().chain(&bytes)),
    }
}

/// Unpacks all values, or at most `limit`; with a limit the first result is where to go on, -1 at the end.
fn unpack_some(lua: &Lua, data: &[u8], limit: Option<i64>, offset: i64) -> mlua::Result<MultiValue> {
    let length = data.len();
    if limit.is_some_and(|limit| limit < 0) || offset < 0 {
        let text = format!("Invalid request to unpack with offset of {offset} and limit of {length}.");
        return Err(positioned(lua, text));
    }
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    if start > length {
        let text = format!("Start offset {offset} greater than input length {length}.");
        return Err(positioned(lua, text));
    }
    let limit = limit.map_or(usize::MAX, |limit| match limit {
        0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    });
    let all = limit == usize::MAX;
    let mut rest = &data[start..];
    let mut values = Vec::new();
    while !rest.is_empty() && values.len() < limit {
        if values.len() == VALUES_MAX {
            return Err(positioned(lua, TOO_MANY_RESULTS));
        }
        match take(lua, &mut rest, 0)? {
            Ok(value) => values.push(value),
            Err(text) => return Err(positioned(lua, text)),
        }
    }
    if !all {
        let next = if rest.is_empty() { -1.0 } else { (length - rest.len()) as f64 };
        values.insert(0, Value::Number(next));
    }
    Ok(MultiValue::from_vec(values))
}

const MISSING: &str = "Missing bytes in input.";
const BAD: &str = "Bad data format in input.";

type Taken<T> = Result<T, &'static str>;

fn take(lua: &Lua, rest: &mut &[u8], depth: usize) -> mlua::Result<Taken<Value>> {
    let head = match byte(rest) {
        Ok(head) => head,
        Err(text) => return Ok(Err(text)),
    };
    let length = match head {
        0x80..=0x8f => return map(lua, rest, usize::from(head & 0xf), depth),
        0x90..=0x9f => return array(lua, rest, usize::from(head & 0xf), depth),
        0xa0..=0xbf => Ok(usize::from(head & 0x1f)),
        0xc4 | 0xd9 => big_endian::<1>(rest).map(|bytes| usize::from(bytes[0])),
        0xc5 | 0xda => big_endian(rest).map(|bytes| usize::from(u16::from_be_bytes(bytes))),
        0xc6 | 0xdb => big_endian(rest).map(|bytes| u32::from_be_bytes(bytes) as usize),
        0xdc | 0xde => match big_endian(rest).map(u16::from_be_bytes) {
            Ok(count) if head == 0xdc => return array(lua, rest, usize::from(count), depth),
            Ok(count) => return map(lua, rest, usize::from(count), depth),
            Err(text) => Err(text),
        },
        0xdd | 0xdf => match big_endian(rest).map(u32::from_be_bytes) {
            Ok(count) if head == 0xdd => return array(lua, rest, count as usize, depth),
            Ok(count) => return map(lua, rest, count as usize, depth),
            Err(text) => Err(text),
        },
        _ => return Ok(scalar(head, rest)),
    };
    let bytes = length.and_then(|length| rest.split_at_checked(length).ok_or(MISSING));
    Ok(match bytes {
        Ok((bytes, behind)) => {
            *rest = behind;
            Ok(Value::String(lua.create_string(bytes)?))
        }
        Err(text) => Err(text),
    })
}

fn scalar(head: u8, rest: &mut &[u8]) -> Taken<Value> {
    let number = match head {
        0x00..=0x7f => f64::from(head),
        0xe0..=0xff => f64::from(head as i8),
        0xc0 => return Ok(Value::Nil),
        0xc2 | 0xc3 => return Ok(Value::Boolean(head == 0xc3)),
        0xca => f64::from(f32::from_be_bytes(big_endian(rest)?)),
        0xcb => f64::from_be_bytes(big_endian(rest)?),
        0xcc => f64::from(byte(rest)?),
        0xcd => f64::from(u16::from_be_bytes(big_endian(rest)?)),
        0xce => f64::from(u32::from_be_bytes(big_endian(rest)?)),
        0xcf => u64::from_be_bytes(big_endian(rest)?) as f64,
        0xd0 => f64::from(byte(rest)? as i8),
        0xd1 => f64::from(i16::from_be_bytes(big_endian(rest)?)),
        0xd2 => f64::from(i32::from_be_bytes(big_endian(rest)?)),
        0xd3 => i64::from_be_bytes(big_endian(rest)?) as f64,
        _ => return Err(BAD),
    };
    Ok(Value::Number(number))
}

fn array(lua: &Lua, rest: &mut &[u8], count: usize, depth: usize) -> mlua::Result<Taken<Value>> {
    if depth >= UNPACK_DEPTH_MAX {
        return Ok(Err(BAD));
    }
    let table = lua.create_table()?;
    for index in 1..=count {
        match take(lua, rest, depth + 1)? {
            Ok(value) => table.raw_set(index, value)?,
            Err(text) => return Ok(Err(text)),
        }
    }
    Ok(Ok(Value::Table(table)))
}

fn map(lua: &Lua, rest: &mut &[u8], count: usize, depth: usize) -> mlua::Result<Taken<Value>> {
    if depth >= UNPACK_DEPTH_MAX {
        return Ok(Err(BAD));
    }
    let table = lua.create_table()?;
    for _ in 0..count {
        let key = match take(lua, rest, depth + 1)? {
            Ok(key) => key,
            Err(text) => return Ok(Err(text)),
        };
        match take(lua, rest, depth + 1)? {
            Ok(_) if key.is_nil() || order::number(&key).is_some_and(f64::is_nan) => return Ok(Err(BAD)),
            Ok(value) => table.raw_set(key, value)?,
            Err(text) => return Ok(Err(text)),
        }
    }
    Ok(Ok(Value::Table(table)))
}

fn byte(rest: &mut &[u8]) -> Taken<u8> {
    big_endian::<1>(rest).map(|[byte]| byte)
}

fn big_endian<const N: usize>(rest: &mut &[u8]) -> Taken<[u8; N]> {
    let (bytes, behind) = rest.split_first_chunk::<N>().ok_or(MISSING)?;
    *rest = behind;
    Ok(*bytes)
}
