//! What a restricted user may do, as it travels with the calls of scripts to the shards.
//!
//! `version u8 | name | count u32 | selectors`, where a text is `length u32 | bytes`. A selector is
//! `flags u8 | commands | first arguments | key patterns | channels`. Commands stand by their numbers.

use super::{
    Denial,
    command_set::CommandSet,
    selector::{KeyAccess, KeyPattern, Selector},
    user::{User, check, reads_all_keys},
};
use crate::Command;

const VERSION: u8 = 1;
const ALL_KEYS: u8 = 1;
const ALL_CHANNELS: u8 = 2;
const ALL_COMMANDS: u8 = 4;

/// A user's name and permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The user's name.
    pub name: Vec<u8>,
    selectors: Vec<Selector>,
}

impl Grant {
    /// Whether a call is permitted; the first `name` of its words are its name.
    ///
    /// # Errors
    /// What of it is not permitted.
    pub fn check(&self, command: Command, words: &[&[u8]], name: usize) -> Result<(), Denial> {
        check(self.selectors.iter(), command, words, name)
    }

    /// Whether a call that reads keys which it does not name may do so.
    pub fn reads_all_keys(&self, command: Command, words: &[&[u8]], name: usize) -> bool {
        reads_all_keys(self.selectors.iter(), command, words, name)
    }

    /// What a user may do, as bytes; [`Grant::decode`] reads them.
    pub fn encode(name: &[u8], user: &User) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        put(&mut bytes, name);
        let selectors: Vec<&Selector> = std::iter::once(user.root()).chain(user.selectors()).collect();
        put_count(&mut bytes, selectors.len());
        for selector in selectors {
            let flags = [
                (selector.all_keys, ALL_KEYS),
                (selector.all_channels, ALL_CHANNELS),
                (selector.all_commands, ALL_COMMANDS),
            ];
            bytes.push(flags.iter().filter(|(on, _)| *on).map(|(_, bit)| bit).sum());
            put(&mut bytes, &selector.commands.to_bytes());
            put_count(&mut bytes, selector.first_args.len());
            for (place, argument) in &selector.first_args {
                put_count(&mut bytes, *place);
                put(&mut bytes, argument);
            }
            put_count(&mut bytes, selector.keys.len());
            for keys in &selector.keys {
                bytes.push(keys.access.bits());
                put(&mut bytes, &keys.pattern);
            }
            put_count(&mut bytes, selector.channels.len());
            selector.channels.iter().for_each(|channel| put(&mut bytes, channel));
        }
        bytes
    }

    /// Reads what [`Grant::encode`] wrote; `None` if it is nothing of the kind.
    pub fn decode(bytes: &[u8]) -> Option<Grant> {
        let (version, mut rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let name = take(&mut rest)?.to_vec();
        let mut selectors = Vec::new();
        for _ in 0..take_count(&mut rest)? {
            selectors.push(take_selector(&mut rest)?);
        }
        rest.is_empty().then_some(Grant { name, selectors })
    }
}

fn take_selector(rest: &mut &[u8]) -> Option<Selector> {
    let flags = take_byte(rest)?;
    let mut selector = Selector {
        all_keys: flags & ALL_KEYS != 0,
        all_channels: flags & ALL_CHANNELS != 0,
        all_commands: flags & ALL_COMMANDS != 0,
        commands: CommandSet::from_bytes(take(rest)?)?,
        ..Selector::default()
    };
    for _ in 0..take_count(rest)? {
        selector.first_args.push((take_count(rest)?, take(rest)?.to_vec()));
    }
    for _ in 0..take_count(rest)? {
        let access = KeyAccess::from_bits(take_byte(rest)?)?;
        selector.keys.push(KeyPattern { access, pattern: take(rest)?.to_vec() });
    }
    for _ in 0..take_count(rest)? {
        selector.channels.push(take(rest)?.to_vec());
    }
    Some(selector)
}

pub(super) fn put(bytes: &mut Vec<u8>, text: &[u8]) {
    put_count(bytes, text.len());
    bytes.extend_from_slice(text);
}

pub(super) fn put_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend_from_slice(&(count as u32).to_le_bytes());
}

pub(super) fn take_byte(rest: &mut &[u8]) -> Option<u8> {
    let (byte, tail) = rest.split_first()?;
    *rest = tail;
    Some(*byte)
}

pub(super) fn take_count(rest: &mut &[u8]) -> Option<usize> {
    let (count, tail) = rest.split_first_chunk::<4>()?;
    *rest = tail;
    Some(u32::from_le_bytes(*count) as usize)
}

pub(super) fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_count(rest)?;
    let (text, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve;

    #[test]
    fn a_grant_decides_as_the_user_does() {
        let mut user = User::default();
        let rules: [&[u8]; 6] =
            [b"+@read", b"+select|0", b"~a*", b"%W~w", b"&news", b"(+set ~s* resetchannels)"];
        user.set_all(&rules, false).expect("rules");
        let bytes = Grant::encode(b"bob", &user);
        let grant = Grant::decode(&bytes).expect("whole");
        assert_eq!(grant.name, b"bob");
        let calls: [&[&[u8]]; 7] = [
            &[b"get", b"a1"],
            &[b"get", b"w"],
            &[b"set", b"s1", b"v"],
            &[b"set", b"a1", b"v"],
            &[b"select", b"0"],
            &[b"select", b"1"],
            &[b"publish", b"news", b"m"],
        ];
        for call in calls {
            let (command, name) = resolve(call).expect("a command");
            assert_eq!(grant.check(command, call, name), user.check(command, call, name), "{call:?}");
        }
        for cut in 0..bytes.len() {
            assert_eq!(Grant::decode(&bytes[..cut]), None);
        }
    }
}
