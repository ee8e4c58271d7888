//! Which scripts and libraries of functions the databases of the shard know. All of it is replicated state.
//!
//! A script that was only run is forgotten when [`RUN_ONLY_MAX`] others were run after it; one that was loaded by name
//! stays until SCRIPT FLUSH. A library is kept as its text, with what it registered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use meridian_script::{FunctionInfo, LibraryInfo, ScriptFlags, sha1_hex};

use crate::snapshot::{CorruptSnapshot, Input, put_bytes, put_varint};

/// As many scripts as Redis keeps that were run but not loaded.
const RUN_ONLY_MAX: usize = 500;

/// By database.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    databases: BTreeMap<u32, Known>,
}

/// What one database knows.
#[derive(Debug, Default)]
pub(crate) struct Known {
    scripts: BTreeMap<String, Script>,
    libraries: Libraries,
    /// Counts runs of scripts by their text.
    runs: u64,
    /// Of this replica, and no state.
    pub(crate) running: Arc<Running>,
}

#[derive(Debug)]
struct Script {
    text: Bytes,
    /// Loaded by SCRIPT LOAD.
    loaded: bool,
    /// The run in which it was last run by its text.
    run: u64,
}

/// The libraries of a database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Libraries {
    by_name: BTreeMap<String, Library>,
    /// From function to library. Functions are found in any case, and are known here by their names in lower case.
    functions: BTreeMap<String, String>,
}

/// One library.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    pub(crate) text: Bytes,
    pub(crate) functions: Vec<FunctionInfo>,
}

impl Libraries {
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Library)> {
        self.by_name.iter().map(|(name, library)| (name.as_str(), library))
    }

    pub(crate) fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// A function, by its name in any case, and the library it is in.
    pub(crate) fn function(&self, name: &str) -> Option<(&FunctionInfo, &Library)> {
        let library = self.by_name.get(self.functions.get(&name.to_ascii_lowercase())?)?;
        let function = library.functions.iter().find(|function| function.name.eq_ignore_ascii_case(name))?;
        Some((function, library))
    }

    /// Takes a library in, instead of one of the same name; the name of a function that another library has.
    pub(crate) fn insert(&mut self, text: Bytes, info: LibraryInfo) -> Result<(), String> {
        let known = |name: &str| self.functions.get(&name.to_ascii_lowercase());
        let taken = info
            .functions
            .iter()
            .find(|function| known(&function.name).is_some_and(|library| *library != info.name));
        if let Some(taken) = taken {
            return Err(taken.name.clone());
        }
        self.remove(&info.name);
        for function in &info.functions {
            self.functions.insert(function.name.to_ascii_lowercase(), info.name.clone());
        }
        self.by_name.insert(info.name, Library { text, functions: info.functions });
        Ok(())
    }

    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.functions.retain(|_, library| library != name);
        self.by_name.remove(name).is_some()
    }
}

impl Known {
    pub(crate) fn libraries(&self) -> &Libraries {
        &self.libraries
    }

    pub(crate) fn libraries_mut(&mut self) -> &mut Libraries {
        &mut self.libraries
    }

    /// The text of a script by its SHA-1 in any case.
    pub(crate) fn script(&self, sha: &[u8]) -> Option<Bytes> {
        let sha = std::str::from_utf8(sha).ok()?.to_ascii_lowercase();
        self.scripts.get(&sha).map(|script| script.text.clone())
    }

    /// Whether a script was loaded, and its text, by its SHA-1 in any case.
    pub(crate) fn told(&self, sha: &[u8]) -> Option<(bool, &[u8])> {
        let script = self.scripts.get(&std::str::from_utf8(sha).ok()?.to_ascii_lowercase())?;
        Some((script.loaded, &script.text))
    }

    /// Notes that a script which [`meridian_script::check_script`] admits was loaded, or run by its text.
    pub(crate) fn learn(&mut self, sha: String, text: &[u8], loaded: bool) {
        self.runs += u64::from(!loaded);
        let run = self.runs;
        let script = self.scripts.entry(sha).or_insert_with(|| Script {
            text: Bytes::copy_from_slice(text),
            loaded,
            run,
        });
        script.loaded |= loaded;
        if !loaded {
            script.run = run;
        }
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        let run_only = self.scripts.iter().filter(|(_, script)| !script.loaded);
        if run_only.clone().count() <= RUN_ONLY_MAX {
            return;
        }
        let oldest = run_only.min_by_key(|(_, script)| script.run).map(|(sha, _)| sha.clone());
        if let Some(sha) = oldest {
            self.scripts.remove(&sha);
        }
    }

