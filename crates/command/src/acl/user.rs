//! A user: whether and how one becomes it, and what it may do then.

use sha2::{Digest as _, Sha256};

use super::{
    Denial, Refused, RuleError,
    rules::has_space,
    selector::{Keys, Selector},
};
use crate::Command;

/// Hexadecimal digits of a password's hash.
const HASH_DIGITS: usize = 64;

/// A user and its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    enabled: bool,
    no_password: bool,
    /// Whether RESTORE is to look twice at what this user gives it. It always does here; the flag is only kept.
    sanitize: bool,
    /// Hashes, in hexadecimal digits.
    passwords: Vec<String>,
    root: Selector,
    selectors: Vec<Selector>,
}

/// What a user without rules is: off, without a password and permissions.
impl Default for User {
    fn default() -> User {
        User {
            enabled: false,
            no_password: false,
            sanitize: true,
            passwords: Vec::new(),
            root: Selector::default(),
            selectors: Vec::new(),
        }
    }
}

/// The hash of a password, as it is kept.
pub fn password_hash(password: &[u8]) -> String {
    Sha256::digest(password).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a text may be a user's name.
pub fn is_word(name: &[u8]) -> bool {
    !has_space(name)
}

impl User {
    /// A user as it is before its first rule.
    pub fn new(all_channels: bool) -> User {
        let mut user = User::default();
        user.root.all_channels = all_channels;
        user
    }

    /// The user `default` before anybody has changed it: may do all, without a password unless there is one.
    pub fn all_powerful(password: Option<&[u8]>) -> User {
        let mut user = User { enabled: true, ..User::default() };
        for rule in [&b"~*"[..], b"&*", b"+@all"] {
            user.root.set(rule).expect("a rule");
        }
        user.set_password(password);
        user
    }

    /// Makes this the only password; none: every password will do.
    pub fn set_password(&mut self, password: Option<&[u8]>) {
        self.passwords = password.map(password_hash).into_iter().collect();
        self.no_password = password.is_none();
    }

    /// Takes rules, all or none of them; a selector may be spread over several. `all_channels` is what
    /// `acl-pubsub-default` says.
    ///
    /// # Errors
    /// Redis' text: which rule is none, and why.
    pub fn set_all(&mut self, rules: &[&[u8]], all_channels: bool) -> Result<(), Vec<u8>> {
        let mut changed = self.clone();
        for rule in whole_selectors(rules)? {
            changed.set(&rule, all_channels).map_err(|error| {
                [b"Error in ACL SETUSER modifier '", rule.as_slice(), b"': ", error.text().as_bytes()]
                    .concat()
            })?;
        }
        *self = changed;
        Ok(())
    }

    /// Takes one rule.
    ///
    /// # Errors
    /// If it is none.
    pub fn set(&mut self, rule: &[u8], all_channels: bool) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"" => {}
            b"on" => self.enabled = true,
            b"off" => self.enabled = false,
            b"skip-sanitize-payload" => self.sanitize = false,
            b"sanitize-payload" => self.sanitize = true,
            b"nopass" => self.set_password(None),
            b"resetpass" => {
                self.passwords.clear();
                self.no_password = false;
            }
            b"clearselectors" => self.selectors.clear(),
            b"reset" => *self = User::new(all_channels),
            _ => match rule {
                [b'>', password @ ..] => self.add_hash(password_hash(password)),
                [b'#', hash @ ..] => self.add_hash(checked_hash(hash)?),
                [b'<', password @ ..] => self.remove_hash(&password_hash(password))?,
                [b'!', hash @ ..] => self.remove_hash(&checked_hash(hash)?)?,
                [b'(', inner @ .., b')'] => {
                    let mut selector = Selector::default();
                    words(inner).try_for_each(|rule| selector.set(rule))?;
                    self.selectors.push(selector);
                }
                _ => self.root.set(rule)?,
            },
        }
        Ok(())
    }

    fn add_hash(&mut self, hash: String) {
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
        self.no_password = false;
    }

    fn remove_hash(&mut self, hash: &str) -> Result<(), RuleError> {
        let at = self.passwords.iter().position(|known| known == hash).ok_or(RuleError::NoSuchPassword)?;
        self.passwords.remove(at);
        Ok(())
    }

    /// The words that `ACL GETUSER` calls flags.
    pub fn flags(&self) -> Vec<&'static str> {
        let mut flags = vec![if self.enabled { "on" } else { "off" }];
        if self.no_password {
            flags.push("nopass");
        }
        flags.push(if self.sanitize { "sanitize-payload" } else { "skip-sanitize-payload" });
        flags
    }

    /// The hashes of the passwords.
    pub fn passwords(&self) -> &[String] {
        &self.passwords
    }

    /// The permissions that are not in parentheses.
    pub fn root(&self) -> &Selector {
        &self.root
    }

    /// Those that are.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// All rules; a selector in parentheses is one. [`User::of_rules`] takes them back.
    pub fn rules(&self) -> Vec<Vec<u8>> {
        let flags = self.flags().into_iter().map(|flag| flag.as_bytes().to_vec());
        let hashes = self.passwords.iter().map(|hash| format!("#{hash}").into_bytes());
        let selectors = self.selectors.iter().map(|selector| [b"(", &selector.describe()[..], b")"].concat());
        flags.chain(hashes).chain(self.root.rules()).chain(selectors).collect()
    }

    /// All rules, as `ACL LIST` shows them.
    pub fn describe(&self) -> Vec<u8> {
        self.rules().join(&b' ')
    }

    /// The user whose [`User::rules`] these are, perhaps of another version of the program: commands that this one does
    /// not know are left out, and who is denied a category that it does not know may call nothing.
    ///
    /// # Errors
    /// If a rule is of a kind that this version does not know.
    pub fn of_rules<'a>(rules: impl Iterator<Item = &'a [u8]>) -> Result<User, RuleError> {
        let mut user = User::default();
        for rule in rules {
            match rule {
                [b'(', inner @ .., b')'] => {
                    let mut selector = Selector::default();
                    for rule in words(inner) {
                        selector.set_kept(rule)?;
                    }
                    user.selectors.push(selector);
                }
                _ => match user.set(rule, false) {
                    Err(RuleError::Unknown) => user.root.set_kept(rule)?,
                    taken => taken?,
                },
            }
        }
        Ok(user)
    }

    /// Whether one becomes this user without a password.
    pub fn needs_no_password(&self) -> bool {
        self.enabled && self.no_password
    }

    /// Whether every password will do.
    pub fn takes_any_password(&self) -> bool {
        self.no_password
    }

    /// Whether one becomes this user with that password. Takes the same time wherever a wrong one differs.
    pub fn admits(&self, password: &[u8]) -> bool {
        if !self.enabled {
            return false;
        }
        let given = password_hash(password);
        let same = |known: &String| {
            let pairs = known.bytes().zip(given.bytes());
            known.len() == given.len() && pairs.fold(0, |sum, (one, other)| sum | (one ^ other)) == 0
        };
        self.no_password || self.passwords.iter().fold(false, |found, known| found | same(known))
    }

    fn all_selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }

    /// Whether there is nothing that this user may not do.
    pub fn is_unrestricted(&self) -> bool {
        self.all_selectors().any(Selector::is_unrestricted)
    }

    /// Whether a call is permitted; the first `name` of its words are its name.
    ///
    /// # Errors
    /// What of it is not permitted.
    pub fn check(&self, command: Command, words: &[&[u8]], name: usize) -> Result<(), Denial> {
        check(self.all_selectors(), command, words, name)
    }

    /// Whether a call that reads keys which it does not name (BY and GET of SORT) may do so.
    pub fn reads_all_keys(&self, command: Command, words: &[&[u8]], name: usize) -> bool {
        reads_all_keys(self.all_selectors(), command, words, name)
    }

    /// Whether a client of this user may listen to something that it may not listen to with the rules of `next`.
    pub fn narrows_channels(&self, next: &User) -> bool {
        let has_all = |user: &User| user.all_selectors().any(|selector| selector.all_channels);
        let has =
            |channel: &Vec<u8>| next.all_selectors().any(|selector| selector.channels.contains(channel));
        !has_all(next)
            && (has_all(self) || !self.all_selectors().flat_map(|selector| &selector.channels).all(has))
    }

    /// Whether a client that has become this user may go on listening to a channel.
    pub fn permits_channel(&self, channel: &[u8], is_pattern: bool) -> bool {
        self.all_selectors().any(|selector| selector.permits_channel(channel, is_pattern))
    }
}

