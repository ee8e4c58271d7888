//! Exactly-once between proxies and the shard (design §5.6).
//!
//! A session's commands carry contiguous sequences from 1 on. The shard remembers the last sequence it executed and
//! the replies that the proxy may not have received yet, so that what is sent again is answered and not repeated.
//! Replies are remembered as the blocks in which they were made, one allocation per section. All of it is replicated
//! state: it depends on the log only, and is part of snapshots.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use meridian_command::ReplyError;

use crate::entry::SectionHead;

/// A session is forgotten when it has been idle for so long, by the time of the log.
const IDLE_MS_MAX: u64 = 15 * 60 * 1000;

/// Idle sessions are looked for when the log's time passes a multiple of this.
const SWEEP_MS: u64 = 60 * 1000;

/// Answered for a sequence whose reply the proxy itself had declared received.
const REPLY_FORGOTTEN: ReplyError =
    ReplyError::new("ERR the reply was already acknowledged and is forgotten");

/// The replies of commands `first..first + count`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) replies: Bytes,
}

impl Block {
    fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    /// The reply to `sequence`, with its length.
    fn reply(&self, sequence: u64) -> Option<&[u8]> {
        let mut rest = &self.replies[..];
        for _ in self.first..sequence {
            rest = &rest[framed_len(rest)?..];
        }
        rest.get(..framed_len(rest)?)
    }
}

/// The length of the first reply in `replies` with its own four bytes of length.
fn framed_len(replies: &[u8]) -> Option<usize> {
    let length = u32::from_le_bytes(*replies.first_chunk::<4>()?) as usize;
    Some(length.checked_add(4)?).filter(|framed| *framed <= replies.len())
}

/// What is known of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// The last sequence that was executed.
    pub(crate) last: u64,
    /// The log's time when it was last used.
    pub(crate) used_ms: u64,
    /// Replies not yet acknowledged, in order.
    pub(crate) blocks: VecDeque<Block>,
}

/// How a section is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Answer the first so many commands from memory, execute the others.
    Execute { remembered: u32 },
    /// Earlier commands are missing.
    Gap { expected: u64 },
    /// The session is unknown and this is not its beginning.
    Expired,
}

/// All sessions of the shard.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sessions {
    known: BTreeMap<u64, Session>,
}

impl Sessions {
    /// Forgets idle sessions when time moves past a sweep.
    pub(crate) fn sweep(&mut self, last_ms: u64, now_ms: u64) {
        if last_ms / SWEEP_MS != now_ms / SWEEP_MS {
            self.known.retain(|_, session| now_ms.saturating_sub(session.used_ms) <= IDLE_MS_MAX);
        }
    }

    /// Decides about a section, drops what its watermark acknowledges, and notes that the session is used.
    pub(crate) fn admit(&mut self, head: &SectionHead, now_ms: u64) -> Admission {
        if head.session == 0 {
            return Admission::Execute { remembered: 0 };
        }
        if head.first_sequence == 1 {
            self.known.entry(head.session).or_default();
        }
        let Some(session) = self.known.get_mut(&head.session) else { return Admission::Expired };
        session.used_ms = now_ms;
        while session.blocks.front().is_some_and(|block| block.end() <= head.watermark.saturating_add(1)) {
            session.blocks.pop_front();
        }
        let expected = session.last.saturating_add(1);
        if head.first_sequence > expected || head.first_sequence == 0 {
            return Admission::Gap { expected };
        }
        let remembered = u32::try_from(expected - head.first_sequence).unwrap_or(u32::MAX).min(head.count);
        Admission::Execute { remembered }
    }