    pub(crate) fn forget_scripts(&mut self) {
        self.scripts.clear();
    }
}

impl Scripts {
    /// What a database knows, if it ever learned something.
    pub(crate) fn of(&self, database: u32) -> Option<&Known> {
        self.databases.get(&database)
    }

    pub(crate) fn of_mut(&mut self, database: u32) -> &mut Known {
        self.databases.entry(database).or_default()
    }

    pub(crate) fn databases(&self) -> impl Iterator<Item = u32> {
        self.databases.keys().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.databases.len() as u64);
        for (database, known) in &self.databases {
            put_varint(out, u64::from(*database));
            put_varint(out, known.runs);
            put_varint(out, known.scripts.len() as u64);
            for script in known.scripts.values() {
                out.push(u8::from(script.loaded));
                put_varint(out, script.run);
                put_bytes(out, &script.text);
            }
            put_varint(out, known.libraries.by_name.len() as u64);
            for (name, library) in known.libraries.iter() {
                put_bytes(out, name.as_bytes());
                put_bytes(out, &library.text);
                put_varint(out, library.functions.len() as u64);
                for function in &library.functions {
                    put_bytes(out, function.name.as_bytes());
                    out.push(function.flags.bits());
                    out.push(u8::from(function.description.is_some()));
                    put_bytes(out, function.description.as_deref().unwrap_or_default());
                }
            }
        }
    }

    pub(crate) fn decode(input: &mut Input<'_>) -> Result<Scripts, CorruptSnapshot> {
        let mut scripts = Scripts::default();
        for _ in 0..input.varint()? {
            let database = u32::try_from(input.varint()?).map_err(|_| CorruptSnapshot::Malformed)?;
            let known = scripts.of_mut(database);
            known.runs = input.varint()?;
            for _ in 0..input.varint()? {
                let loaded = input.byte()? != 0;
                let run = input.varint()?;
                let text = Bytes::copy_from_slice(input.bytes()?);
                known.scripts.insert(sha1_hex(&text), Script { text, loaded, run });
            }
            for _ in 0..input.varint()? {
                let name = text(input)?;
                let code = Bytes::copy_from_slice(input.bytes()?);
                let mut functions = Vec::new();
                for _ in 0..input.varint()? {
                    let name = text(input)?;
                    let flags = ScriptFlags::from_bits(input.byte()?).ok_or(CorruptSnapshot::Malformed)?;
                    let described = input.byte()? != 0;
                    let description = input.bytes()?;
                    let description = described.then(|| description.to_vec());
                    functions.push(FunctionInfo { name, description, flags });
                }
                let inserted = known.libraries.insert(code, LibraryInfo { name, functions });
                inserted.map_err(|_| CorruptSnapshot::Malformed)?;
            }
        }
        Ok(scripts)
    }
}

fn text(input: &mut Input<'_>) -> Result<String, CorruptSnapshot> {
    String::from_utf8(input.bytes()?.to_vec()).map_err(|_| CorruptSnapshot::Malformed)
}

/// The scripts that run outside the log: they can be ended.
#[derive(Debug, Default)]
pub(crate) struct Running {
    runs: Mutex<Vec<Run>>,
}

#[derive(Clone, Debug)]
struct Run {
    is_function: bool,
    name: String,
    kill: Arc<AtomicBool>,
}

/// Takes its run out of those that run when it is dropped.
#[derive(Debug)]
pub(crate) struct RunGuard<'a> {
    running: &'a Running,
    pub(crate) kill: Arc<AtomicBool>,
}

impl Running {
    pub(crate) fn begin(&self, name: &str, is_function: bool) -> RunGuard<'_> {
        let kill = Arc::new(AtomicBool::new(false));
        let run = Run { is_function, name: name.to_owned(), kill: Arc::clone(&kill) };
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).push(run);
        RunGuard { running: self, kill }
    }

    /// Ends all that run, functions or scripts; whether there are any.
    pub(crate) fn kill(&self, functions: bool) -> bool {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = runs.iter().filter(|run| run.is_function == functions);
        meant.map(|run| run.kill.store(true, Ordering::Relaxed)).count() > 0
    }

    /// The name of a function that runs.
    pub(crate) fn function(&self) -> Option<String> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.iter().find(|run| run.is_function).map(|run| run.name.clone())
    }
}

impl Drop for RunGuard<'_> {
    fn drop(&mut self) {
        let mut runs = self.running.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|run| !Arc::ptr_eq(&run.kill, &self.kill));
    }
}
