//! A set of permissions: commands, keys and channels. A user has one, and may have others beside it.

use bitflags::bitflags;

use super::{
    Denial, Refused,
    command_set::{CommandSet, place_of},
};
use crate::{Channels, Command, CommandSpec, KeyFlags, KeyPositions, glob_match};

bitflags! {
    /// What may be done with keys.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct KeyAccess: u8 {
        /// Their values may be told.
        const READ = 1;
        /// They may be changed.
        const WRITE = 2;
    }
}

impl KeyAccess {
    /// What a command needs that does this with a key. Looking at a key without its value needs nothing but the name.
    pub fn needed(flags: KeyFlags) -> KeyAccess {
        let writes = KeyFlags::INSERT.union(KeyFlags::DELETE).union(KeyFlags::UPDATE);
        let mut access = KeyAccess::empty();
        access.set(KeyAccess::READ, flags.contains(KeyFlags::ACCESS));
        access.set(KeyAccess::WRITE, flags.intersects(writes));
        access
    }
}

/// Keys that a pattern matches, and what may be done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPattern {
    /// What may be done.
    pub access: KeyAccess,
    /// The pattern, as of `KEYS`.
    pub pattern: Vec<u8>,
}

impl KeyPattern {
    /// As it was given.
    fn rule(&self) -> Vec<u8> {
        let prefix: &[u8] = match self.access {
            KeyAccess::READ => b"%R~",
            KeyAccess::WRITE => b"%W~",
            _ => b"~",
        };
        [prefix, &self.pattern].concat()
    }
}

/// Permissions that hold together: one selector must permit all of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    pub(super) all_keys: bool,
    pub(super) keys: Vec<KeyPattern>,
    pub(super) all_channels: bool,
    pub(super) channels: Vec<Vec<u8>>,
    /// No command is excluded.
    pub(super) all_commands: bool,
    /// It began with all commands, so that it has those of later versions too.
    pub(super) begins_with_all: bool,
    pub(super) commands: CommandSet,
    /// First arguments with which a command is permitted that is not in `commands`.
    pub(super) first_args: Vec<(usize, Vec<u8>)>,
    /// How the commands were chosen: `+get`, `-@write`, in order.
    pub(super) command_rules: Vec<String>,
}

impl Default for Selector {
    fn default() -> Selector {
        Selector {
            all_keys: false,
            keys: Vec::new(),
            all_channels: false,
            channels: Vec::new(),
            all_commands: false,
            begins_with_all: false,
            commands: CommandSet::NONE,
            first_args: Vec::new(),
            command_rules: Vec::new(),
        }
    }
}

/// The positions of a call's keys and what is done with each; found once for all selectors.
#[derive(Debug, Default)]
pub(super) struct Keys(Option<Vec<(usize, KeyAccess)>>);

impl Keys {
    fn of(&mut self, spec: &CommandSpec, words: &[&[u8]]) -> &[(usize, KeyAccess)] {
        self.0.get_or_insert_with(|| {
            let mut all = Vec::new();
            let real = spec.keys.iter().filter(|keys| !keys.flags.contains(KeyFlags::NOT_KEY));
            for keys in real {
                let mut found = KeyPositions::new();
                // A call without the keys that it announces is refused by the command itself.
                if keys.positions(words, &mut found).is_err() {
                    return Vec::new();
                }
                let access = KeyAccess::needed(keys.flags_for(words));
                all.extend(found.into_iter().map(|at| (at, access)));
            }
            all
        })
    }
}

impl Selector {
    /// Whether there is nothing that it refuses.
    pub fn is_unrestricted(&self) -> bool {
        self.all_commands && self.all_keys && self.all_channels
    }

