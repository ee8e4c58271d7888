//! What a shard tells the proxy of calls that it has refused to scripts of a restricted user.
//!
//! It stands before the reply: `2 u8 | length u32 | user | (reason u8, count u32, object)*`, where a text is
//! `length u32 | bytes`; `length` counts what follows it. No reply begins with that byte, and where nothing was refused
//! nothing is told.

use super::{
    Refused,
    grant::{put, put_count, take, take_byte, take_count},
};

/// First byte of a reply that has this before it.
const MARK: u8 = 2;
/// So many different ones are told of one command at most.
const TOLD_MAX: usize = 64;

/// Calls of one command's scripts that were refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Whose scripts they were.
    pub user: Vec<u8>,
    /// What was refused, to what, and how often.
    pub refused: Vec<(Refused, Vec<u8>, u32)>,
}

impl Told {
    /// Notes that something was refused, so many times.
    pub fn add(&mut self, user: &[u8], reason: Refused, object: Vec<u8>, count: u32) {
        if self.refused.is_empty() {
            self.user = user.to_vec();
        }
        let known = self.refused.iter().position(|known| known.0 == reason && known.1 == object);
        if let Some(known) = known {
            self.refused[known].2 = self.refused[known].2.saturating_add(count);
        } else if self.refused.len() < TOLD_MAX {
            self.refused.push((reason, object, count));
        }
    }

    /// Adds what else was refused.
    pub fn merge(&mut self, other: Told) {
        for (reason, object, count) in other.refused {
            self.add(&other.user, reason, object, count);
        }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.refused.is_empty()
    }

    /// The bytes that go before the reply.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        put(&mut body, &self.user);
        for (reason, object, count) in &self.refused {
            body.push(match reason {
                Refused::Command => 0,
                Refused::Key => 1,
                Refused::Channel => 2,
            });
            put_count(&mut body, *count as usize);
            put(&mut body, object);
        }
        let mut bytes = vec![MARK];
        put(&mut bytes, &body);
        bytes
    }

    /// Takes what is told off a reply; `None` if nothing is.
    pub fn split(reply: &[u8]) -> Option<(Told, &[u8])> {
        let mut rest = reply.strip_prefix(&[MARK])?;
        let mut body = take(&mut rest)?;
        let mut told = Told { user: take(&mut body)?.to_vec(), refused: Vec::new() };
        while !body.is_empty() {
            let reason = match take_byte(&mut body)? {
                0 => Refused::Command,
                1 => Refused::Key,
                2 => Refused::Channel,
                _ => return None,
            };
            let count = u32::try_from(take_count(&mut body)?).ok()?;
            told.refused.push((reason, take(&mut body)?.to_vec(), count));
        }
        Some((told, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_comes_off_the_reply_again() {
        let mut told = Told::default();
        told.add(b"bob", Refused::Key, b"k".to_vec(), 1);
        told.add(b"bob", Refused::Key, b"k".to_vec(), 1);
        told.add(b"bob", Refused::Command, b"get".to_vec(), 1);
        let reply = [told.encode(), b"+OK\r\n".to_vec()].concat();
        assert_eq!(Told::split(&reply), Some((told.clone(), &b"+OK\r\n"[..])));
        assert_eq!(told.refused[0].2, 2);
        assert_eq!(Told::split(b"+OK\r\n"), None);
        for cut in 1..reply.len() - 5 {
            assert_eq!(Told::split(&reply[..cut]), None);
        }
        for number in 0..200 {
            told.add(b"bob", Refused::Channel, vec![number], 1);
        }
        assert_eq!(told.refused.len(), TOLD_MAX);
    }
}
