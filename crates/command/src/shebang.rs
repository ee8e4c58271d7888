//! The first line of scripts and libraries: `#!lua name=... flags=...`.

use std::ops::Range;

use crate::{ReplyError, quotes::unquote};
use bitflags::bitflags;

bitflags! {
    /// What a script says of itself.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct ScriptFlags: u8 {
        /// It does not write.
        const NO_WRITES = 1 << 0;
        /// It may run when memory is full.
        const ALLOW_OOM = 1 << 1;
        /// It may run on a stale replica.
        const ALLOW_STALE = 1 << 2;
        /// It does not run in a cluster.
        const NO_CLUSTER = 1 << 3;
        /// Its keys may be of several slots.
        const CROSS_SLOT = 1 << 4;
        /// Upstash: it locks its keys only.
        const KEY_LOCKING = 1 << 5;
        /// It has no shebang: the rules of old scripts hold.
        const COMPAT = 1 << 6;
    }
}

/// Names of flags, in the order in which they are shown.
const NAMES: &[(&str, ScriptFlags)] = &[
    ("no-writes", ScriptFlags::NO_WRITES),
    ("allow-oom", ScriptFlags::ALLOW_OOM),
    ("allow-stale", ScriptFlags::ALLOW_STALE),
    ("no-cluster", ScriptFlags::NO_CLUSTER),
    ("allow-cross-slot-keys", ScriptFlags::CROSS_SLOT),
    ("allow-key-locking", ScriptFlags::KEY_LOCKING),
];

impl ScriptFlags {
    /// The flag of that name.
    pub fn named(name: &[u8]) -> Option<ScriptFlags> {
        NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, flag)| *flag)
    }

    /// The names of the flags that are set.
    pub fn names(self) -> Vec<&'static str> {
        NAMES.iter().filter(|(_, flag)| self.contains(*flag)).map(|(name, _)| *name).collect()
    }
}

/// A script without its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptHead {
    /// What it says of itself.
    pub flags: ScriptFlags,
    /// Where its code begins: at the end of the first line, so that lines keep their numbers.
    pub code: usize,
}

/// Reads the head of a script.
///
/// # Errors
/// If it has a shebang that is none.
pub fn script_head(text: &[u8]) -> Result<ScriptHead, ReplyError> {
    if !text.starts_with(b"#!") {
        return Ok(ScriptHead { flags: ScriptFlags::COMPAT, code: 0 });
    }
    let end = text.iter().position(|byte| *byte == b'\n').ok_or(ReplyError::SHEBANG_INVALID)?;
    let (bytes, words) = words(&text[..end]).ok_or(ReplyError::SHEBANG_ENGINE_INVALID)?;
    let mut words = words.into_iter().map(|word| &bytes[word]);
    match words.next() {
        Some(b"#!lua") => {}
        engine => return Err(ReplyError::shebang_engine(engine.unwrap_or_default())),
    }
    let mut flags = ScriptFlags::empty();
    for word in words {
        let list = word.strip_prefix(b"flags=").ok_or_else(|| ReplyError::shebang_option(word))?;
        for name in list.split(|byte| *byte == b',').filter(|name| !name.is_empty()) {
            flags |= ScriptFlags::named(name).ok_or_else(|| ReplyError::shebang_flag(name))?;
        }
    }
    Ok(ScriptHead { flags, code: end })
}

/// A library without its first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryHead {
    /// Its name.
    pub name: String,
    /// Where its code begins.
    pub code: usize,
}

/// Reads the head of a library.
///
/// # Errors
/// If it has none, or not a name.
pub fn library_head(text: &[u8]) -> Result<LibraryHead, ReplyError> {
    if !text.starts_with(b"#!") {
        return Err(ReplyError::LIBRARY_NO_METADATA);
    }
    let end = text.iter().position(|byte| *byte == b'\n').ok_or(ReplyError::LIBRARY_INVALID_METADATA)?;
    let (bytes, words) = words(&text[..end]).ok_or(ReplyError::LIBRARY_INVALID_METADATA)?;
    let mut words = words.into_iter().map(|word| &bytes[word]);
    let engine = words.next().and_then(|word| word.strip_prefix(b"#!")).unwrap_or_default();
    let mut name = None;
    for word in words {
        let given = word.strip_prefix(b"name=").ok_or_else(|| ReplyError::library_metadata(word))?;
        if name.replace(given).is_some() {
            return Err(ReplyError::LIBRARY_NAME_TWICE);
        }
    }
    let name = name.ok_or(ReplyError::LIBRARY_NO_NAME)?;
    if !is_name(name) {
        return Err(ReplyError::LIBRARY_NAME);
    }
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err(ReplyError::library_engine(engine));
    }
    Ok(LibraryHead { name: String::from_utf8_lossy(name).into_owned(), code: end })
}

/// Whether libraries and functions may be called so.
pub fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// The words of a line, without quotes.
fn words(line: &[u8]) -> Option<(Vec<u8>, Vec<Range<usize>>)> {
    let mut ranges = Vec::new();
    unquote(line, &mut ranges).map(|bytes| (bytes, ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(line: &str) -> Result<String, String> {
        let head = library_head(format!("{line}\nreturn 1").as_bytes());
        head.map(|head| head.name).map_err(|error| error.text().into_owned())
    }

    #[test]
    fn words_may_stand_in_quotes() {
        assert_eq!(library("#!lua name=\"a\"").as_deref(), Ok("a"));
        assert_eq!(library("#!'lua' 'name=a'").as_deref(), Ok("a"));
        assert_eq!(library("#!lua name=\"a"), Err("ERR Invalid library metadata".into()));
        assert_eq!(library("#! name=a"), Err("ERR Engine '' not found".into()));
        assert_eq!(library("#!lua"), Err("ERR Library name was not given".into()));
        let flags = |text: &[u8]| script_head(text).map(|head| head.flags);
        assert_eq!(flags(b"#!lua \"flags=no-writes\"\nreturn 1"), Ok(ScriptFlags::NO_WRITES));
        assert_eq!(flags(b"#!lua flags=\"no-writes\nreturn 1"), Err(ReplyError::SHEBANG_ENGINE_INVALID));
    }
}
