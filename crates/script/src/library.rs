//! Libraries: code that registers functions.

use std::{cell::RefCell, rc::Rc};

use meridian_command::{
    ReplyError,
    shebang::{ScriptFlags, is_name, library_head},
};
use mlua::{Function, Lua, MultiValue, Table, Value};

use crate::{
    Terms,
    order::{Key, sorted_keys},
    raise,
    sandbox::{Sandbox, contained},
};

/// What is known of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryInfo {
    /// Its name.
    pub name: String,
    /// Its functions, in the order of their names.
    pub functions: Vec<FunctionInfo>,
}

/// What is known of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Its name.
    pub name: String,
    /// What it is good for.
    pub description: Option<Vec<u8>>,
    /// What it says of itself.
    pub flags: ScriptFlags,
}

/// A function that can be called.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub(crate) info: FunctionInfo,
    pub(crate) callback: Function,
}

/// Runs a library's code to see what it registers.
///
/// # Errors
/// What is wrong with its head, its code, or what it registers.
pub fn load_library(text: &[u8], terms: &Terms) -> Result<LibraryInfo, ReplyError> {
    let head = library_head(text)?;
    let found = stacker::maybe_grow(3 << 20, 8 << 20, || {
        let registered = contained(
            || {
                let sandbox = Sandbox::new(&terms.setup(true))?;
                register(&sandbox, text)
            },
            || true,
        );
        registered.unwrap_or_else(|error| Err(registering(&raise::text_of(&error))))
    })?;
    if found.is_empty() {
        return Err(ReplyError::LIBRARY_EMPTY);
    }
    let mut functions: Vec<FunctionInfo> = found.into_iter().map(|function| function.info).collect();
    functions.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(LibraryInfo { name: head.name, functions })
}

fn registering(text: &[u8]) -> ReplyError {
    ReplyError::from_bytes([b"ERR Error registering functions: ", text].concat())
}

/// Runs a library's code in a sandbox.
pub(crate) fn register(sandbox: &Sandbox, text: &[u8]) -> mlua::Result<Result<Vec<Registered>, ReplyError>> {
    let head = match library_head(text) {
        Ok(head) => head,
        Err(error) => return Ok(Err(error)),
    };
    let code = match sandbox.compile(&text[head.code..], "@user_function") {
        Ok(code) => code,
        Err(error) => {
            let text = [b"ERR Error compiling function: ", &raise::text_of(&error)[..]].concat();
            return Ok(Err(ReplyError::from_bytes(text)));
        }
    };
    let found: Rc<RefCell<Vec<Registered>>> = Rc::default();
    let into = Rc::clone(&found);
    let register = move |lua: &Lua, args: MultiValue| {
        let function = read(lua, &args).map_err(|text| raise::table([b"ERR ", &text[..]].concat()))?;
        let mut into = into.borrow_mut();
        if into.iter().any(|other| other.info.name == function.info.name) {
            return Err(raise::table("ERR Function already exists in the library"));
        }
        into.push(function);
        Ok(())
    };
    sandbox.api.raw_set("register_function", sandbox.lua.create_function(register)?)?;
    if let Err(failure) = sandbox.run(code, []) {
        let timeout: &[u8] = b"ERR FUNCTION LOAD timeout";
        let text = if sandbox.budget.is_over() { timeout } else { &failure.text };
        return Ok(Err(registering(text)));
    }
    let functions = found.borrow().clone();
    Ok(Ok(functions))
}

fn read(lua: &Lua, args: &MultiValue) -> Result<Registered, Vec<u8>> {
    match (args.len(), args.front(), args.get(1)) {
        (1, Some(Value::Table(table)), _) => named(lua, table),
        (1, ..) => {
            Err(b"calling redis.register_function with a single argument is only applicable to Lua table \
            (representing named arguments)."
                .to_vec())
        }
        (2, Some(name), Some(callback)) => {
            let Some(name) = text(lua, name) else {
                return Err(b"first argument to redis.register_function must be a string".to_vec());
            };
            let Value::Function(callback) = callback else {
                return Err(b"second argument to redis.register_function must be a function".to_vec());
            };
            made(name, None, ScriptFlags::empty(), callback.clone())
        }
        _ => Err(b"wrong number of arguments to redis.register_function".to_vec()),
    }
}

fn text(lua: &Lua, value: &Value) -> Option<Vec<u8>> {
    let text = lua.coerce_string(value.clone()).ok().flatten()?;
    Some(text.as_bytes().to_vec())
}

fn made(
    name: Vec<u8>,
    description: Option<Vec<u8>>,
    flags: ScriptFlags,
    callback: Function,
) -> Result<Registered, Vec<u8>> {
    if !is_name(&name) {
        return Err(ReplyError::LIBRARY_NAME.line()[4..].to_vec());
    }
    let name = String::from_utf8_lossy(&name).into_owned();
    Ok(Registered { info: FunctionInfo { name, description, flags }, callback })
}

fn named(lua: &Lua, table: &Table) -> Result<Registered, Vec<u8>> {
    let keys = sorted_keys(table).ok().flatten().unwrap_or_default();
    let (mut name, mut description, mut flags, mut callback) = (None, None, ScriptFlags::empty(), None);
    for key in &keys {
        let Key::Text(key_text) = key else {
            return Err(b"named argument key given to redis.register_function is not a string".to_vec());
        };
        let value: &Value = &table.raw_get(key).unwrap_or(Value::Nil);
        match &key_text[..] {
            b"function_name" => {
                name = Some(
                    text(lua, value).ok_or_else(|| argument("function_name argument given", "a string"))?,
                );
            }
            b"description" => {
                description =
                    Some(text(lua, value).ok_or_else(|| argument("description argument given", "a string"))?);
            }
            b"callback" => match value {
                Value::Function(function) => callback = Some(function.clone()),
                _ => return Err(argument("callback argument given", "a function")),
            },
            b"flags" => match value {
                Value::Table(list) => flags = read_flags(lua, list)?,
                _ => return Err(argument("flags argument", "a table representing function flags")),
            },
            _ => return Err(b"unknown argument given to redis.register_function".to_vec()),
        }
    }
    let name = name.ok_or(b"redis.register_function must get a function name argument")?;
    let callback = callback.ok_or(b"redis.register_function must get a callback argument")?;
    made(name, description, flags, callback)
}

fn argument(name: &str, kind: &str) -> Vec<u8> {
    format!("{name} to redis.register_function must be {kind}").into_bytes()
}

fn read_flags(lua: &Lua, list: &Table) -> Result<ScriptFlags, Vec<u8>> {
    let mut flags = ScriptFlags::empty();
    for index in 1_i64.. {
        let value: Value = list.raw_get(index).unwrap_or(Value::Nil);
        if value.is_nil() {
            break;
        }
        let name = text(lua, &value).ok_or(b"unknown flag given")?;
        flags |= ScriptFlags::named(&name).ok_or(b"unknown flag given")?;
    }
    Ok(flags)
}
