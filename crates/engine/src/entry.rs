//! The bytes of one Raft log entry: a header and sections of command records.
//!
//! Layout, little endian: `version u8 | time_ms u64 | seed u64`, then per section `database u32 | session u64 |
//! first_sequence u64 | watermark u64 | count u32 | length u32 | command records`. An entry without sections is a
//! tick: it only moves time. The bytes are made once, by the leader, and are the same on disk and on every replica.

use bytes::Bytes;
use meridian_command::wire::Records;
use meridian_topology::DatabaseId;

/// The format that this build writes and the only one it reads.
const VERSION: u8 = 1;

/// Bytes of version, time and seed.
const HEADER_BYTES: usize = 17;

/// Why the bytes are no entry that this build can apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CorruptEntry {
    /// Cut short, or lengths that do not add up.
    #[error("malformed log entry")]
    Malformed,
    /// Written by a newer build.
    #[error("log entry of unknown version {0}")]
    Version(u8),
}

/// What the leader stamps on an entry: the only time and randomness that apply knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The leader's clock, milliseconds since 1970.
    pub time_ms: u64,
    /// Seeds everything random that the entry's commands do.
    pub seed: u64,
}

/// What stands before the commands of one section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SectionHead {
    /// The database of all its commands.
    pub database: DatabaseId,
    /// The session of the proxy on this shard; 0 for none (no exactly-once).
    pub session: u64,
    /// The sequence of the first command; the others follow. Sequences start at 1.
    pub first_sequence: u64,
    /// Replies up to this sequence have reached the proxy.
    pub watermark: u64,
    /// How many commands the section holds.
    pub count: u32,
}

/// Puts an entry together.
#[derive(Debug)]
pub struct Builder {
    bytes: Vec<u8>,
}

impl Builder {
    /// An entry without sections yet.
    pub fn new(header: Header) -> Builder {
        let mut bytes = Vec::with_capacity(512);
        bytes.push(VERSION);
        bytes.extend_from_slice(&header.time_ms.to_le_bytes());
        bytes.extend_from_slice(&header.seed.to_le_bytes());
        Builder { bytes }
    }

    /// Appends a section. `commands` must have passed [`check_commands`] with the head's count.
    pub fn section(&mut self, head: SectionHead, commands: &[u8]) {
        let length =
            u32::try_from(commands.len()).expect("a section is bounded far below 4 GiB by its sender");
        self.bytes.reserve(SectionHead::BYTES + commands.len());
        self.bytes.extend_from_slice(&head.database.0.to_le_bytes());
        self.bytes.extend_from_slice(&head.session.to_le_bytes());
        self.bytes.extend_from_slice(&head.first_sequence.to_le_bytes());
        self.bytes.extend_from_slice(&head.watermark.to_le_bytes());
        self.bytes.extend_from_slice(&head.count.to_le_bytes());
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(commands);
    }

    /// The size of the entry so far, in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no section yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER_BYTES
    }

    /// The entry.
    pub fn finish(self) -> Bytes {
        Bytes::from(self.bytes)
    }
}

/// Whether `commands` are exactly `count` well-formed records.
///
/// The leader asks this before it proposes what came over the network: an entry that holds anything else would stop
/// every replica.
pub fn check_commands(commands: &[u8], count: u32) -> bool {
    let mut seen = 0_u64;
    Records::new(commands).all(|record| {
        seen += 1;
        record.is_ok()
    }) && seen == u64::from(count)
}

impl SectionHead {
    /// Encoded size, the length of the commands included.
    const BYTES: usize = 36;
}

/// A parsed entry. Its sections are known to be framed correctly; their commands are not looked at yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) header: Header,
    sections: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Reads the header and checks the frames of all sections, so that a damaged entry changes nothing.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Entry<'a>, CorruptEntry> {
        let mut rest = bytes;
        let version = u8::from_le_bytes(take(&mut rest)?);
        if version != VERSION {
            return Err(CorruptEntry::Version(version));
        }
        let header = Header {
            time_ms: u64::from_le_bytes(take(&mut rest)?),
            seed: u64::from_le_bytes(take(&mut rest)?),
        };
        let entry = Entry { header, sections: rest };
        let mut sections = entry.sections();
        while sections.next()?.is_some() {}
        Ok(entry)
    }

    /// Walks the sections.
    pub(crate) fn sections(&self) -> Sections<'a> {
        Sections { rest: self.sections }
    }
}

/// Walks the sections of an entry.
#[derive(Debug)]
pub(crate) struct Sections<'a> {
    rest: &'a [u8],
}

impl<'a> Sections<'a> {
    /// The next section with its command records, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(SectionHead, &'a [u8])>, CorruptEntry> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let rest = &mut self.rest;
        let head = SectionHead {
            database: DatabaseId(u32::from_le_bytes(take(rest)?)),
            session: u64::from_le_bytes(take(rest)?),
            first_sequence: u64::from_le_bytes(take(rest)?),
            watermark: u64::from_le_bytes(take(rest)?),
            count: u32::from_le_bytes(take(rest)?),
        };
        let length = u32::from_le_bytes(take(rest)?) as usize;
        let (commands, after) = rest.split_at_checked(length).ok_or(CorruptEntry::Malformed)?;
        *rest = after;
        Ok(Some((head, commands)))
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], CorruptEntry> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(CorruptEntry::Malformed)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_back_and_a_cut_one_is_refused() {
        let header = Header { time_ms: 5, seed: 7 };
        let head =
            SectionHead { database: DatabaseId(2), session: 9, first_sequence: 4, watermark: 3, count: 1 };
        let mut builder = Builder::new(header);
        assert!(builder.is_empty());
        builder.section(head, b"abc");
        let bytes = builder.finish();
        let entry = Entry::parse(&bytes).unwrap();
        assert_eq!(entry.header, header);
        let mut sections = entry.sections();
        assert_eq!(sections.next(), Ok(Some((head, &b"abc"[..]))));
        assert_eq!(sections.next(), Ok(None));
        for cut in (0..bytes.len()).filter(|cut| *cut != HEADER_BYTES) {
            assert_eq!(Entry::parse(&bytes[..cut]).err(), Some(CorruptEntry::Malformed), "cut at {cut}");
        }
    }

    #[test]
    fn an_unknown_version_is_named() {
        let mut bytes = Builder::new(Header::default()).finish().to_vec();
        bytes[0] = 9;
        assert_eq!(Entry::parse(&bytes).err(), Some(CorruptEntry::Version(9)));
    }
}
