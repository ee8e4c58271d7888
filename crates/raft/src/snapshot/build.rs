//! Writes a snapshot while entries go on being applied.

use std::io;

use bytes::BytesMut;
use meridian_storage::SnapshotWriter;
use parking_lot::Mutex;

use super::{
    BLOCK_BYTES, frames,
    shelf::{Data, Shelf},
};
use crate::{
    machine::SnapshotSource,
    offload::{has_threads, offload},
    types::{Snapshot, SnapshotMeta},
};

/// A snapshot that was begun.
pub(crate) struct Builder {
    shelf: Shelf,
    meta: SnapshotMeta,
    /// Taken once. The lock is never contended: it only makes the type `Sync`, which openraft wants.
    source: Mutex<Option<Box<dyn SnapshotSource>>>,
}

impl Builder {
    pub(crate) fn new(shelf: Shelf, meta: SnapshotMeta, source: Box<dyn SnapshotSource>) -> Self {
        Builder { shelf, meta, source: Mutex::new(Some(source)) }
    }

    pub(crate) async fn build(&mut self) -> io::Result<Snapshot> {
        let Some(mut source) = self.source.lock().take() else {
            return Err(io::Error::other("a snapshot is built once"));
        };
        let mut writer = self.shelf.create(&self.meta)?;
        let mut blocks = Blocks::default();
        let file = if has_threads() {
            offload(move || {
                while blocks.write(&mut writer, source.as_mut())? {}
                writer.finish()
            })
            .await?
        } else {
            while blocks.write(&mut writer, source.as_mut())? {
                tokio::task::yield_now().await;
            }
            writer.finish()?
        };
        let data = self.shelf.keep(Data::Kept(file))?;
        tracing::info!(shard = self.shelf.group, bytes = self.shelf.length(), meta = %self.meta, "snapshot written");
        Ok(Snapshot { meta: self.meta.clone(), snapshot: data })
    }
}

/// Gathers chunks into blocks of even size: what is written, checked and sent in one go.
#[derive(Default)]
struct Blocks(BytesMut);

impl Blocks {
    /// Writes the next chunk. False: there was none, and all is written.
    fn write(&mut self, writer: &mut SnapshotWriter, source: &mut dyn SnapshotSource) -> io::Result<bool> {
        let next = source.next_chunk();
        if let Some(chunk) = &next {
            self.0.extend_from_slice(&frames::head(chunk)?);
            self.0.extend_from_slice(chunk);
        }
        while self.0.len() >= BLOCK_BYTES || next.is_none() && !self.0.is_empty() {
            writer.write(&self.0.split_to(BLOCK_BYTES.min(self.0.len())))?;
        }
        Ok(next.is_some())
    }
}
