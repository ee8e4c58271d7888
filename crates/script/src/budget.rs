//! How long a script may run: counted in instructions, so that it ends at the same one on every replica.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mlua::{HookTriggers, Lua, VmState};

use crate::raise::table;

/// Instructions between two looks.
const STEP: u32 = 4096;

/// Instructions per second of `os.clock`, which has no other clock.
const PER_SECOND: f64 = 100_000_000.0;

/// What a run has used of its budget.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    used: Rc<Cell<u64>>,
    over: Rc<Cell<bool>>,
}

impl Budget {
    /// Watches a state from now on.
    pub(crate) fn watch(lua: &Lua, limit: u64, kill: Option<Arc<AtomicBool>>) -> mlua::Result<Budget> {
        let budget = Budget { used: Rc::default(), over: Rc::default() };
        let (used, over) = (Rc::clone(&budget.used), Rc::clone(&budget.over));
        lua.set_global_hook(HookTriggers::new().every_nth_instruction(STEP), move |_, _| {
            used.set(used.get() + u64::from(STEP));
            if kill.as_ref().is_some_and(|kill| kill.load(Ordering::Relaxed)) {
                over.set(true);
                return Err(table("ERR Error running script. Script killed by user with SCRIPT KILL."));
            }
            if used.get() > limit {
                over.set(true);
                return Err(table(format!("ERR script exceeded its limit of {limit} instructions")));
            }
            Ok(VmState::Continue)
        })?;
        Ok(budget)
    }

    /// Whether the script has to end.
    pub(crate) fn is_over(&self) -> bool {
        self.over.get()
    }

    /// Seconds of a processor of a fixed speed.
    pub(crate) fn clock(&self) -> f64 {
        self.used.get() as f64 / PER_SECOND
    }
}
