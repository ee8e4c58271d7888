//! From Lua to JSON.

use mlua::{Table, Value};

use super::{Config, Invalid, NESTED_MAX};
use crate::{
    TEXT_MAX, float,
    order::{self, Key},
};

/// Writes a value as JSON, or says why it cannot be.
pub(super) fn encode(config: &Config, value: &Value) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    put(config, &mut out, value, 0)?;
    Ok(out)
}

const KEY_KIND: &str = "table key must be a number or string";

fn cannot(kind: &str, reason: &str) -> String {
    format!("Cannot serialise {kind}: {reason}")
}

fn put(config: &Config, out: &mut Vec<u8>, value: &Value, depth: i64) -> Result<(), String> {
    if out.len() > TEXT_MAX {
        return Err("Cannot serialise, the text is too long".to_owned());
    }
    match value {
        Value::Nil => out.extend_from_slice(b"null"),
        Value::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        Value::LightUserData(pointer) if pointer.0.is_null() => out.extend_from_slice(b"null"),
        Value::Integer(_) | Value::Number(_) => {
            put_number(config, out, order::number(value).unwrap_or_default())?;
        }
        Value::String(text) => put_text(out, &text.as_bytes()),
        Value::Table(table) => put_table(config, out, table, depth + 1)?,
        other => return Err(cannot(other.type_name(), "type not supported")),
    }
    Ok(())
}

fn put_number(config: &Config, out: &mut Vec<u8>, number: f64) -> Result<(), String> {
    if !number.is_finite() {
        match config.encode_invalid {
            Invalid::Refuse => return Err(cannot("number", "must not be NaN or Inf")),
            Invalid::Null => {
                out.extend_from_slice(b"null");
                return Ok(());
            }
            Invalid::Keep if number.is_nan() => {
                out.extend_from_slice(b"nan");
                return Ok(());
            }
            Invalid::Keep => {}
        }
    }
    let precision = usize::try_from(config.precision).unwrap_or(14);
    out.extend_from_slice(float::general(number, precision).as_bytes());
    Ok(())
}

/// What a key is that has no order; of several kinds always the same one.
fn unordered_key(table: &Table) -> &'static str {
    let mut found: Option<&'static str> = None;
    let walked = table.for_each(|key: Value, _: Value| {
        let kind = match key {
            Value::Integer(_) | Value::Number(_) | Value::String(_) | Value::Boolean(_) => return Ok(()),
            Value::LightUserData(_) => "userdata",
            other => other.type_name(),
        };
        found = Some(found.map_or(kind, |least| least.min(kind)));
        Ok(())
    });
    walked.ok().and(found).unwrap_or("table")
}

fn put_table(config: &Config, out: &mut Vec<u8>, table: &Table, depth: i64) -> Result<(), String> {
    if depth > config.encode_depth.min(NESTED_MAX) {
        return Err(format!("Cannot serialise, excessive nesting ({depth})"));
    }
    let text = |error: mlua::Error| error.to_string();
    let sorted = order::sorted_keys(table).map_err(text)?;
    let keys = sorted.ok_or_else(|| cannot(unordered_key(table), KEY_KIND))?;
    if let Some(length) = array_length(config, &keys)? {
        out.push(b'[');
        for index in 1..=length {
            if index > 1 {
                out.push(b',');
            }
            put(config, out, &table.raw_get(index).map_err(text)?, depth)?;
        }
        out.push(b']');
        return Ok(());
    }
    out.push(b'{');
    for (index, key) in keys.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match key {
            Key::Text(text) => put_text(out, text),
            Key::Number(number) => {
                out.push(b'"');
                put_number(config, out, *number)?;
                out.push(b'"');
            }
            Key::Boolean(_) => return Err(cannot("boolean", KEY_KIND)),
        }
        out.push(b':');
        put(config, out, &table.raw_get(key).map_err(text)?, depth)?;
    }
    out.push(b'}');
    Ok(())
}

/// The length of the array that a table is; `None` for an object. An empty table is one.
fn array_length(config: &Config, keys: &[Key]) -> Result<Option<i64>, String> {
    let mut longest = 0;
    for key in keys {
        match key.number().and_then(float::integer) {
            Some(index) if index > 0 => longest = longest.max(index),
            _ => return Ok(None),
        }
    }
    let items = keys.len() as i64;
    let sparse = config.sparse_ratio > 0
        && longest > items.saturating_mul(config.sparse_ratio)
        && longest > config.sparse_safe;
    if sparse && !config.convert_sparse {
        return Err(cannot("table", "excessively sparse array"));
    }
    Ok((longest > 0 && !sparse).then_some(longest))
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'/' => out.extend_from_slice(b"\\/"),
            8 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..=31 | 127 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}
