//! The table: one row per command.

use crate::{Access, Arity, CommandSpec, Flags, Group, KeyAccess, KeySpec, Merge, Route};

/// Turns rows into an enum with explicit, append-only ids, its specs and the link between them.
macro_rules! commands {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $id:literal => $spec:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum $name { $($variant = $id),+ }

        impl $name {
            /// All of them, in the order of the table.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The row of this command.
            pub fn spec(self) -> &'static CommandSpec {
                match self { $($name::$variant => { const SPEC: CommandSpec = $spec; &SPEC }),+ }
            }

            /// The number that stands for it on the wire and in the log; never reused.
            pub const fn id(self) -> u16 {
                self as u16
            }

            /// The command of that number.
            pub const fn from_id(id: u16) -> Option<$name> {
                match id { $($id => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

commands!(
    /// Commands that the engine executes.
    EngineCommand {
        Get = 1 => CommandSpec {
            name: "GET", group: Group::String, arity: Arity::Exactly(2), access: Access::Read, flags: Flags::FAST,
            keys: &[KeySpec::At(1, KeyAccess::Read)], route: Route::Keys, merge: Merge::Single, since: "1.0.0",
            summary: "Returns the string value of a key.", complexity: "O(1)",
        },
        Set = 2 => CommandSpec {
            name: "SET", group: Group::String, arity: Arity::AtLeast(3), access: Access::Write, flags: Flags::DENYOOM,
            keys: &[KeySpec::At(1, KeyAccess::Update)], route: Route::Keys, merge: Merge::Single, since: "1.0.0",
            summary: "Sets the string value of a key.", complexity: "O(1)",
        },
    }
);

commands!(
    /// Commands that the process answers to which the client is connected.
    ProxyCommand {
        Ping = 1 => CommandSpec {
            name: "PING", group: Group::Connection, arity: Arity::AtLeast(1), access: Access::Neither,
            flags: Flags::FAST, keys: &[], route: Route::Local, merge: Merge::Single, since: "1.0.0",
            summary: "Answers PONG, or its argument.", complexity: "O(1)",
        },
    }
);

/// A command of either kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Executed by the engine of one or more shards.
    Engine(EngineCommand),
    /// Executed by the process the client is connected to.
    Proxy(ProxyCommand),
}

impl Command {
    /// Its row.
    pub fn spec(self) -> &'static CommandSpec {
        match self {
            Command::Engine(command) => command.spec(),
            Command::Proxy(command) => command.spec(),
        }
    }
}

/// Finds a command by its name in any case. For a container (`CLIENT`), the row of the container itself.
pub fn lookup(name: &[u8]) -> Option<Command> {
    let engine = EngineCommand::ALL.iter().map(|command| Command::Engine(*command));
    let proxy = ProxyCommand::ALL.iter().map(|command| Command::Proxy(*command));
    engine.chain(proxy).find(|command| command.spec().name.as_bytes().eq_ignore_ascii_case(name))
}