    /// Appends the framed reply to an already executed sequence.
    pub(crate) fn answer(&self, session: u64, sequence: u64, replies: &mut Vec<u8>) {
        let found = self.known.get(&session).and_then(|session| {
            let at = session.blocks.partition_point(|block| block.end() <= sequence);
            session.blocks.get(at).filter(|block| block.first <= sequence)?.reply(sequence)
        });
        match found {
            Some(reply) => replies.extend_from_slice(reply),
            None => {
                let start = replies.len();
                replies.extend_from_slice(&[0; 4]);
                REPLY_FORGOTTEN.write(replies);
                let length = (replies.len() - start - 4) as u32;
                replies[start..start + 4].copy_from_slice(&length.to_le_bytes());
            }
        }
    }

    /// Remembers the replies of a section that was executed from sequence `first` on.
    pub(crate) fn remember(&mut self, session: u64, block: Block) {
        if let Some(session) = self.known.get_mut(&session).filter(|_| block.count > 0) {
            session.last = block.end() - 1;
            session.blocks.push_back(block);
        }
    }

    /// The last executed sequence of a session.
    pub(crate) fn last(&self, session: u64) -> Option<u64> {
        self.known.get(&session).map(|session| session.last)
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Bytes of all remembered replies.
    pub(crate) fn remembered_bytes(&self) -> usize {
        self.known.values().flat_map(|session| &session.blocks).map(|block| block.replies.len()).sum()
    }

    /// All sessions in order of their numbers.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &Session)> {
        self.known.iter().map(|(id, session)| (*id, session))
    }

    /// Puts a session in that a snapshot held.
    pub(crate) fn restore(&mut self, id: u64, session: Session) {
        self.known.insert(id, session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(first_sequence: u64, count: u32, watermark: u64) -> SectionHead {
        SectionHead { session: 7, first_sequence, count, watermark, ..SectionHead::default() }
    }

    fn framed(texts: &[&str]) -> Bytes {
        let mut bytes = Vec::new();
        for text in texts {
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.into()
    }

    fn answer(sessions: &Sessions, sequence: u64) -> Vec<u8> {
        let mut replies = Vec::new();
        sessions.answer(7, sequence, &mut replies);
        replies
    }

    #[test]
    fn sequences_are_executed_once_and_answered_again() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.admit(&head(2, 1, 0), 0), Admission::Expired);
        assert_eq!(sessions.admit(&head(1, 2, 0), 0), Admission::Execute { remembered: 0 });
        sessions.remember(7, Block { first: 1, count: 2, replies: framed(&["a", "bb"]) });
        assert_eq!(sessions.admit(&head(4, 1, 0), 0), Admission::Gap { expected: 3 });
        assert_eq!(sessions.admit(&head(2, 3, 0), 0), Admission::Execute { remembered: 1 });
        sessions.remember(7, Block { first: 3, count: 2, replies: framed(&["c", "d"]) });
        assert_eq!(sessions.admit(&head(1, 2, 0), 0), Admission::Execute { remembered: 2 });
        assert_eq!(answer(&sessions, 2), framed(&["bb"]));
        assert_eq!(answer(&sessions, 4), framed(&["d"]));
        assert_eq!(sessions.last(7), Some(4));
    }

    #[test]
    fn a_watermark_forgets_and_says_so() {
        let mut sessions = Sessions::default();
        sessions.admit(&head(1, 1, 0), 0);
        sessions.remember(7, Block { first: 1, count: 1, replies: framed(&["a"]) });
        sessions.admit(&head(2, 1, 1), 0);
        sessions.remember(7, Block { first: 2, count: 1, replies: framed(&["b"]) });
        assert_eq!(sessions.remembered_bytes(), 5);
        assert!(answer(&sessions, 1)[4..].starts_with(b"-ERR "));
        assert_eq!(answer(&sessions, 2), framed(&["b"]));
    }

    #[test]
    fn an_idle_session_is_forgotten() {
        let mut sessions = Sessions::default();
        sessions.admit(&head(1, 1, 0), 1000);
        sessions.sweep(1000, IDLE_MS_MAX);
        assert_eq!(sessions.len(), 1);
        sessions.sweep(IDLE_MS_MAX, IDLE_MS_MAX + SWEEP_MS);
        assert_eq!(sessions.last(7), None);
    }
}
