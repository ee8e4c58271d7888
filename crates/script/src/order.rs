//! Tables in the order of their keys: numbers, strings, booleans.

use std::cmp::Ordering;

use mlua::{Table, Value};

/// All pairs of a table in their order; `None` if a key has none.
pub(crate) fn sorted_pairs(table: &Table) -> mlua::Result<Option<Vec<(Value, Value)>>> {
    let mut pairs = Vec::new();
    let mut ordered = true;
    table.for_each(|key: Value, value: Value| {
        ordered &= rank(&key) < 3;
        pairs.push((key, value));
        Ok(())
    })?;
    if !ordered {
        return Ok(None);
    }
    pairs.sort_by(|(one, _), (other, _)| compare(one, other));
    Ok(Some(pairs))
}

/// A number of Lua, however the binding hands it over.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(integer) => Some(*integer as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

fn rank(key: &Value) -> u8 {
    match key {
        Value::Integer(_) | Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Boolean(_) => 2,
        _ => 3,
    }
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.as_bytes()[..].cmp(&other.as_bytes()[..]),
        (Value::Boolean(one), Value::Boolean(other)) => one.cmp(other),
        _ => match (number(one), number(other)) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            _ => rank(one).cmp(&rank(other)),
        },
    }
}
