//! What a script can reach outside itself.

use meridian_command::{Command, Protocol};

/// Why the host did not execute a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The command exists, but not for scripts.
    NotFromScripts,
    /// This error, code first, without `-`.
    Error(Vec<u8>),
}

/// Executes the commands of one script.
pub trait Host {
    /// Whether the script's user may have a command executed that was found and may stand in scripts. `asked`: the script
    /// only wants to know (`redis.acl_check_cmd`).
    ///
    /// # Errors
    /// The error that the script gets if not, code first, without `-`.
    fn permit(&mut self, command: Command, words: &[&[u8]], name: usize, asked: bool) -> Result<(), Vec<u8>>;

    /// Executes a command that was checked (it exists, its arity fits, it may stand in scripts) and appends its reply,
    /// or an error reply, to `reply`. The first `name` of the words are its name.
    ///
    /// # Errors
    /// If it is not executed at all.
    fn execute(
        &mut self,
        command: Command,
        words: &[&[u8]],
        name: usize,
        protocol: Protocol,
        reply: &mut Vec<u8>,
    ) -> Result<(), Refused>;
}
