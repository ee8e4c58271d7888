//! A Lua state for one run.

use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, LazyLock, atomic::AtomicBool},
};

use meridian_command::ReplyError;
use mlua::{ChunkMode, Function, Lua, LuaOptions, MultiValue, StdLib, Table, Value};

use crate::{
    api, bits,
    budget::Budget,
    json, pack,
    raise::{self, positioned, positioned_at},
    random::Random,
    structs,
};

/// The prelude, compiled once. Empty if that failed, which the tests rule out.
static PRELUDE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let lua = Lua::new_with(StdLib::NONE, LuaOptions::new());
    let compiled = lua.and_then(|lua| Ok(prelude_text(&lua)?.dump(true)));
    compiled.unwrap_or_default()
});

fn prelude_text(lua: &Lua) -> mlua::Result<Function> {
    lua.load(include_str!("prelude.lua")).set_name(PRELUDE_NAME).set_mode(ChunkMode::Text).into_function()
}

const PRELUDE_NAME: &str = "=prelude";

/// So many values may be held outside Lua at once; the binding has room for somewhat more.
pub(crate) const VALUES_MAX: usize = 7000;

/// Runs what works with a state, which is gone afterwards. The binding panics when more values are held outside Lua than
/// it has room for; a script can bring that about (`bit.bor(unpack(t))`), on every replica alike, and gets an error. Any
/// other panic goes on: `is_binding` says whether none of the host's code was running.
pub(crate) fn contained<T>(
    body: impl FnOnce() -> mlua::Result<Result<T, ReplyError>>,
    is_binding: impl FnOnce() -> bool,
) -> mlua::Result<Result<T, ReplyError>> {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(done) => done,
        Err(payload) if is_binding() && is_exhaustion(&*payload) => Ok(Err(ReplyError::SCRIPT_VALUES)),
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// Whether the binding had no room for another value.
fn is_exhaustion(payload: &dyn Any) -> bool {
    payload.downcast_ref::<String>().is_some_and(|text| text.starts_with("cannot create a Lua reference"))
}

/// What a state is made for.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) instructions: u64,
    pub(crate) memory_bytes: usize,
    pub(crate) kill: Option<Arc<AtomicBool>>,
    /// Functions are registered before one is run.
    pub(crate) library: bool,
}

/// The state, and what the prelude gives back.
pub(crate) struct Sandbox {
    pub(crate) lua: Lua,
    /// What scripts have as globals: cannot be written.
    pub(crate) env: Table,
    /// What stands behind it.
    pub(crate) globals: Table,
    /// The table behind `redis`.
    pub(crate) api: Table,
    /// What `redis` gets when functions are registered.
    pub(crate) later: Table,
    pub(crate) budget: Budget,
    run: Function,
    registered: Function,
}

impl Sandbox {
    pub(crate) fn new(setup: &Setup) -> mlua::Result<Sandbox> {
        let options = LuaOptions::new().catch_rust_panics(false);
        let lua = Lua::new_with(StdLib::TABLE | StdLib::STRING | StdLib::MATH, options)?;
        let budget = Budget::watch(&lua, setup.instructions, setup.kill.clone())?;
        let api = api::table(&lua)?;
        let native = native(&lua, &budget, setup.seed)?;
        native.raw_set("redis", &api)?;
        let prelude = if PRELUDE.is_empty() {
            prelude_text(&lua)?
        } else {
            lua.load(&PRELUDE[..]).set_name(PRELUDE_NAME).set_mode(ChunkMode::Binary).into_function()?
        };
        let (env, globals, run, registered, later) = prelude.call((native, setup.library))?;
        lua.set_memory_limit(setup.memory_bytes)?;
        Ok(Sandbox { lua, env, globals, api, later, budget, run, registered })
    }

    /// Compiles code.
    pub(crate) fn compile(&self, code: &[u8], name: &str) -> mlua::Result<Function> {
        let chunk = self.lua.load(code).set_name(name).set_mode(ChunkMode::Text);
        chunk.set_environment(self.env.clone()).into_function()
    }

    /// Where `redis.call` and its like belong.
    pub(crate) fn reached(&self, library: bool) -> &Table {
        if library { &self.later } else { &self.api }
    }

    /// Ends registering.
    pub(crate) fn registered(&self) -> mlua::Result<()> {
        self.registered.call(())
    }

    /// Runs a function: what it returned first, or its error.
    pub(crate) fn run(
        &self,
        function: Function,
        args: impl IntoIterator<Item = Value>,
    ) -> Result<Value, Failure> {
        let mut all = vec![Value::Function(function)];
        all.extend(args);
        let answer: mlua::Result<(bool, Value)> = self.run.call(MultiValue::from_vec(all));
        match answer {
            Ok((true, value)) => Ok(value),
            Ok((false, problem)) => Err(Failure::of(&problem)),
            Err(error) => Err(Failure { text: with_code(raise::text_of(&error)), place: None }),
        }
    }
}

/// Why a script ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Code first.
    pub(crate) text: Vec<u8>,
    /// Source and line.
    pub(crate) place: Option<(String, i64)>,
}

impl Failure {
    fn of(problem: &Value) -> Failure {
        let Value::Table(table) = problem else {
            let text = match problem {
                Value::String(text) => text.as_bytes().to_vec(),
                Value::Error(error) => raise::text_of(error),
                other => other.type_name().as_bytes().to_vec(),
            };
            return Failure { text: with_code(text), place: None };
        };
        let text = match table.raw_get("err") {
            Ok(Value::String(text)) => text.as_bytes().to_vec(),
            _ => b"ERR unknown error".to_vec(),
        };
        let place = match (table.raw_get::<Option<String>>("source"), table.raw_get::<Option<i64>>("line")) {
            (Ok(Some(source)), Ok(Some(line))) => Some((source, line)),
            _ => None,
        };
        Failure { text, place }
    }
}

