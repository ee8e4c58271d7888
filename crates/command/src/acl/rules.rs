//! The rules of selectors, one by one: `+get`, `-@write`, `~key*`, `&channel`, and their words.

use super::{
    Categories,
    command_set::{CommandSet, place},
    selector::{KeyAccess, KeyPattern, Selector},
};
use crate::table::{Entry, find, visible};

/// Why a rule is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// It names a command or category that there is not.
    Unknown,
    /// It is nothing that there is.
    Syntax,
    /// A pattern of keys where all keys are permitted.
    KeysAfterAll,
    /// A channel where all are permitted.
    ChannelsAfterAll,
    /// A password to be removed that the user does not have.
    NoSuchPassword,
    /// A hash that is none.
    Hash,
    /// A first argument of a subcommand.
    ArgumentOfSubcommand,
}

impl RuleError {
    /// In Redis' words.
    pub const fn text(self) -> &'static str {
        match self {
            RuleError::Unknown => "Unknown command or category name in ACL",
            RuleError::Syntax => "Syntax error",
            RuleError::KeysAfterAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any \
                 effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            RuleError::ChannelsAfterAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
                 effect. Try 'resetchannels' to start with an empty list of channels"
            }
            RuleError::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            RuleError::Hash => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            RuleError::ArgumentOfSubcommand => "Allowing first-arg of a subcommand is not supported",
        }
    }
}

