//! What a node in the same process offers to the router, so that a command for a shard led here takes no network hop.

use std::{fmt::Debug, sync::Arc};

use bytes::Bytes;
use meridian_topology::{DatabaseId, NodeId, ShardId};
use tokio::sync::watch;

use crate::pubsub::Hub;

/// Commands of one shard, in the order in which they are to be executed.
#[derive(Debug)]
pub struct Batch {
    /// The database of all of them.
    pub database: DatabaseId,
    /// Session of the proxy on this shard; 0: the batch only reads.
    pub session: u64,
    /// Sequence of the first command in the session.
    pub first_sequence: u64,
    /// Replies up to this sequence need not be remembered.
    pub watermark: u64,
    /// How many commands there are.
    pub count: u32,
    /// Their records.
    pub commands: Bytes,
    /// Whom to tell.
    pub ticket: Ticket,
}

/// Where the outcome of a batch goes.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Receives the outcome.
    pub sink: Arc<dyn Sink>,
    /// Chosen by the sink, handed back to it.
    pub number: u64,
}

/// Receives outcomes. Called from the apply path: must be quick and must not block.
pub trait Sink: Send + Sync + Debug {
    /// Takes the outcome of the batch with that ticket number.
    fn complete(self: Arc<Self>, number: u64, outcome: Outcome);
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Executed; for every command, the length of its reply (u32 little endian) and the reply.
    Done(Bytes),
    /// Not executed: another node leads, perhaps the one named.
    NotLeader(Option<NodeId>),
    /// It was proposed and then lost from sight: it may or may not be executed.
    Unknown,
    /// Not executed: commands with earlier sequences are missing.
    Gap,
    /// Not executed: the shard has forgotten the session.
    SessionExpired,
    /// Not executed: the queue is full.
    Busy,
    /// Not executed: the disk of the leader is full.
    DiskFull,
    /// Not executed: the bytes are no commands, or no reads.
    Malformed,
    /// No client waits under that command any more, and none was served.
    WaiterUnknown,
}

/// What became of an attempt to read without the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAnswer {
    /// The replies are written.
    Done,
    /// It must go through the log.
    Queue,
    /// The bytes are no reads.
    Malformed,
}

/// What one command did to keys that clients may have cached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// The command's session; 0 if it came through none.
    pub session: u64,
    /// Its sequence in the session.
    pub sequence: u64,
    /// Keys that changed, came or went.
    pub changed: Vec<Bytes>,
    /// Keys that a script has read.
    pub read: Vec<Bytes>,
    /// All keys of a numbered database are gone.
    pub flushed: bool,
}

/// Hears which keys of a shard change. Called from the apply path: must be quick and must not block.
pub trait Tracker: Send + Sync + Debug {
    /// What the commands of an entry did, before any of them is answered.
    fn touched(&self, touched: &[Touched]);

    /// The replica tells no more.
    fn ended(&self);
}

/// A replica in this process.
pub trait Replica: Send + Sync + Debug {
    /// Answers a batch of reads at once, or says what else to do with it.
    fn read(&self, database: DatabaseId, commands: &[u8], replies: &mut Vec<u8>) -> ReadAnswer;

    /// Queues a batch for the log, behind all that was queued before.
    ///
    /// # Errors
    /// The reason, if it is not queued; its ticket is not used then.
    fn enqueue(&self, batch: Batch) -> Result<(), Outcome>;

    /// Hands the ticket the reply to a command whose client waits, once there is one.
    ///
    /// # Errors
    /// The outcome if there is one already; the ticket is not used then.
    fn await_reply(&self, session: u64, sequence: u64, ticket: Ticket) -> Result<(), Outcome> {
        let _ = (session, sequence, ticket);
        Err(Outcome::WaiterUnknown)
    }

    /// Tells the tracker of all keys that change from now on, until this node no longer leads the shard.
    ///
    /// # Errors
    /// The leader that this replica knows of, if it does not lead.
    fn track(&self, tracker: Arc<dyn Tracker>) -> Result<(), Option<NodeId>> {
        drop(tracker);
        Err(None)
    }

    /// Tells the tracker no more.
    fn untrack(&self, tracker: &Arc<dyn Tracker>) {
        let _ = tracker;
    }

    /// Whether this node leads the shard and would refuse commands that need memory.
    fn is_memory_full(&self) -> bool {
        false
    }

    /// Whether this node leads the shard and takes commands for it; otherwise who leads, if known.
    ///
    /// # Errors
    /// The leader that this replica knows of.
    fn leads(&self) -> Result<(), Option<NodeId>>;

    /// Follows who leads: the value changes with every change of leader or term.
    fn leader_changes(&self) -> watch::Receiver<Option<NodeId>>;
}

/// The replicas in this process.
pub trait Replicas: Send + Sync + Debug {
    /// The replica of a shard, if there is one here.
    fn replica(&self, shard: ShardId) -> Option<Arc<dyn Replica>>;

    /// Where messages are published in this process.
    fn hub(&self) -> Arc<Hub>;
}