fn with_code(text: Vec<u8>) -> Vec<u8> {
    [b"ERR ", &text[..]].concat()
}

/// What the prelude takes its parts from.
fn native(lua: &Lua, budget: &Budget, seed: u64) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("bit", bits::library(lua)?)?;
    table.raw_set("struct", structs::library(lua)?)?;
    table.raw_set("cmsgpack", pack::library(lua)?)?;
    table.raw_set("cjson", json::library(lua)?)?;
    table.raw_set("math", maths(lua, seed)?)?;
    let clock = budget.clone();
    table.raw_set("clock", lua.create_function(move |_, ()| Ok(clock.clock()))?)?;
    let over = budget.clone();
    table.raw_set("over", lua.create_function(move |_, ()| Ok(over.is_over()))?)?;
    table.raw_set("plain", lua.create_function(raise::plain)?)?;
    table.raw_set("describe", lua.create_function(describe)?)?;
    let readonly = |lua: &Lua, _: MultiValue| -> mlua::Result<()> {
        Err(positioned(lua, "Attempt to modify a readonly table"))
    };
    table.raw_set("readonly", lua.create_function(readonly)?)?;
    let missing = |lua: &Lua, (_, name): (Value, Value)| -> mlua::Result<()> {
        let mut text = b"Script attempted to access nonexistent global variable '".to_vec();
        match lua.coerce_string(name)? {
            Some(name) => text.extend_from_slice(&name.as_bytes()),
            None => text.push(b'?'),
        }
        text.push(b'\'');
        Err(positioned(lua, text))
    };
    table.raw_set("missing", lua.create_function(missing)?)?;
    // Called by functions of the prelude for their own callers.
    let bad = |lua: &Lua, text: mlua::String| -> mlua::Result<()> { Err(outside(lua, &text.as_bytes())) };
    table.raw_set("bad", lua.create_function(bad)?)?;
    Ok(table)
}

/// An error positioned at the innermost function that is not the prelude's.
fn outside(lua: &Lua, text: &[u8]) -> mlua::Error {
    let level = (1..).take(8).find(|level| place(lua, *level).is_some_and(|place| place.is_some()));
    positioned_at(lua, level.unwrap_or(1), text)
}

/// Where a level of the stack stands: `None` past its end, `Some(None)` in C, in the prelude, or nowhere.
fn place(lua: &Lua, level: usize) -> Option<Option<(String, i64)>> {
    lua.inspect_stack(level, |frame| {
        let source = frame.source();
        let name = source.source.unwrap_or_default().into_owned();
        let line = i64::try_from(frame.current_line()?).ok()?;
        (source.what != "C" && !name.starts_with("=prelude") && !name.starts_with("=?"))
            .then_some((name, line))
    })
}

/// Makes the table that Redis makes of an error that ends a script: its text and where it happened.
fn describe(lua: &Lua, problem: Value) -> mlua::Result<Value> {
    let table = match raise::plain(lua, problem)? {
        Value::Table(table) => table,
        other => {
            let text = match lua.coerce_string(other.clone())? {
                Some(text) => text.as_bytes().to_vec(),
                None => other.type_name().as_bytes().to_vec(),
            };
            let table = lua.create_table()?;
            table.raw_set("err", lua.create_string(with_code(text))?)?;
            table
        }
    };
    for level in 1.. {
        match place(lua, level) {
            None => break,
            Some(None) => {}
            Some(Some((source, line))) => {
                table.raw_set("source", source)?;
                table.raw_set("line", line)?;
                break;
            }
        }
    }
    Ok(Value::Table(table))
}

/// `math.random` and `math.randomseed`.
fn maths(lua: &Lua, seed: u64) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    let random = std::rc::Rc::new(Random::new(seed));
    let own = std::rc::Rc::clone(&random);
    let draw = move |lua: &Lua, args: MultiValue| {
        let drawn = own.next();
        let bound = |index: usize| match lua.coerce_number(args.get(index).cloned().unwrap_or(Value::Nil))? {
            Some(number) => Ok(number.floor()),
            None => {
                let given = args.get(index).map_or("no value", Value::type_name);
                let text = format!("bad argument #{} to 'random' (number expected, got {given})", index + 1);
                Err(positioned(lua, text))
            }
        };
        match args.len() {
            0 => Ok(drawn),
            1 => match bound(0)? {
                upper if upper >= 1.0 => Ok((drawn * upper).floor() + 1.0),
                _ => Err(positioned(lua, "bad argument #1 to 'random' (interval is empty)")),
            },
            2 => {
                let (lower, upper) = (bound(0)?, bound(1)?);
                if lower > upper {
                    return Err(positioned(lua, "bad argument #2 to 'random' (interval is empty)"));
                }
                Ok((drawn * (upper - lower + 1.0)).floor() + lower)
            }
            _ => Err(positioned(lua, "wrong number of arguments")),
        }
    };
    table.raw_set("random", lua.create_function(draw)?)?;
    let reseed = move |lua: &Lua, args: MultiValue| match lua
        .coerce_number(args.front().cloned().unwrap_or(Value::Nil))?
    {
        Some(number) => {
            random.seed(crate::float::truncated(number));
            Ok(())
        }
        None => {
            let given = args.front().map_or("no value", Value::type_name);
            Err(positioned(lua, format!("bad argument #1 to 'randomseed' (number expected, got {given})")))
        }
    };
    table.raw_set("randomseed", lua.create_function(reseed)?)?;
    Ok(table)
}