impl Selector {
    /// Takes one rule.
    ///
    /// # Errors
    /// If it is none; nothing has changed then.
    pub fn set(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"allkeys" | b"~*" => self.choose_keys(true),
            b"resetkeys" => self.choose_keys(false),
            b"allchannels" | b"&*" => self.choose_channels(true),
            b"resetchannels" => self.choose_channels(false),
            b"allcommands" | b"+@all" => self.choose_commands(true),
            b"nocommands" | b"-@all" => self.choose_commands(false),
            _ => match rule {
                [b'~', pattern @ ..] => self.add_keys(KeyAccess::all(), pattern)?,
                [b'%', rest @ ..] => {
                    let (access, pattern) = key_access(rest)?;
                    self.add_keys(access, pattern)?;
                }
                [b'&', channel @ ..] => self.add_channel(channel)?,
                [b'+', b'@', category @ ..] => self.set_category(category, true)?,
                [b'-', b'@', category @ ..] => self.set_category(category, false)?,
                [b'+', name @ ..] => self.permit(name)?,
                [b'-', name @ ..] => {
                    let entry = find(name).ok_or(RuleError::Unknown)?;
                    self.change(entry, false);
                    self.note(entry.spec().name, false);
                }
                _ => return Err(RuleError::Syntax),
            },
        }
        Ok(())
    }

    /// Takes a rule that was kept, perhaps by another version of the program. What is permitted beyond what this one knows
    /// is left out; where more is denied than it knows, everything is.
    ///
    /// # Errors
    /// If it is of a kind that this version does not know.
    pub(super) fn set_kept(&mut self, rule: &[u8]) -> Result<(), RuleError> {
        match self.set(rule) {
            Err(RuleError::Unknown) => {
                if rule.starts_with(b"-@") {
                    self.choose_commands(false);
                }
                Ok(())
            }
            taken => taken,
        }
    }

    fn choose_keys(&mut self, all: bool) {
        self.all_keys = all;
        self.keys.clear();
    }

    fn choose_channels(&mut self, all: bool) {
        self.all_channels = all;
        self.channels.clear();
    }

    fn choose_commands(&mut self, all: bool) {
        self.all_commands = all;
        self.begins_with_all = all;
        self.commands = if all { CommandSet::ALL } else { CommandSet::NONE };
        self.command_rules.clear();
        self.first_args.clear();
    }

    fn add_keys(&mut self, access: KeyAccess, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_keys {
            return Err(RuleError::KeysAfterAll);
        }
        if has_space(pattern) {
            return Err(RuleError::Syntax);
        }
        match self.keys.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => known.access |= access,
            None => self.keys.push(KeyPattern { access, pattern: pattern.to_vec() }),
        }
        Ok(())
    }

    fn add_channel(&mut self, channel: &[u8]) -> Result<(), RuleError> {
        if self.all_channels {
            return Err(RuleError::ChannelsAfterAll);
        }
        if has_space(channel) {
            return Err(RuleError::Syntax);
        }
        if !self.channels.iter().any(|known| known == channel) {
            self.channels.push(channel.to_vec());
        }
        Ok(())
    }

    fn set_category(&mut self, name: &[u8], on: bool) -> Result<(), RuleError> {
        let category = Categories::named(name).ok_or(RuleError::Unknown)?;
        let shown: String = category.names().map(|name| format!("@{name}")).collect();
        self.note(&shown, on);
        for entry in visible().filter(|entry| entry.spec().acl_categories().intersects(category)) {
            self.change(entry, on);
        }
        Ok(())
    }

    /// `+command`, `+container|subcommand`, or `+command|argument`.
    fn permit(&mut self, name: &[u8]) -> Result<(), RuleError> {
        let Some(bar) = name.iter().rposition(|byte| *byte == b'|') else {
            let entry = find(name).ok_or(RuleError::Unknown)?;
            self.change(entry, true);
            self.note(entry.spec().name, true);
            return Ok(());
        };
        let (command, argument) = (&name[..bar], &name[bar + 1..]);
        let entry = find(command).ok_or(RuleError::Unknown)?;
        let spec = entry.spec();
        if spec.parent().is_some() {
            return Err(RuleError::ArgumentOfSubcommand);
        }
        // What is no word of a text cannot be kept as one.
        let name = std::str::from_utf8(name).map_err(|_| RuleError::Syntax)?;
        if argument.is_empty() || has_space(argument) {
            return Err(RuleError::Syntax);
        }
        if spec.is_container() {
            self.change(find(name.as_bytes()).ok_or(RuleError::Unknown)?, true);
        } else {
            let argument = argument.to_ascii_lowercase();
            let added = (place(entry), argument);
            if !self.first_args.contains(&added) {
                self.first_args.push(added);
            }
        }
        self.note(name, true);
        Ok(())
    }

    /// Permits or forbids a command, and with a container all that it holds.
    fn change(&mut self, entry: Entry, on: bool) {
        self.all_commands &= on;
        let own = place(entry);
        self.commands.set(own, on);
        self.first_args.retain(|(place, _)| *place != own);
        let spec = entry.spec();
        if spec.is_container() {
            for below in visible().filter(|below| below.spec().parent() == Some(spec.name)) {
                self.commands.set(place(below), on);
            }
        }
    }

    /// Writes a rule down behind the others, and strikes those out that it makes superfluous.
    fn note(&mut self, rule: &str, on: bool) {
        let rule = rule.to_ascii_lowercase();
        self.command_rules.retain(|known| {
            let known = &known[1..];
            known != rule && !known.strip_prefix(rule.as_str()).is_some_and(|rest| rest.starts_with('|'))
        });
        self.command_rules.push(format!("{}{rule}", if on { '+' } else { '-' }));
    }
}

/// Reads the `RW~` of `%RW~pattern`, and what follows.
fn key_access(rest: &[u8]) -> Result<(KeyAccess, &[u8]), RuleError> {
    let mut access = KeyAccess::empty();
    for (at, byte) in rest.iter().enumerate() {
        let one = match byte.to_ascii_uppercase() {
            b'R' => KeyAccess::READ,
            b'W' => KeyAccess::WRITE,
            b'~' if !access.is_empty() => return Ok((access, &rest[at + 1..])),
            _ => return Err(RuleError::Syntax),
        };
        if access.contains(one) {
            return Err(RuleError::Syntax);
        }
        access |= one;
    }
    // Without a tilde the pattern is empty, as in Redis.
    if access.is_empty() { Err(RuleError::Syntax) } else { Ok((access, &[])) }
}

/// Whether a text has white space or a zero in it.
pub(super) fn has_space(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, 0 | 0x0B))
}
