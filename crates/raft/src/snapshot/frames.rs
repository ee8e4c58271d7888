//! Chunks in a stream of bytes: each is preceded by its length.

use std::io;

use bytes::{Buf, Bytes, BytesMut};

const LENGTH_BYTES: usize = 4;
/// Longer chunks are not written.
const CHUNK_BYTES_MAX: usize = 1 << 30;

/// Puts a chunk's length before it.
pub(super) fn head(chunk: &[u8]) -> io::Result<[u8; LENGTH_BYTES]> {
    if chunk.len() > CHUNK_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a chunk of a snapshot is too long"));
    }
    // It fits: the limit is below 2^32.
    Ok((chunk.len() as u32).to_le_bytes())
}

/// The chunks in a stream of blocks.
pub(super) struct Chunks<I> {
    blocks: I,
    buffer: BytesMut,
    failed: bool,
}

impl<I: Iterator<Item = io::Result<Bytes>>> Chunks<I> {
    pub(super) fn new(blocks: I) -> Self {
        Chunks { blocks, buffer: BytesMut::new(), failed: false }
    }

    /// Gathers at least so many bytes, as they come. False: the stream ends before.
    fn gather(&mut self, count: usize) -> io::Result<bool> {
        while self.buffer.len() < count {
            match self.blocks.next() {
                Some(block) => self.buffer.extend_from_slice(&block?),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn read(&mut self) -> io::Result<Option<Bytes>> {
        let torn = || io::Error::new(io::ErrorKind::InvalidData, "a snapshot ends within a chunk");
        if !self.gather(LENGTH_BYTES)? {
            return if self.buffer.is_empty() { Ok(None) } else { Err(torn()) };
        }
        let length = self.buffer.get_u32_le() as usize;
        if length > CHUNK_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a snapshot with a chunk that is too long",
            ));
        }
        if !self.gather(length)? {
            return Err(torn());
        }
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

impl<I: Iterator<Item = io::Result<Bytes>>> Iterator for Chunks<I> {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.read().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(chunks: &[Vec<u8>]) -> Vec<u8> {
        chunks.iter().flat_map(|chunk| [&head(chunk).unwrap()[..], chunk].concat()).collect()
    }

    fn read(bytes: &[u8], block: usize) -> io::Result<Vec<Vec<u8>>> {
        let blocks = bytes.chunks(block).map(|block| Ok(Bytes::copy_from_slice(block)));
        Chunks::new(blocks).map(|chunk| chunk.map(|chunk| chunk.to_vec())).collect()
    }

    proptest! {
        #[test]
        fn chunks_come_back_however_the_stream_is_cut(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20),
            block in 1_usize..70,
        ) {
            prop_assert_eq!(read(&framed(&chunks), block).unwrap(), chunks);
        }

        #[test]
        fn a_stream_that_was_cut_short_is_refused(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 1..5),
            cut in 1_usize..50,
        ) {
            let bytes = framed(&chunks);
            let last = chunks.last().map_or(0, Vec::len) + LENGTH_BYTES;
            let cut = cut.min(last - 1);
            prop_assert!(read(&bytes[..bytes.len() - cut], 16).is_err());
        }

        #[test]
        fn garbage_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes, 7);
        }
    }
}
