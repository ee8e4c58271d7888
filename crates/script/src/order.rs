//! Tables in the order of their keys: numbers, strings, booleans.
//!
//! Keys are taken out of Lua, and values looked at one by one: the binding has room for a few thousand references to
//! Lua's values at a time, and a table may have any number of them.

use std::cmp::Ordering;

use mlua::{IntoLua, Lua, Table, Value};

/// A key that has an order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    Number(f64),
    Text(Vec<u8>),
    Boolean(bool),
}

impl Key {
    fn of(value: &Value) -> Option<Key> {
        match value {
            Value::String(text) => Some(Key::Text(text.as_bytes().to_vec())),
            Value::Boolean(value) => Some(Key::Boolean(*value)),
            other => number(other).map(Key::Number),
        }
    }

    /// The key, if it is a number.
    pub(crate) fn number(&self) -> Option<f64> {
        if let Key::Number(number) = self { Some(*number) } else { None }
    }

    fn compare(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Number(one), Key::Number(other)) => one.total_cmp(other),
            (Key::Text(one), Key::Text(other)) => one.cmp(other),
            (Key::Boolean(one), Key::Boolean(other)) => one.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Key::Number(_) => 0,
            Key::Text(_) => 1,
            Key::Boolean(_) => 2,
        }
    }
}

impl IntoLua for &Key {
    fn into_lua(self, lua: &Lua) -> mlua::Result<Value> {
        Ok(match self {
            Key::Number(number) => Value::Number(*number),
            Key::Text(text) => Value::String(lua.create_string(text)?),
            Key::Boolean(value) => Value::Boolean(*value),
        })
    }
}

/// All keys of a table in their order; `None` if one has none.
pub(crate) fn sorted_keys(table: &Table) -> mlua::Result<Option<Vec<Key>>> {
    let mut keys = Some(Vec::new());
    table.for_each(|key: Value, _: Value| {
        keys = keys.take().zip(Key::of(&key)).map(|(mut keys, key)| {
            keys.push(key);
            keys
        });
        Ok(())
    })?;
    if let Some(keys) = &mut keys {
        keys.sort_by(Key::compare);
    }
    Ok(keys)
}

/// A number of Lua, however the binding hands it over.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(integer) => Some(*integer as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}
