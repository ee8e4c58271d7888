//! The library `struct`: values as C lays them out.

use mlua::{Lua, MultiValue, Table, Value};

use crate::{
    float,
    raise::{TOO_MANY_RESULTS, positioned},
    sandbox::VALUES_MAX,
};

/// Widest integer.
const INTEGER_MAX: usize = 32;
/// What `!` stands for without a number.
const ALIGNMENT: usize = 8;

/// Makes the library.
pub(crate) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", lua.create_function(|lua, args: MultiValue| pack(lua, &args))?)?;
    table.raw_set("unpack", lua.create_function(|lua, args: MultiValue| unpack(lua, &args))?)?;
    table.raw_set("size", lua.create_function(|lua, args: MultiValue| size(lua, &args))?)?;
    Ok(table)
}

/// Reads a format: byte order and alignment as they stand, and the next item.
struct Format<'f> {
    rest: &'f [u8],
    little: bool,
    align: usize,
    /// The function it is an argument of.
    name: &'static str,
}

#[derive(Clone, Copy)]
struct Item {
    kind: u8,
    size: usize,
}

impl<'f> Format<'f> {
    fn new(text: &'f [u8], name: &'static str) -> Format<'f> {
        Format { rest: text, little: true, align: 1, name }
    }

    fn number(&mut self) -> Result<Option<usize>, String> {
        let mut found = None;
        while let Some((digit, rest)) = self.rest.split_first().filter(|(digit, _)| digit.is_ascii_digit()) {
            let value: usize = found.unwrap_or(0);
            if value > (i32::MAX as usize) / 10 || value * 10 > i32::MAX as usize - usize::from(digit - b'0')
            {
                return Err("integral size overflow".to_owned());
            }
            found = Some(value * 10 + usize::from(digit - b'0'));
            self.rest = rest;
        }
        Ok(found)
    }

    fn next(&mut self) -> Result<Option<Item>, String> {
        let Some((kind, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        let size = match kind {
            b'b' | b'B' | b'x' => 1,
            b'h' | b'H' => 2,
            b'l' | b'L' | b'T' | b'd' | b'n' => 8,
            b'f' => 4,
            b'c' => self.number()?.unwrap_or(1),
            b'i' | b'I' => {
                let size = self.number()?.unwrap_or(4);
                if size > INTEGER_MAX {
                    return Err(format!("integral size {size} is larger than limit of {INTEGER_MAX}"));
                }
                size
            }
            b's' | b' ' => 0,
            b'>' | b'<' => {
                self.little = *kind == b'<';
                0
            }
            b'!' => {
                let align = self.number()?.unwrap_or(ALIGNMENT);
                if align == 0 || !align.is_power_of_two() {
                    return Err(format!("alignment {align} is not a power of 2"));
                }
                self.align = align;
                0
            }
            other => {
                return Err(format!(
                    "bad argument #1 to '{}' (invalid format option '{}')",
                    self.name,
                    char::from(*other)
                ));
            }
        };
        Ok(Some(Item { kind: *kind, size }))
    }

    /// Bytes to skip so that an item of that size is aligned.
    fn padding(&self, item: Item, position: usize) -> usize {
        if item.size == 0 || item.kind == b'c' {
            return 0;
        }
        let align = item.size.min(self.align);
        if align > 1 { (align - (position & (align - 1))) & (align - 1) } else { 0 }
    }
}

fn format_argument(lua: &Lua, args: &MultiValue, name: &str) -> mlua::Result<Vec<u8>> {
    text_argument(lua, args, 0, name)
}

fn text_argument(lua: &Lua, args: &MultiValue, index: usize, name: &str) -> mlua::Result<Vec<u8>> {
    match lua.coerce_string(args.get(index).cloned().unwrap_or(Value::Nil))? {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => Err(bad(lua, args, index, name, "string")),
    }
}

fn bad(lua: &Lua, args: &MultiValue, index: usize, name: &str, wanted: &str) -> mlua::Error {
    let missing = if wanted == "number" { "nil" } else { "no value" };
    let given = args.get(index).map_or(missing, Value::type_name);
    positioned(lua, format!("bad argument #{} to '{name}' ({wanted} expected, got {given})", index + 1))
}

fn pack(lua: &Lua, args: &MultiValue) -> mlua::Result<mlua::String> {
    let format = format_argument(lua, args, "pack")?;
    let mut format = Format::new(&format, "pack");
    let mut out = Vec::new();
    let mut at = 1;
    while let Some(item) = format.next().map_err(|text| positioned(lua, text))? {
        let padding = format.padding(item, out.len());
        out.resize(out.len() + padding, 0);
        match item.kind {
            b'x' => out.push(0),
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                let value = number_argument(lua, args, &mut at)?;
                put_integer(&mut out, value, item.size, format.little);
            }
            b'f' | b'd' | b'n' => {
                let value = number_argument(lua, args, &mut at)?;
                let mut bytes = match item.kind {
                    b'f' => (value as f32).to_le_bytes().to_vec(),
                    _ => value.to_le_bytes().to_vec(),
                };
                if !format.little {
                    bytes.reverse();
                }
                out.extend_from_slice(&bytes);
            }
            b'c' | b's' => {
                let text = text_argument(lua, args, at, "pack")?;
                at += 1;
                let size = if item.kind == b's' || item.size == 0 { text.len() } else { item.size };
                if text.len() < size {
                    let text = format!("bad argument #{} to 'pack' (string too short)", at + 1);
                    return Err(positioned(lua, text));
                }
                out.extend_from_slice(&text[..size]);
                if item.kind == b's' {
                    out.push(0);
                }
            }
            _ => {}
        }
    }
    lua.create_string(out)
}