    /// Whether a call is permitted; the first `name` of its words are its name.
    pub(super) fn check(
        &self,
        command: Command,
        words: &[&[u8]],
        name: usize,
        keys: &mut Keys,
    ) -> Result<(), Denial> {
        let spec = command.spec();
        if !self.permits_command(command, words.get(name).copied()) {
            return Err(Denial { reason: Refused::Command, at: 0 });
        }
        if !self.all_keys && !spec.keys.is_empty() {
            let denied =
                keys.of(spec, words).iter().find(|(at, access)| !self.permits_key(words[*at], *access));
            if let Some((at, _)) = denied {
                return Err(Denial { reason: Refused::Key, at: *at });
            }
        }
        if !self.all_channels {
            let denied = channels(spec.channels, words).find(|at| {
                let pattern = spec.channels == Channels::Patterns;
                words.get(*at).is_some_and(|channel| !self.permits_channel(channel, pattern))
            });
            if let Some(at) = denied {
                return Err(Denial { reason: Refused::Channel, at });
            }
        }
        Ok(())
    }

    fn permits_command(&self, command: Command, first: Option<&[u8]>) -> bool {
        if self.all_commands || command.spec().flags.contains(crate::Flags::NO_AUTH) {
            return true;
        }
        let place = place_of(command);
        self.commands.contains(place)
            || first.is_some_and(|first| {
                let same = |(of, arg): &(usize, Vec<u8>)| *of == place && arg.eq_ignore_ascii_case(first);
                self.first_args.iter().any(same)
            })
    }

    pub(super) fn permits_key(&self, key: &[u8], access: KeyAccess) -> bool {
        let fits = |keys: &KeyPattern| keys.access.contains(access) && glob_match(&keys.pattern, key, false);
        self.all_keys || self.keys.iter().any(fits)
    }

    /// Whether every key there may be can be read.
    pub(super) fn reads_all_keys(&self) -> bool {
        self.permits_all(KeyAccess::READ)
    }

    fn permits_all(&self, access: KeyAccess) -> bool {
        self.all_keys || self.keys.iter().any(|keys| keys.access.contains(access) && keys.pattern == b"*")
    }

    /// Whether a channel is permitted; a pattern only if it is one of the selector's own, to the letter.
    pub(super) fn permits_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        let fits = |own: &Vec<u8>| match is_pattern {
            true => own == channel,
            false => glob_match(own, channel, false),
        };
        self.all_channels || self.channels.iter().any(fits)
    }

    /// The rule of the commands as `ACL GETUSER` shows it.
    pub fn commands_text(&self) -> String {
        self.commands_rules().collect::<Vec<_>>().join(" ")
    }

    fn commands_rules(&self) -> impl Iterator<Item = &str> {
        let first = if self.begins_with_all { "+@all" } else { "-@all" };
        std::iter::once(first).chain(self.command_rules.iter().map(String::as_str))
    }

    /// The patterns of keys as `ACL GETUSER` shows them.
    pub fn keys_text(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        self.keys.iter().map(KeyPattern::rule).collect::<Vec<_>>().join(&b' ')
    }

    /// The channels as `ACL GETUSER` shows them.
    pub fn channels_text(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let shown = self.channels.iter().map(|channel| [b"&", channel.as_slice()].concat());
        shown.collect::<Vec<_>>().join(&b' ')
    }

    /// All rules; [`Selector::set`] takes them back.
    pub(super) fn rules(&self) -> Vec<Vec<u8>> {
        let mut rules: Vec<Vec<u8>> = match self.all_keys {
            true => vec![b"~*".to_vec()],
            false => self.keys.iter().map(KeyPattern::rule).collect(),
        };
        match self.all_channels {
            true => rules.push(b"&*".to_vec()),
            false => {
                rules.push(b"resetchannels".to_vec());
                rules.extend(self.channels.iter().map(|channel| [b"&", channel.as_slice()].concat()));
            }
        }
        rules.extend(self.commands_rules().map(|rule| rule.as_bytes().to_vec()));
        rules
    }

    /// Everything, as `ACL LIST` shows it.
    pub fn describe(&self) -> Vec<u8> {
        self.rules().join(&b' ')
    }
}

fn channels(channels: Channels, words: &[&[u8]]) -> std::ops::Range<usize> {
    match channels {
        Channels::None => 0..0,
        Channels::First => 1..2,
        Channels::All | Channels::Patterns => 1..words.len(),
    }
}
