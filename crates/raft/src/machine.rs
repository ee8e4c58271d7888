//! The replicated state machine, and the adapter through which openraft applies entries to it.
//!
//! Entries arrive in log order, each once per run of the process. A snapshot is begun between two applies and read
//! off the apply path.

use std::{any::Any, io, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use openraft::{
    EntryPayload, RaftSnapshotBuilder,
    storage::{EntryResponder, RaftStateMachine},
};

use crate::{
    offload::offload,
    progress::Progress,
    snapshot::{self, Builder},
    types::{Answer, LogId, Snapshot, SnapshotMeta, StoredMembership, Types},
};

/// What the state machine answers to a proposal.
pub type Reply = Box<dyn Any + Send>;

/// The replicated state: a function of the entries that were applied to it.
pub trait StateMachine: Send + Sync + 'static {
    /// Applies a proposal. Called in log order, once for every entry in a run of the process.
    fn apply(&self, index: u64, payload: &Bytes) -> Reply;

    /// An entry at `index` that carries no proposal: a leader's first one, or a change of members.
    fn applied_other(&self, index: u64) {
        let _ = index;
    }

    /// Begins a snapshot of the state as of the last entry that was applied. Called between two applies; must be cheap.
    fn begin_snapshot(&self) -> Box<dyn SnapshotSource>;

    /// Replaces the whole state with a snapshot's.
    ///
    /// # Errors
    /// If a chunk cannot be read or the chunks are no snapshot. The replica stops then.
    fn restore(&self, chunks: &mut dyn Iterator<Item = io::Result<Bytes>>) -> io::Result<()>;
}

/// The chunks of a snapshot, asked for one by one while entries are being applied.
pub trait SnapshotSource: Send {
    /// The next chunk, or none after the last.
    fn next_chunk(&mut self) -> Option<Vec<u8>>;
}

/// Applies entries to a [`StateMachine`] for openraft and remembers how far it is.
pub(crate) struct Applier {
    machine: Arc<dyn StateMachine>,
    snapshots: snapshot::Shelf,
    progress: Arc<Progress>,
    applied: Option<LogId>,
    membership: StoredMembership,
}

impl Applier {
    pub(crate) fn new(
        machine: Arc<dyn StateMachine>,
        snapshots: snapshot::Shelf,
        progress: Arc<Progress>,
    ) -> Self {
        Applier { machine, snapshots, progress, applied: None, membership: StoredMembership::default() }
    }
}

impl RaftStateMachine<Types> for Applier {
    type SnapshotData = snapshot::Data;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + Send,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let index = entry.log_id.index();
            let answer = match entry.payload {
                EntryPayload::Normal(proposal) => Answer::new(self.machine.apply(index, &proposal.0)),
                EntryPayload::Blank => {
                    self.machine.applied_other(index);
                    Answer::default()
                }
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(entry.log_id), membership);
                    self.machine.applied_other(index);
                    Answer::default()
                }
            };
            self.progress.applied(&entry.log_id);
            self.applied = Some(entry.log_id);
            if let Some(responder) = responder {
                responder.send(answer);
            }
            // A long run of entries must not keep the thread from the other shards' tasks.
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let meta = SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() };
        Builder::new(self.snapshots.clone(), meta, self.machine.begin_snapshot())
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, data: snapshot::Data) -> io::Result<()> {
        let (shelf, machine) = (self.snapshots.clone(), Arc::clone(&self.machine));
        offload(move || machine.restore(&mut shelf.keep(data)?.chunks()?)).await?;
        if let Some(last) = &meta.last_log_id {
            self.progress.applied(last);
        }
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        self.snapshots.latest()
    }
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = snapshot::Data;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        self.build().await
    }
}
