//! What a pause holds, and what it lets through after all.
//!
//! A pause of writes holds what may write. A script may, unless it says that it does not: EVAL carries its text; which
//! script EVALSHA means and which function FCALL, the shards are asked. What nobody knows is held, as in Redis.

use std::sync::Arc;

use bytes::Bytes;
use meridian_command::{
    Command, EngineCommand, ProxyCommand, ReplyError,
    shebang::{ScriptFlags, script_head},
};
use meridian_resp::{Value, decode};
use meridian_topology::DatabaseId;

use super::Connection;
use crate::{Shared, clients::Trait, gate::Call, healing, observe::Pause, session::Session};

/// A call that has to wait for the end of a pause.
#[derive(Debug)]
pub(super) struct Paused {
    /// What is held: the command of the call, or one that EXEC would execute.
    command: Command,
    /// The call passes if none of these writes; never if there are none.
    unless: Vec<Callee>,
}

/// What a call runs, where the call does not show whether that writes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Callee {
    /// A script, by its SHA-1.
    Script(Vec<u8>),
    /// A function, by its name.
    Function(Vec<u8>),
}

/// What is known of a call that a pause of writes holds by its kind.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    Writes,
    Reads,
    Depends(Callee),
}

impl Known {
    /// `args` are those after the name.
    fn of(command: Command, args: &[&[u8]]) -> Known {
        let Some(first) = args.first() else { return Known::Writes };
        match command {
            Command::Engine(EngineCommand::Eval)
                if script_head(first).is_ok_and(|head| reads(head.flags)) =>
            {
                Known::Reads
            }
            Command::Engine(EngineCommand::Evalsha) => Known::Depends(Callee::Script(first.to_vec())),
            Command::Engine(EngineCommand::Fcall) => Known::Depends(Callee::Function(first.to_vec())),
            _ => Known::Writes,
        }
    }
}

fn reads(flags: ScriptFlags) -> bool {
    flags.contains(ScriptFlags::NO_WRITES)
}

impl Paused {
    /// Whether and for what a call has to wait.
    pub(super) fn of(session: &mut Session, pause: &Pause, call: &Call<'_>) -> Option<Paused> {
        let mut held = Paused { command: call.command, unless: Vec::new() };
        if pause.holds_all() {
            return Some(held).filter(|held| pause.holds(held.command));
        }
        let mut depends = |command: Command, args: &[&[u8]]| {
            if !pause.holds(command) {
                return false;
            }
            match Known::of(command, args) {
                Known::Reads => return false,
                Known::Depends(callee) => held.unless.push(callee),
                Known::Writes => {
                    held.unless.clear();
                    held.command = command;
                    return true;
                }
            }
            held.command = command;
            false
        };
        let writes = match (call.command, session.transaction()) {
            (Command::Proxy(ProxyCommand::Exec), Some(transaction)) => transaction
                .queued()
                .iter()
                .any(|queued| depends(queued.command, &queued.words()[queued.name..])),
            (command, _) => depends(command, call.args.as_slice()),
        };
        (writes || !held.unless.is_empty()).then_some(held)
    }
}

impl Connection {
    /// Holds a call for as long as it must wait; whether it need not, though there is a pause.
    pub(super) async fn wait_for_pause(&self, held: Paused) -> bool {
        if !held.unless.is_empty() && !self.any_writes(&held.unless).await {
            return true;
        }
        let client = Arc::clone(self.session.client());
        client.set(Trait::BLOCKED, true);
        self.shared.observed.pause.over(held.command).await;
        client.set(Trait::BLOCKED, false);
        false
    }

    async fn any_writes(&self, callees: &[Callee]) -> bool {
        for callee in callees {
            let flags = match callee {
                Callee::Script(sha) => flags_of_script(&self.shared, sha).await,
                Callee::Function(name) => flags_of_function(&self.shared, name).await,
            };
            if !flags.is_some_and(reads) {
                return true;
            }
        }
        false
    }
}

/// What a script that any shard knows says of itself.
async fn flags_of_script(shared: &Shared, sha: &[u8]) -> Option<ScriptFlags> {
    let table = shared.router.table();
    for link in table.owners(DatabaseId::DEFAULT) {
        match healing::text_at(&shared.router, table.link(link), DatabaseId::DEFAULT, sha).await {
            Ok(Some((_, text))) => return script_head(&text).ok().map(|head| head.flags),
            Ok(None) => {}
            Err(error) => tracing::debug!(error = %error.text(), "a shard did not tell a script"),
        }
    }
    None
}

