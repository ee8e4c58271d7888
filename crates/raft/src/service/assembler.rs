//! Puts requests together again that came in pieces.

use std::collections::BTreeMap;

use bytes::BytesMut;
use meridian_proto::raft as pb;

use crate::wire::Malformed;

/// Bytes of unfinished requests of one peer: a window's worth for a few shards, and a large entry for each.
const UNFINISHED_BYTES_MAX: usize = 1 << 30;

/// A request whose end has not arrived.
struct Unfinished {
    request: pb::AppendRequest,
    /// Data of an entry whose end has not arrived; the entry is the last of `request`.
    data: Option<BytesMut>,
    bytes: usize,
}

/// The unfinished requests of a peer, by session.
#[derive(Default)]
pub(crate) struct Assembler {
    unfinished: BTreeMap<u64, Unfinished>,
    bytes: usize,
}

impl Assembler {
    /// Takes a request or a piece of one; gives the request when it is whole.
    pub(crate) fn add(&mut self, piece: pb::AppendRequest) -> Result<Option<pb::AppendRequest>, Malformed> {
        let session = piece.session;
        let whole = match self.unfinished.remove(&session) {
            None if !piece.partial && piece.entries.iter().all(|entry| !entry.partial) => {
                return Ok(Some(piece));
            }
            None => {
                let request = pb::AppendRequest { entries: Vec::new(), ..head(&piece) };
                let mut started = Unfinished { request, data: None, bytes: 0 };
                started.extend(piece)?;
                started
            }
            Some(mut started) => {
                self.bytes -= started.bytes;
                // A session that was replaced by a new life of the same link starts anew; this one went on.
                if started.request.sequence != piece.sequence {
                    return Err(Malformed("a piece of another request"));
                }
                started.extend(piece)?;
                started
            }
        };
        if !whole.request.partial {
            if whole.data.is_some() {
                return Err(Malformed("a request that ends within an entry"));
            }
            return Ok(Some(whole.request));
        }
        self.bytes += whole.bytes;
        if self.bytes > UNFINISHED_BYTES_MAX {
            return Err(Malformed("too many unfinished requests"));
        }
        self.unfinished.insert(session, whole);
        Ok(None)
    }
}

fn head(piece: &pb::AppendRequest) -> pb::AppendRequest {
    pb::AppendRequest {
        shard: piece.shard,
        session: piece.session,
        sequence: piece.sequence,
        vote: piece.vote,
        previous: piece.previous,
        committed: piece.committed,
        entries: Vec::new(),
        partial: piece.partial,
    }
}

impl Unfinished {
    fn extend(&mut self, piece: pb::AppendRequest) -> Result<(), Malformed> {
        self.request.partial = piece.partial;
        self.request.committed = piece.committed;
        for mut entry in piece.entries {
            self.bytes += entry.data.len();
            let continues = self.data.is_some();
            if !continues && !entry.partial {
                self.request.entries.push(entry);
                continue;
            }
            if continues {
                let same = self.request.entries.last().is_some_and(|last| {
                    (last.term, last.index, last.kind) == (entry.term, entry.index, entry.kind)
                });
                if !same {
                    return Err(Malformed("a piece of another entry"));
                }
            }
            let data = self.data.get_or_insert_default();
            data.extend_from_slice(&entry.data);
            let finished = !entry.partial;
            if !continues {
                entry.data = bytes::Bytes::new();
                entry.partial = false;
                self.request.entries.push(entry);
            }
            if finished {
                let data = self.data.take().unwrap_or_default();
                if let Some(last) = self.request.entries.last_mut() {
                    last.data = data.freeze();
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn piece(sequence: u64, partial: bool, entries: Vec<pb::Entry>) -> pb::AppendRequest {
        pb::AppendRequest { session: 1, sequence, partial, entries, ..Default::default() }
    }

    fn entry(index: u64, data: &'static [u8], partial: bool) -> pb::Entry {
        pb::Entry { term: 1, index, kind: 2, data: Bytes::from_static(data), partial }
    }

    #[test]
    fn pieces_become_one_request() {
        let mut assembler = Assembler::default();
        let first = piece(4, true, vec![entry(1, b"a", false), entry(2, b"b", true)]);
        assert_eq!(assembler.add(first), Ok(None));
        assert_eq!(assembler.add(piece(4, true, vec![entry(2, b"c", true)])), Ok(None));
        let last = piece(4, false, vec![entry(2, b"d", false), entry(3, b"e", false)]);
        let whole = assembler.add(last).unwrap().unwrap();
        assert_eq!(whole.entries, [entry(1, b"a", false), entry(2, b"bcd", false), entry(3, b"e", false)]);
        assert_eq!(assembler.bytes, 0);
    }

    #[test]
    fn pieces_that_do_not_fit_are_refused() {
        let started = || {
            let mut assembler = Assembler::default();
            assert_eq!(assembler.add(piece(4, true, vec![entry(2, b"b", true)])), Ok(None));
            assembler
        };
        assert!(started().add(piece(5, false, vec![entry(2, b"c", false)])).is_err());
        assert!(started().add(piece(4, false, vec![entry(3, b"c", false)])).is_err());
        assert!(started().add(piece(4, false, vec![])).is_err());
    }
}
