//! One run of a script or of a function.

use std::{
    cell::{Cell, RefCell},
    sync::{Arc, atomic::AtomicBool},
};

use meridian_command::{Protocol, ReplyError, ReplyWriter, shebang::script_head};
use mlua::{ChunkMode, Lua, LuaOptions, StdLib, Value};

use crate::{
    Host, api,
    call::Gate,
    library, raise, reply,
    sandbox::{Failure, Sandbox, Setup, contained},
};

/// Lua may nest C calls 200 deep, some with buffers of 8 KiB: so much must be free, or is put aside.
const STACK_FREE: usize = 3 << 20;
const STACK_NEW: usize = 8 << 20;

/// What a run is given besides the script: on every replica the same.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Seeds `math.random`.
    pub seed: u64,
    /// The script ends with an error after so many instructions of Lua.
    pub instructions: u64,
    /// And when its state needs more memory than this.
    pub memory_bytes: usize,
    /// Set by somebody else to end the script. Only for scripts that do not write.
    pub kill: Option<Arc<AtomicBool>>,
}

impl Terms {
    pub(crate) fn setup(&self, library: bool) -> Setup {
        Setup {
            seed: self.seed,
            instructions: self.instructions,
            memory_bytes: self.memory_bytes,
            kill: self.kill.clone(),
            library,
        }
    }
}

/// What is called, and how.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The text of the script or library.
    pub text: &'a [u8],
    /// Shown in errors: the script's SHA-1, or the function's name.
    pub name: &'a str,
    /// `KEYS`.
    pub keys: &'a [&'a [u8]],
    /// `ARGV`.
    pub args: &'a [&'a [u8]],
    /// Commands that write are refused.
    pub read_only: bool,
}

/// Whether a script can be run at all.
///
/// # Errors
/// What is wrong with its shebang or syntax.
pub fn check_script(text: &[u8]) -> Result<(), ReplyError> {
    let head = script_head(text)?;
    let lua = Lua::new_with(StdLib::NONE, LuaOptions::new()).map_err(|error| lua_failed(&error))?;
    let chunk = lua.load(&text[head.code..]).set_name("@user_script").set_mode(ChunkMode::Text);
    let compiled = stacker::maybe_grow(STACK_FREE, STACK_NEW, || chunk.into_function());
    compiled.map(drop).map_err(|error| ReplyError::script_syntax(&raise::text_of(&error)))
}

/// Runs a script and writes its reply.
///
/// # Errors
/// The error that is the reply.
pub fn eval(
    host: &mut dyn Host,
    terms: &Terms,
    call: &Call<'_>,
    out: &mut ReplyWriter<'_>,
) -> Result<(), ReplyError> {
    let head = script_head(call.text)?;
    let gate = gate(host, call);
    stacker::maybe_grow(STACK_FREE, STACK_NEW, || {
        let ran = with_sandbox(&gate, terms, false, |sandbox| {
            let function = match sandbox.compile(&call.text[head.code..], "@user_script") {
                Ok(function) => function,
                Err(error) => return Ok(Err(ReplyError::script_syntax(&raise::text_of(&error)))),
            };
            sandbox.globals.raw_set("KEYS", list(&sandbox.lua, call.keys)?)?;
            sandbox.globals.raw_set("ARGV", list(&sandbox.lua, call.args)?)?;
            finish(sandbox.run(function, []), call, &gate, out)
        });
        ran.unwrap_or_else(|error| Err(lua_failed(&error)))
    })
}

/// Runs a function of a library and writes its reply.
///
/// # Errors
/// The error that is the reply.
pub fn call_function(
    host: &mut dyn Host,
    terms: &Terms,
    call: &Call<'_>,
    out: &mut ReplyWriter<'_>,
) -> Result<(), ReplyError> {
    let gate = gate(host, call);
    stacker::maybe_grow(STACK_FREE, STACK_NEW, || {
        let ran = with_sandbox(&gate, terms, true, |sandbox| {
            let functions = match library::register(sandbox, call.text)? {
                Ok(functions) => functions,
                Err(error) => return Ok(Err(error)),
            };
            let found = functions.into_iter().find(|function| function.info.name == call.name);
            let Some(found) = found else { return Ok(Err(ReplyError::FUNCTION_NOT_FOUND)) };
            sandbox.registered()?;
            let args = [list(&sandbox.lua, call.keys)?, list(&sandbox.lua, call.args)?];
            finish(sandbox.run(found.callback, args), call, &gate, out)
        });
        ran.unwrap_or_else(|error| Err(lua_failed(&error)))
    })
}

fn gate<'h>(host: &'h mut dyn Host, call: &Call<'_>) -> Gate<'h> {
    Gate {
        host: RefCell::new(host),
        protocol: Cell::new(Protocol::Resp2),
        read_only: call.read_only,
        host_runs: Cell::new(false),
    }
}

type Ran = mlua::Result<Result<(), ReplyError>>;

/// Makes a sandbox that reaches the host, for as long as `body` runs.
fn with_sandbox(gate: &Gate<'_>, terms: &Terms, library: bool, body: impl FnOnce(&Sandbox) -> Ran) -> Ran {
    let run = || {
        let sandbox = Sandbox::new(&terms.setup(library))?;
        sandbox.lua.scope(|scope| {
            api::connect(scope, sandbox.reached(library), gate)?;
            body(&sandbox)
        })
    };
    contained(run, || !gate.host_runs.get())
}

fn finish(ran: Result<Value, Failure>, call: &Call<'_>, gate: &Gate<'_>, out: &mut ReplyWriter<'_>) -> Ran {
    match ran {
        Ok(value) => reply::from_lua(&value, gate.protocol.get(), out).map(Ok),
        Err(Failure { mut text, place }) => {
            if let Some((source, line)) = place {
                text.extend_from_slice(format!(" script: {}, on {source}:{line}.", call.name).as_bytes());
            }
            Ok(Err(ReplyError::from_bytes(text)))
        }
    }
}

fn list(lua: &Lua, words: &[&[u8]]) -> mlua::Result<Value> {
    let table = lua.create_table_with_capacity(words.len(), 0)?;
    for (index, word) in words.iter().enumerate() {
        table.raw_set(index + 1, lua.create_string(word)?)?;
    }
    Ok(Value::Table(table))
}

fn lua_failed(error: &mlua::Error) -> ReplyError {
    ReplyError::from_bytes([b"ERR ", &raise::text_of(error)[..]].concat())
}
