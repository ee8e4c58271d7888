//! `redis.call` and `redis.pcall`: from arguments in Lua to a command and back.

use std::cell::{Cell, RefCell};

use meridian_command::{Command, Flags, Protocol, lookup, resolve};
use mlua::{Lua, MultiValue, Value};

use crate::{Host, Refused, float, raise, reply};

/// How scripts reach their host.
pub(crate) struct Gate<'h> {
    pub(crate) host: RefCell<&'h mut dyn Host>,
    /// What `redis.setresp` chose.
    pub(crate) protocol: Cell<Protocol>,
    pub(crate) read_only: bool,
    /// The host executes a command.
    pub(crate) host_runs: Cell<bool>,
}

/// No arguments at all.
pub(crate) const NO_ARGUMENTS: &str = "ERR Please specify at least one argument for this redis lib call";
const BAD_ARGUMENT: &str = "ERR Lua redis lib command arguments must be strings or integers";
const UNKNOWN: &str = "ERR Unknown Redis command called from script";
const WRONG_ARITY: &str = "ERR Wrong number of args calling Redis command from script";
const NOT_ALLOWED: &str = "ERR This Redis command is not allowed from script";
const READ_ONLY: &str = "ERR Write commands are not allowed from read-only scripts.";
const MALFORMED: &str = "ERR the reply of the command is malformed";

impl Gate<'_> {
    /// Executes a command. An error of the command is raised, or returned as a table if `protected`.
    pub(crate) fn call(&self, lua: &Lua, args: &MultiValue, protected: bool) -> mlua::Result<Value> {
        let failed = match self.execute(args) {
            Ok(bytes) if bytes.first() == Some(&b'-') => {
                bytes[1..].strip_suffix(b"\r\n").unwrap_or(&bytes[1..]).to_vec()
            }
            Ok(bytes) => match reply::to_lua(lua, &mut &bytes[..], self.protocol.get())? {
                Some(value) => return Ok(value),
                None => MALFORMED.as_bytes().to_vec(),
            },
            Err(text) => text,
        };
        if protected {
            return raise::error_table(lua, lua.create_string(failed)?);
        }
        Err(raise::table(failed))
    }

    fn execute(&self, args: &MultiValue) -> Result<Vec<u8>, Vec<u8>> {
        let words = words(args)?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let (command, name) = checked(&words)?;
        self.host_runs.set(true);
        let permitted = self.host.borrow_mut().permit(command, &words, name, false);
        self.host_runs.set(false);
        permitted?;
        let spec = command.spec();
        if self.read_only && (spec.is_write() || spec.flags.contains(Flags::MAY_REPLICATE)) {
            return Err(READ_ONLY.into());
        }
        let mut bytes = Vec::new();
        let mut host = self.host.borrow_mut();
        self.host_runs.set(true);
        let executed = host.execute(command, &words, name, self.protocol.get(), &mut bytes);
        self.host_runs.set(false);
        match executed {
            Ok(()) => Ok(bytes),
            Err(Refused::NotFromScripts) => Err(NOT_ALLOWED.into()),
            Err(Refused::Error(text)) => Err(text),
        }
    }
}

/// The words of a call.
pub(crate) fn words(args: &MultiValue) -> Result<Vec<Vec<u8>>, Vec<u8>> {
    if args.is_empty() {
        return Err(NO_ARGUMENTS.into());
    }
    args.iter().map(|arg| word(arg).ok_or_else(|| BAD_ARGUMENT.into())).collect()
}

fn word(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Integer(integer) => Some(integer.to_string().into_bytes()),
        Value::Number(number) => Some(match float::integer(*number) {
            Some(integer) => integer.to_string().into_bytes(),
            None => float::general(*number, 17).into_bytes(),
        }),
        _ => None,
    }
}

/// The command meant, and how many words its name has.
fn checked(words: &[&[u8]]) -> Result<(Command, usize), Vec<u8>> {
    let (command, name) = resolve(words).map_err(|error| {
        let arity = error.line().starts_with(b"ERR wrong number of arguments");
        if arity { WRONG_ARITY.as_bytes().to_vec() } else { UNKNOWN.as_bytes().to_vec() }
    })?;
    let flags = command.spec().flags;
    if flags.intersects(Flags::NOSCRIPT) {
        return Err(NOT_ALLOWED.into());
    }
    Ok((command, name))
}

/// Whether the user of the script may run a command.
pub(crate) fn acl_check(gate: &Gate<'_>, args: &MultiValue) -> Result<bool, Vec<u8>> {
    let words = words(args)?;
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let (command, name) = resolve(&words).ok().or_else(|| meant(&words)).ok_or(INVALID)?;
    Ok(gate.host.borrow_mut().permit(command, &words, name, true).is_ok())
}

const INVALID: &[u8] = b"ERR Invalid command passed to redis.acl_check_cmd()";

/// The command that a call with the wrong number of arguments means, and how many words its name has.
fn meant(words: &[&[u8]]) -> Option<(Command, usize)> {
    let name = words.first()?;
    let sub = words.get(1).and_then(|sub| lookup(&[name, &b"|"[..], sub].concat()));
    sub.map(|command| (command, 2)).or_else(|| Some((lookup(name)?, 1)))
}
