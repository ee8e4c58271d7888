//! A set of commands, by their numbers.

use crate::{Command, Container, EngineCommand, ProxyCommand, table::Entry};

/// Numbers of engine commands come first, those of proxy commands here.
const PROXY_AT: usize = 1024;
const CONTAINER_AT: usize = 1536;
const BITS: usize = 1600;
const WORDS: usize = BITS / 64;

/// Which commands, subcommands and containers are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CommandSet([u64; WORDS]);

/// The place of a command or container.
pub(super) fn place(entry: Entry) -> usize {
    match entry {
        Entry::Command(command) => place_of(command),
        Entry::Container(container) => CONTAINER_AT + usize::from(container.id()),
    }
}

/// The place of a command.
pub(super) fn place_of(command: Command) -> usize {
    match command {
        Command::Engine(command) => usize::from(command.id()),
        Command::Proxy(command) => PROXY_AT + usize::from(command.id()),
    }
}

/// Every number fits into its share of the places.
const _: () = {
    let mut at = 0;
    while at < EngineCommand::ALL.len() {
        assert!((EngineCommand::ALL[at].id() as usize) < PROXY_AT);
        at += 1;
    }
    at = 0;
    while at < ProxyCommand::ALL.len() {
        assert!((ProxyCommand::ALL[at].id() as usize) < CONTAINER_AT - PROXY_AT);
        at += 1;
    }
    at = 0;
    while at < Container::ALL.len() {
        assert!((Container::ALL[at].id() as usize) < BITS - CONTAINER_AT);
        at += 1;
    }
};

impl CommandSet {
    /// No command.
    pub(super) const NONE: CommandSet = CommandSet([0; WORDS]);
    /// All there are and will be.
    pub(super) const ALL: CommandSet = CommandSet([u64::MAX; WORDS]);

    pub(super) fn contains(&self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 == 1
    }

    pub(super) fn set(&mut self, place: usize, on: bool) {
        let bit = 1 << (place % 64);
        if on {
            self.0[place / 64] |= bit;
        } else {
            self.0[place / 64] &= !bit;
        }
    }

    /// The places as bytes; only commands, without what is zero at the end.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let commands = &self.0[..CONTAINER_AT / 64];
        let mut bytes: Vec<u8> = commands.iter().flat_map(|word| word.to_le_bytes()).collect();
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes
    }

    /// The set that [`CommandSet::to_bytes`] wrote; `None` if it is longer than one can be.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<CommandSet> {
        let mut set = CommandSet::NONE;
        if bytes.len() > CONTAINER_AT / 8 {
            return None;
        }
        for (at, byte) in bytes.iter().enumerate() {
            set.0[at / 8] |= u64::from(*byte) << (at % 8 * 8);
        }
        Some(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_as_bytes() {
        let mut set = CommandSet::NONE;
        let places = [
            place_of(Command::Engine(EngineCommand::Get)),
            place_of(Command::Proxy(ProxyCommand::Publish)),
            place_of(Command::Proxy(ProxyCommand::AclLog)),
        ];
        places.iter().for_each(|place| set.set(*place, true));
        assert_eq!(CommandSet::from_bytes(&set.to_bytes()), Some(set.clone()));
        assert!(places.iter().all(|place| set.contains(*place)));
        set.set(places[0], false);
        assert!(!set.contains(places[0]));
        assert_eq!(CommandSet::from_bytes(&CommandSet::NONE.to_bytes()), Some(CommandSet::NONE));
        assert_eq!(CommandSet::from_bytes(&[0; 193]), None);
    }
}