fn number_argument(lua: &Lua, args: &MultiValue, at: &mut usize) -> mlua::Result<f64> {
    let value = args.get(*at).cloned().unwrap_or(Value::Nil);
    let number = lua.coerce_number(value)?.ok_or_else(|| bad(lua, args, *at, "pack", "number"))?;
    *at += 1;
    Ok(number)
}

fn put_integer(out: &mut Vec<u8>, value: f64, size: usize, little: bool) {
    let bits = if value < 0.0 { float::truncated(value) as u64 } else { value as u64 };
    let byte = |index: usize| if index < 8 { (bits >> (8 * index)) as u8 } else { 0 };
    if little {
        out.extend((0..size).map(byte));
    } else {
        out.extend((0..size).rev().map(byte));
    }
}

fn unpack(lua: &Lua, args: &MultiValue) -> mlua::Result<MultiValue> {
    let format = format_argument(lua, args, "unpack")?;
    let data = text_argument(lua, args, 1, "unpack")?;
    let first = match args.get(2) {
        None | Some(Value::Nil) => 1,
        Some(value) => match lua.coerce_number(value.clone())? {
            Some(number) => float::truncated(number),
            None => return Err(bad(lua, args, 2, "unpack", "number")),
        },
    };
    if first == 0 {
        return Err(positioned(lua, "bad argument #3 to 'unpack' (offset must be 1 or greater)"));
    }
    // Redis takes what is negative for a large offset.
    let Some(mut at) = first.checked_sub(1).and_then(|at| usize::try_from(at).ok()) else {
        return Err(positioned(lua, "bad argument #2 to 'unpack' (data string too short)"));
    };
    let mut format = Format::new(&format, "unpack");
    let mut values: Vec<Value> = Vec::new();
    let short = || positioned(lua, "bad argument #2 to 'unpack' (data string too short)");
    while let Some(item) = format.next().map_err(|text| positioned(lua, text))? {
        if values.len() == VALUES_MAX {
            return Err(positioned(lua, TOO_MANY_RESULTS));
        }
        at = at.saturating_add(format.padding(item, at));
        let bytes = at.checked_add(item.size).and_then(|end| data.get(at..end)).ok_or_else(short)?;
        at += item.size;
        match item.kind {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                values.push(Value::Number(get_integer(bytes, format.little, item.kind.is_ascii_lowercase())));
            }
            b'f' | b'd' | b'n' => values.push(Value::Number(get_float(bytes, format.little))),
            b'c' => {
                let text = if item.size == 0 {
                    let length = match values.pop().as_ref().and_then(crate::order::number) {
                        Some(number) if number >= 0.0 => number as usize,
                        _ => return Err(positioned(lua, "format 'c0' needs a previous size")),
                    };
                    let text = at.checked_add(length).and_then(|end| data.get(at..end)).ok_or_else(short)?;
                    at += length;
                    text
                } else {
                    bytes
                };
                values.push(Value::String(lua.create_string(text)?));
            }
            b's' => {
                let rest = data.get(at..).unwrap_or_default();
                let Some(length) = rest.iter().position(|byte| *byte == 0) else {
                    return Err(positioned(lua, "unfinished string in data"));
                };
                values.push(Value::String(lua.create_string(&rest[..length])?));
                at += length + 1;
            }
            _ => {}
        }
    }
    values.push(Value::Number((at + 1) as f64));
    Ok(MultiValue::from_vec(values))
}

fn get_integer(bytes: &[u8], little: bool, signed: bool) -> f64 {
    let mut value = 0_u64;
    let shift = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    value = if little { bytes.iter().rev().fold(value, shift) } else { bytes.iter().fold(value, shift) };
    if !signed {
        return value as f64;
    }
    let unused = 64 - 8 * bytes.len().min(8) as u32;
    if unused == 64 { 0.0 } else { ((value << unused) as i64 >> unused) as f64 }
}

fn get_float(bytes: &[u8], little: bool) -> f64 {
    let mut bytes = bytes.to_vec();
    if !little {
        bytes.reverse();
    }
    match (<[u8; 4]>::try_from(&bytes[..]), <[u8; 8]>::try_from(&bytes[..])) {
        (Ok(four), _) => f64::from(f32::from_le_bytes(four)),
        (_, Ok(eight)) => f64::from_le_bytes(eight),
        _ => 0.0,
    }
}

fn size(lua: &Lua, args: &MultiValue) -> mlua::Result<f64> {
    let format = format_argument(lua, args, "size")?;
    let mut format = Format::new(&format, "size");
    let mut position = 0_usize;
    while let Some(item) = format.next().map_err(|text| positioned(lua, text))? {
        position += format.padding(item, position);
        if item.kind == b's' {
            return Err(positioned(lua, "bad argument #1 to 'size' (option 's' has no fixed size)"));
        }
        if item.kind == b'c' && item.size == 0 {
            return Err(positioned(lua, "bad argument #1 to 'size' (option 'c0' has no fixed size)"));
        }
        position += item.size;
    }
    Ok(position as f64)
}
