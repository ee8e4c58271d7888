//! What a user may not do, and how that is said.

use crate::{CommandSpec, ReplyError};

/// What of a call is not permitted. The order is that of how much it tells: what is last is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// The command itself.
    Command,
    /// One of its keys.
    Key,
    /// One of its channels.
    Channel,
}

/// A call is not permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// What of it is not.
    pub reason: Refused,
    /// Which of its words that is.
    pub at: usize,
}

impl Refused {
    /// As `ACL LOG` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Refused::Command => "command",
            Refused::Key => "key",
            Refused::Channel => "channel",
        }
    }

    /// As EXEC says it of a transaction whose user was changed meanwhile.
    const fn at_exec(self) -> &'static str {
        match self {
            Refused::Command => "no permission to execute the command or subcommand",
            Refused::Key => "no permission to touch the specified keys",
            Refused::Channel => "no permission to access one of the channels used as argument to the command",
        }
    }
}

impl Denial {
    /// What `ACL LOG` calls the object: the command's name, the key, or the channel.
    pub fn object(self, spec: &CommandSpec, words: &[&[u8]]) -> Vec<u8> {
        match self.reason {
            Refused::Command => spec.name.to_ascii_lowercase().into_bytes(),
            Refused::Key | Refused::Channel => words.get(self.at).copied().unwrap_or_default().to_vec(),
        }
    }

    /// What the client is told, without a code. Keys and channels are not named: whoever may not use them need not
    /// learn more than that.
    pub fn text(self, user: &[u8], spec: &CommandSpec) -> Vec<u8> {
        match self.reason {
            Refused::Command => command_text(user, spec),
            Refused::Key => b"No permissions to access a key".to_vec(),
            Refused::Channel => b"No permissions to access a channel".to_vec(),
        }
    }

    /// What `ACL DRYRUN` answers: names keys and channels too.
    pub fn full_text(self, user: &[u8], spec: &CommandSpec, words: &[&[u8]]) -> Vec<u8> {
        let kind = match self.reason {
            Refused::Command => return command_text(user, spec),
            Refused::Key => &b"' key"[..],
            Refused::Channel => b"' channel",
        };
        let object = self.object(spec, words);
        [b"User ", user, b" has no permissions to access the '", object.as_slice(), kind].concat()
    }

    /// What a script is told.
    pub fn script_text(self, user: &[u8], spec: &CommandSpec) -> Vec<u8> {
        [b"ERR ACL failure in script: ", self.text(user, spec).as_slice()].concat()
    }

    /// What EXEC answers instead of a command that was queued while it was permitted.
    pub fn exec_error(self) -> ReplyError {
        ReplyError::from_text(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
             command is no longer allowed for the following reason: {}",
            self.reason.at_exec()
        ))
    }

    /// The reply to the call.
    pub fn error(self, user: &[u8], spec: &CommandSpec) -> ReplyError {
        ReplyError::from_bytes([b"NOPERM ", self.text(user, spec).as_slice()].concat())
    }
}

fn command_text(user: &[u8], spec: &CommandSpec) -> Vec<u8> {
    let name = spec.name.to_ascii_lowercase();
    [b"User ", user, b" has no permissions to run the '", name.as_bytes(), b"' command"].concat()
}