/// Whether one of the selectors permits a call.
pub(super) fn check<'a>(
    selectors: impl Iterator<Item = &'a Selector>,
    command: Command,
    words: &[&[u8]],
    name: usize,
) -> Result<(), Denial> {
    let mut keys = Keys::default();
    let mut told = Denial { reason: Refused::Command, at: 0 };
    for selector in selectors {
        match selector.check(command, words, name, &mut keys) {
            Ok(()) => return Ok(()),
            Err(denial) => told = told.max(denial),
        }
    }
    Err(told)
}

/// Whether one of the selectors permits a call and the reading of all keys.
pub(super) fn reads_all_keys<'a>(
    selectors: impl Iterator<Item = &'a Selector>,
    command: Command,
    words: &[&[u8]],
    name: usize,
) -> bool {
    let mut keys = Keys::default();
    let mut selectors = selectors;
    selectors
        .any(|selector| selector.reads_all_keys() && selector.check(command, words, name, &mut keys).is_ok())
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn checked_hash(hash: &[u8]) -> Result<String, RuleError> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match std::str::from_utf8(hash) {
        Ok(text) if hash.len() == HASH_DIGITS && hash.iter().all(is_digit) => Ok(text.to_owned()),
        _ => Err(RuleError::Hash),
    }
}

/// Puts selectors that are spread over several arguments together.
fn whole_selectors(rules: &[&[u8]]) -> Result<Vec<Vec<u8>>, Vec<u8>> {
    let mut whole: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(&[u8], Vec<u8>)> = None;
    for rule in rules {
        match &mut open {
            None if rule.starts_with(b"(") && !rule.ends_with(b")") => open = Some((rule, rule.to_vec())),
            None => whole.push(rule.to_vec()),
            Some((_, selector)) => {
                selector.push(b' ');
                selector.extend_from_slice(rule);
                if rule.ends_with(b")") {
                    whole.extend(open.take().map(|(_, selector)| selector));
                }
            }
        }
    }
    match open {
        Some((first, _)) => {
            Err([b"Unmatched parenthesis in acl selector starting at '", first, b"'."].concat())
        }
        None => Ok(whole),
    }
}

#[cfg(test)]
mod tests;
