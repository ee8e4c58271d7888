//! The library `bit`: 32-bit integers.

use mlua::{Lua, MultiValue, Table, Value};

use crate::raise::positioned;

/// Makes the library.
pub(crate) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let unary = |name: &'static str, f: fn(u32) -> u32| -> mlua::Result<()> {
        let function =
            lua.create_function(move |lua, args: MultiValue| Ok(signed(f(argument(lua, &args, 0, name)?))))?;
        table.raw_set(name, function)
    };
    unary("tobit", |value| value)?;
    unary("bnot", |value| !value)?;
    unary("bswap", u32::swap_bytes)?;
    let fold = |name: &'static str, f: fn(u32, u32) -> u32| -> mlua::Result<()> {
        let function = lua.create_function(move |lua, args: MultiValue| {
            let mut value = argument(lua, &args, 0, name)?;
            for index in 1..args.len() {
                value = f(value, argument(lua, &args, index, name)?);
            }
            Ok(signed(value))
        })?;
        table.raw_set(name, function)
    };
    fold("band", |one, other| one & other)?;
    fold("bor", |one, other| one | other)?;
    fold("bxor", |one, other| one ^ other)?;
    let shift = |name: &'static str, f: fn(u32, u32) -> u32| -> mlua::Result<()> {
        let function = lua.create_function(move |lua, args: MultiValue| {
            let value = argument(lua, &args, 0, name)?;
            Ok(signed(f(value, argument(lua, &args, 1, name)? & 31)))
        })?;
        table.raw_set(name, function)
    };
    shift("lshift", |value, by| value << by)?;
    shift("rshift", |value, by| value >> by)?;
    shift("arshift", |value, by| (value as i32 >> by) as u32)?;
    shift("rol", u32::rotate_left)?;
    shift("ror", u32::rotate_right)?;
    table.raw_set("tohex", lua.create_function(|lua, args: MultiValue| to_hex(lua, &args))?)?;
    Ok(table)
}

fn to_hex(lua: &Lua, args: &MultiValue) -> mlua::Result<String> {
    let value = argument(lua, args, 0, "tohex")?;
    let digits = if args.len() < 2 { 8 } else { argument(lua, args, 1, "tohex")? as i32 };
    let count = digits.unsigned_abs().min(8) as usize;
    let text = if digits < 0 { format!("{value:08X}") } else { format!("{value:08x}") };
    Ok(text[8 - count..].to_owned())
}

fn signed(value: u32) -> f64 {
    f64::from(value as i32)
}

fn argument(lua: &Lua, args: &MultiValue, index: usize, name: &str) -> mlua::Result<u32> {
    let value = args.get(index).cloned().unwrap_or(Value::Nil);
    if let Some(number) = lua.coerce_number(value)? {
        // As the reference implementation: the low 32 bits after rounding to even.
        return Ok(((number + 6_755_399_441_055_744.0).to_bits() & 0xffff_ffff) as u32);
    }
    let given = args.get(index).map_or("no value", Value::type_name);
    let text = format!("bad argument #{} to '{name}' (number expected, got {given})", index + 1);
    Err(positioned(lua, text))
}
