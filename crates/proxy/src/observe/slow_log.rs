//! The calls that took long, as `SLOWLOG` shows them: those of this process' clients.

use std::collections::VecDeque;

use meridian_rt::clock::wall_micros;
use parking_lot::Mutex;

use super::Hidden;
use crate::clients::Client;

/// Words of a call that are kept, and bytes of a word.
const WORDS_MAX: usize = 32;
const WORD_BYTES_MAX: usize = 128;

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    /// Seconds since 1970.
    pub(crate) at: u64,
    pub(crate) micros: i64,
    pub(crate) words: Vec<Vec<u8>>,
    pub(crate) address: String,
    pub(crate) name: Vec<u8>,
}

/// The newest calls, the newest first.
#[derive(Debug, Default)]
pub(crate) struct SlowLog {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    next: u64,
    entries: VecDeque<Entry>,
}

impl SlowLog {
    pub(super) fn add<'a>(
        &self,
        client: &Client,
        micros: i64,
        words: impl ExactSizeIterator<Item = &'a [u8]>,
        hidden: Hidden,
        length: u64,
    ) {
        let words = trimmed(words, hidden);
        let mut kept = self.kept.lock();
        let id = kept.next;
        kept.next += 1;
        kept.entries.push_front(Entry {
            id,
            at: wall_micros() / 1_000_000,
            micros,
            words,
            address: client.address.to_string(),
            name: client.name(),
        });
        kept.entries.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    }

    /// The newest calls, `count` of them at most.
    pub(crate) fn newest(&self, count: usize) -> Vec<Entry> {
        self.kept.lock().entries.iter().take(count).cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.lock().entries.len()
    }

    pub(crate) fn clear(&self) {
        self.kept.lock().entries.clear();
    }
}

/// The words as they are kept: not too many, not too long, and no secrets.
fn trimmed<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>, hidden: Hidden) -> Vec<Vec<u8>> {
    let count = words.len();
    let shown = if count > WORDS_MAX { WORDS_MAX - 1 } else { count };
    let mut kept: Vec<Vec<u8>> = Vec::with_capacity(shown + 1);
    for (at, word) in words.take(shown).enumerate() {
        let word = if hidden.hides(at, &kept) {
            b"(redacted)".to_vec()
        } else if word.len() > WORD_BYTES_MAX {
            let more = format!("... ({} more bytes)", word.len() - WORD_BYTES_MAX);
            [&word[..WORD_BYTES_MAX], more.as_bytes()].concat()
        } else {
            word.to_vec()
        };
        kept.push(word);
    }
    if shown < count {
        kept.push(format!("... ({} more arguments)", count - shown).into_bytes());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_trimmed_as_redis_does() {
        let many: Vec<Vec<u8>> = (0..33).map(|number: u32| number.to_string().into_bytes()).collect();
        let kept = trimmed(many.iter().map(Vec::as_slice), Hidden::None);
        assert_eq!((kept.len(), kept[31].as_slice()), (32, &b"... (2 more arguments)"[..]));
        let long = [b'A'; 129];
        let kept = trimmed([&long[..]].into_iter(), Hidden::None);
        assert!(kept[0].ends_with(b"AA... (1 more bytes)"));
    }

    #[test]
    fn secrets_are_hidden() {
        let words = |line: &'static str| line.split(' ').map(str::as_bytes).collect::<Vec<_>>().into_iter();
        let shown =
            |line, hidden| String::from_utf8(trimmed(words(line), hidden).join(&b' ')).expect("a text");
        assert_eq!(shown("auth a b", Hidden::All), "auth (redacted) (redacted)");
        assert_eq!(
            shown("hello 3 AUTH u p SETNAME x", Hidden::BehindAuth),
            "hello 3 AUTH (redacted) (redacted) SETNAME x"
        );
        assert_eq!(
            shown("config set requirepass x timeout 1", Hidden::Passwords),
            "config set requirepass (redacted) timeout 1"
        );
    }
}