/// What a function says of itself. All shards know the same functions.
async fn flags_of_function(shared: &Shared, name: &[u8]) -> Option<ScriptFlags> {
    match libraries(shared).await {
        Ok(libraries) => found(&libraries, name),
        Err(error) => {
            tracing::debug!(error = %error.text(), "no shard told its functions");
            None
        }
    }
}

/// The reply to FUNCTION LIST.
async fn libraries(shared: &Shared) -> Result<Value, ReplyError> {
    let table = shared.router.table();
    let link = table.owners(DatabaseId::DEFAULT).next().ok_or(ReplyError::NO_MAP)?;
    let list = EngineCommand::FunctionList;
    let args = std::iter::empty::<&[u8]>();
    let reply = healing::call(&shared.router, table.link(link), DatabaseId::DEFAULT, list, args).await?;
    let decoded = decode(&Bytes::from(reply)).ok().flatten();
    decoded.map(|(value, _)| value).ok_or(ReplyError::INTERNAL_MALFORMED)
}

/// The flags of a function in a reply to FUNCTION LIST.
fn found(libraries: &Value, name: &[u8]) -> Option<ScriptFlags> {
    let functions = elements(libraries).iter().filter_map(|library| field(library, "functions"));
    let function = functions.flat_map(elements).find(|function| {
        let known = field(function, "name").and_then(Value::as_str);
        known.is_some_and(|known| known.as_bytes().eq_ignore_ascii_case(name))
    })?;
    let flags = elements(field(function, "flags")?).iter().filter_map(Value::as_str);
    Some(flags.filter_map(|flag| ScriptFlags::named(flag.as_bytes())).collect())
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        _ => &[],
    }
}

/// A value of a map as RESP2 has it: names and values in turn.
fn field<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let pairs = elements(map).as_chunks::<2>().0;
    pairs.iter().find(|[key, _]| key.as_str() == Some(name)).map(|[_, value]| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(command: EngineCommand, first: &str) -> Known {
        Known::of(Command::Engine(command), &[first.as_bytes(), b"0"])
    }

    #[test]
    fn a_script_reads_only_if_it_says_so() {
        assert_eq!(known(EngineCommand::Eval, "return 1"), Known::Writes);
        assert_eq!(known(EngineCommand::Eval, "#!lua\nreturn 1"), Known::Writes);
        assert_eq!(known(EngineCommand::Eval, "#!lua flags=allow-oom,no-writes\nreturn 1"), Known::Reads);
        assert_eq!(known(EngineCommand::Eval, "#!lua flags=no-such\nreturn 1"), Known::Writes);
        assert_eq!(known(EngineCommand::Set, "#!lua flags=no-writes\nreturn 1"), Known::Writes);
        assert_eq!(known(EngineCommand::Evalsha, "abc"), Known::Depends(Callee::Script(b"abc".to_vec())));
        assert_eq!(known(EngineCommand::Fcall, "f"), Known::Depends(Callee::Function(b"f".to_vec())));
    }

    #[test]
    fn the_flags_of_a_function_are_found_by_its_name() {
        let text = |text: &str| Value::Bulk(Bytes::copy_from_slice(text.as_bytes()));
        let function = |name, flags: &[&str]| {
            let flags = flags.iter().map(|flag| text(flag)).collect();
            Value::Array(vec![text("name"), text(name), text("flags"), Value::Array(flags)])
        };
        let library = |functions| Value::Array(vec![text("functions"), Value::Array(functions)]);
        let listed = Value::Array(vec![
            library(vec![function("f", &[]), function("g", &["no-writes", "allow-oom"])]),
            library(vec![function("h", &["no-writes"])]),
        ]);
        let both = ScriptFlags::NO_WRITES | ScriptFlags::ALLOW_OOM;
        assert_eq!(found(&listed, b"f"), Some(ScriptFlags::empty()));
        assert_eq!(found(&listed, b"g"), Some(both));
        assert_eq!(found(&listed, b"h"), Some(ScriptFlags::NO_WRITES));
        assert_eq!(found(&listed, b"i"), None);
        assert_eq!(found(&Value::Null, b"f"), None);
    }
}
