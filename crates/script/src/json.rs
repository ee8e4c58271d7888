//! The library `cjson`, with the settings that scripts can change.

mod decode;
mod encode;

use std::{cell::Cell, rc::Rc};

use mlua::{Lua, MultiValue, Table, Value};

use crate::{float, raise::positioned};

/// Whatever a script sets, no value is nested deeper: the stack has an end, as Lua's has in Redis.
const NESTED_MAX: i64 = 1000;

/// What to do with numbers that JSON does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invalid {
    Refuse,
    Keep,
    Null,
}

/// The settings of one script.
#[derive(Clone, Copy, Debug)]
struct Config {
    convert_sparse: bool,
    sparse_ratio: i64,
    sparse_safe: i64,
    encode_depth: i64,
    decode_depth: i64,
    precision: i64,
    encode_invalid: Invalid,
    decode_invalid: bool,
    keep_buffer: bool,
}

const DEFAULTS: Config = Config {
    convert_sparse: false,
    sparse_ratio: 2,
    sparse_safe: 10,
    encode_depth: 1000,
    decode_depth: 1000,
    precision: 14,
    encode_invalid: Invalid::Refuse,
    decode_invalid: true,
    keep_buffer: true,
};

type Shared = Rc<Cell<Config>>;

/// Makes the library.
pub(crate) fn library(lua: &Lua) -> mlua::Result<Table> {
    let config: Shared = Rc::new(Cell::new(DEFAULTS));
    let table = lua.create_table()?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    table.raw_set("null", Value::NULL)?;
    table.raw_set("new", lua.create_function(|lua, ()| library(lua))?)?;
    let own = Rc::clone(&config);
    let encode = move |lua: &Lua, args: MultiValue| {
        let value = only(lua, &args, "encode")?;
        let text = encode::encode(&own.get(), value).map_err(|text| positioned(lua, text))?;
        lua.create_string(text)
    };
    table.raw_set("encode", lua.create_function(encode)?)?;
    let own = Rc::clone(&config);
    let decode = move |lua: &Lua, args: MultiValue| {
        let value = only(lua, &args, "decode")?;
        let Some(text) = lua.coerce_string(value.clone())? else {
            return Err(bad(lua, 0, "decode", &format!("string expected, got {}", value.type_name())));
        };
        decode::decode(lua, &own.get(), &text.as_bytes())
    };
    table.raw_set("decode", lua.create_function(decode)?)?;
    settings(lua, &table, &config)?;
    Ok(table)
}

fn settings(lua: &Lua, table: &Table, config: &Shared) -> mlua::Result<()> {
    let number = |name: &'static str, range: (i64, i64), field: fn(&mut Config) -> &mut i64| {
        let own = Rc::clone(config);
        let set = move |lua: &Lua, args: MultiValue| {
            at_most(lua, &args, 1, name)?;
            let mut config = own.get();
            integer_option(lua, &args, 0, name, range, field(&mut config))?;
            own.set(config);
            Ok(*field(&mut config) as f64)
        };
        table.raw_set(name, lua.create_function(set)?)
    };
    number("encode_max_depth", (1, i64::from(i32::MAX)), |config| &mut config.encode_depth)?;
    number("decode_max_depth", (1, i64::from(i32::MAX)), |config| &mut config.decode_depth)?;
    number("encode_number_precision", (1, 14), |config| &mut config.precision)?;
    let own = Rc::clone(config);
    let sparse = move |lua: &Lua, args: MultiValue| {
        at_most(lua, &args, 3, "encode_sparse_array")?;
        let mut config = own.get();
        let name = "encode_sparse_array";
        bool_option(lua, &args, name, &mut config.convert_sparse)?;
        integer_option(lua, &args, 1, name, (0, i64::from(i32::MAX)), &mut config.sparse_ratio)?;
        integer_option(lua, &args, 2, name, (0, i64::from(i32::MAX)), &mut config.sparse_safe)?;
        own.set(config);
        Ok((config.convert_sparse, config.sparse_ratio as f64, config.sparse_safe as f64))
    };
    table.raw_set("encode_sparse_array", lua.create_function(sparse)?)?;
    let own = Rc::clone(config);
    let keep = move |lua: &Lua, args: MultiValue| {
        at_most(lua, &args, 1, "encode_keep_buffer")?;
        let mut config = own.get();
        bool_option(lua, &args, "encode_keep_buffer", &mut config.keep_buffer)?;
        own.set(config);
        Ok(config.keep_buffer)
    };
    table.raw_set("encode_keep_buffer", lua.create_function(keep)?)?;
    let own = Rc::clone(config);
    let decode_invalid = move |lua: &Lua, args: MultiValue| {
        at_most(lua, &args, 1, "decode_invalid_numbers")?;
        let mut config = own.get();
        bool_option(lua, &args, "decode_invalid_numbers", &mut config.decode_invalid)?;
        own.set(config);
        Ok(config.decode_invalid)
    };
    table.raw_set("decode_invalid_numbers", lua.create_function(decode_invalid)?)?;
    let own = Rc::clone(config);
    let encode_invalid = move |lua: &Lua, args: MultiValue| {
        at_most(lua, &args, 1, "encode_invalid_numbers")?;
        let mut config = own.get();
        invalid_option(lua, &args, &mut config.encode_invalid)?;
        own.set(config);
        Ok(match config.encode_invalid {
            Invalid::Refuse => Value::Boolean(false),
            Invalid::Keep => Value::Boolean(true),
            Invalid::Null => Value::String(lua.create_string("null")?),
        })
    };
    table.raw_set("encode_invalid_numbers", lua.create_function(encode_invalid)?)
}

