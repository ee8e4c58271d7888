//! Errors on their way through Lua.
//!
//! What Rust raises travels as an error of this module; where a script catches it, it becomes what Redis would have
//! raised: a text with the position of the caller, or a table with a field `err`.

use std::fmt;

use mlua::{Error, Lua, Value};

/// A function would return more values than it can.
pub(crate) const TOO_MANY_RESULTS: &str = "too many results to unpack";

/// Raised by what scripts call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raised {
    pub(crate) text: Vec<u8>,
    /// Whether scripts see a table.
    pub(crate) table: bool,
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl std::error::Error for Raised {}

/// An error whose text begins with where the caller stands, as Lua's own libraries raise it.
pub(crate) fn positioned(lua: &Lua, text: impl AsRef<[u8]>) -> Error {
    positioned_at(lua, 1, text)
}

/// The same, for a caller further out.
pub(crate) fn positioned_at(lua: &Lua, level: usize, text: impl AsRef<[u8]>) -> Error {
    let mut whole = Vec::new();
    lua.inspect_stack(level, |caller| {
        if let Some(line) = caller.current_line() {
            let source = caller.source();
            whole.extend_from_slice(format!("{}:{line}: ", source.short_src.unwrap_or_default()).as_bytes());
        }
    });
    whole.extend_from_slice(text.as_ref());
    Error::external(Raised { text: whole, table: false })
}

/// An error that scripts see as a table.
pub(crate) fn table(text: impl Into<Vec<u8>>) -> Error {
    Error::external(Raised { text: text.into(), table: true })
}

/// What was raised, if it was raised here.
pub(crate) fn raised(error: &Error) -> Option<&Raised> {
    match error {
        Error::CallbackError { cause, .. } => raised(cause),
        Error::WithContext { cause, .. } => raised(cause),
        Error::ExternalError(error) => error.downcast_ref(),
        _ => None,
    }
}

/// The text of any error.
pub(crate) fn text_of(error: &Error) -> Vec<u8> {
    if let Some(raised) = raised(error) {
        return raised.text.clone();
    }
    match error {
        Error::CallbackError { cause, .. } | Error::WithContext { cause, .. } => text_of(cause),
        Error::RuntimeError(text) | Error::SyntaxError { message: text, .. } => text.clone().into_bytes(),
        Error::MemoryError(_) => b"not enough memory".to_vec(),
        other => other.to_string().into_bytes(),
    }
}

/// What a script sees of a caught problem.
pub(crate) fn plain(lua: &Lua, problem: Value) -> mlua::Result<Value> {
    let Value::Error(error) = problem else { return Ok(problem) };
    let text = lua.create_string(text_of(&error))?;
    match raised(&error) {
        Some(Raised { table: true, .. }) => error_table(lua, text),
        _ => Ok(Value::String(text)),
    }
}

/// `{err = text}` with the mark that Redis puts on errors of commands.
pub(crate) fn error_table(lua: &Lua, text: mlua::String) -> mlua::Result<Value> {
    let table = lua.create_table()?;
    table.raw_set("err", text)?;
    table.raw_set("ignore_error_stats_update", true)?;
    Ok(Value::Table(table))
}
