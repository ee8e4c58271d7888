//! Writes a snapshot while entries go on being applied.

use std::io;

use meridian_storage::SnapshotWriter;
use parking_lot::Mutex;

use super::{
    frames,
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
        let file = if has_threads() {
            offload(move || {
                while write_chunk(&mut writer, source.as_mut())? {}
                writer.finish()
            })
            .await?
        } else {
            while write_chunk(&mut writer, source.as_mut())? {
                tokio::task::yield_now().await;
            }
            writer.finish()?
        };
        let data = self.shelf.keep(Data::Kept(file))?;
        tracing::info!(shard = self.shelf.group, bytes = self.shelf.length(), meta = %self.meta, "snapshot written");
        Ok(Snapshot { meta: self.meta.clone(), snapshot: data })
    }
}

fn write_chunk(writer: &mut SnapshotWriter, source: &mut dyn SnapshotSource) -> io::Result<bool> {
    let Some(chunk) = source.next_chunk() else {
        return Ok(false);
    };
    writer.write(&frames::head(&chunk)?)?;
    writer.write(&chunk)?;
    Ok(true)
}