fn only<'a>(lua: &Lua, args: &'a MultiValue, name: &str) -> mlua::Result<&'a Value> {
    match args.front() {
        Some(value) if args.len() == 1 => Ok(value),
        _ => Err(bad(lua, 0, name, "expected 1 argument")),
    }
}

fn bad(lua: &Lua, index: usize, name: &str, reason: &str) -> mlua::Error {
    positioned(lua, format!("bad argument #{} to '{name}' ({reason})", index + 1))
}

fn at_most(lua: &Lua, args: &MultiValue, count: usize, name: &str) -> mlua::Result<()> {
    if args.len() > count { Err(bad(lua, count, name, "found too many arguments")) } else { Ok(()) }
}

fn integer_option(
    lua: &Lua,
    args: &MultiValue,
    index: usize,
    name: &str,
    (least, most): (i64, i64),
    field: &mut i64,
) -> mlua::Result<()> {
    let Some(value) = args.get(index).filter(|value| !value.is_nil()) else { return Ok(()) };
    let Some(number) = lua.coerce_number(value.clone())? else {
        return Err(bad(lua, index, name, &format!("number expected, got {}", value.type_name())));
    };
    let number = float::truncated(number);
    if !(least..=most).contains(&number) {
        return Err(bad(lua, index, name, &format!("expected integer between {least} and {most}")));
    }
    *field = number;
    Ok(())
}

fn bool_option(lua: &Lua, args: &MultiValue, name: &str, field: &mut bool) -> mlua::Result<()> {
    match args.front() {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(value)) => *field = *value,
        Some(value) => *field = word(lua, value, name, &["off", "on"])? == 1,
    }
    Ok(())
}

fn invalid_option(lua: &Lua, args: &MultiValue, field: &mut Invalid) -> mlua::Result<()> {
    match args.front() {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(true)) => *field = Invalid::Keep,
        Some(Value::Boolean(false)) => *field = Invalid::Refuse,
        Some(value) => {
            let chosen = word(lua, value, "encode_invalid_numbers", &["off", "on", "null"])?;
            *field = [Invalid::Refuse, Invalid::Keep, Invalid::Null][chosen];
        }
    }
    Ok(())
}

fn word(lua: &Lua, value: &Value, name: &str, words: &[&str]) -> mlua::Result<usize> {
    let Some(text) = lua.coerce_string(value.clone())? else {
        return Err(bad(lua, 0, name, &format!("string expected, got {}", value.type_name())));
    };
    let found = words.iter().position(|word| word.as_bytes() == &text.as_bytes()[..]);
    found.ok_or_else(|| bad(lua, 0, name, &format!("invalid option '{}'", text.to_string_lossy())))
}
