//! Streams: entries in the order of their ids, and the groups that read them.
//!
//! Entries stand in nodes ([`node`]), each one allocation of up to `stream-node-max-entries` entries or
//! `stream-node-max-bytes` bytes. Where nodes begin is state and the same as in Redis, since approximate trimming
//! removes whole nodes only. Nodes stand in a queue ordered by id: entries come at its end and mostly go at its front.

mod codec;
mod group;
mod id;
mod node;
mod progress;
mod range;
#[cfg(test)]
mod tests;
mod trim;

use std::collections::{BTreeMap, VecDeque};

pub(crate) use group::{ConsumerId, Group, Pending};
pub(crate) use id::{NewId, StreamId};
use node::Node;
pub(crate) use range::Entry;
pub(crate) use trim::{References, Removal, Trim, TrimBy};

use super::Collection;
use crate::{
    settings::Settings,
    snapshot::{CorruptSnapshot, Input},
};

/// A node is never larger, nor an entry: Redis' limit for both.
const NODE_BYTES_MAX: usize = 1 << 30;

/// When the rest of the radix tree that Redis would have is guessed from this many nodes.
const COUNTED_NODES_MAX: usize = 1024;

/// Bytes of an id as a key of that tree.
const KEY_BYTES: usize = 16;

/// A node begins where one of these is reached; 0 for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeLimits {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

impl NodeLimits {
    pub(crate) fn of(settings: &Settings) -> NodeLimits {
        NodeLimits {
            entries: u64::try_from(settings.stream_node_max_entries).unwrap_or(0),
            bytes: u64::try_from(settings.stream_node_max_bytes).unwrap_or(0),
        }
    }
}

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAdded {
    /// There is no id behind the last one.
    Exhausted,
    /// The id is not behind the last one.
    TooSmall,
    /// Its fields and values are too large.
    TooLarge,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    nodes: VecDeque<Node>,
    length: usize,
    /// Of the first entry; 0-0 without any. Follows from the nodes.
    first_id: StreamId,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
    groups: BTreeMap<Box<[u8]>, Group>,
    /// Bytes on the heap of nodes and groups. Follows from them.
    node_bytes: usize,
    group_bytes: usize,
}

impl Stream {
    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The last id that was given, whether or not its entry is still there.
    pub(crate) fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The id of the first entry; 0-0 without any.
    pub(crate) fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The largest id that XDEL deleted.
    pub(crate) fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// How many entries were ever added.
    pub(crate) fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// Adds an entry of fields and values. `now_ms` is what a new id is made from.
    pub(crate) fn add(
        &mut self,
        id: NewId,
        pairs: &[[&[u8]; 2]],
        now_ms: u64,
        limits: NodeLimits,
    ) -> Result<StreamId, NotAdded> {
        let id = self.new_id(id, now_ms)?;
        if Stream::is_too_large(pairs) {
            return Err(NotAdded::TooLarge);
        }
        let size = size_of_pairs(pairs);
        match self.nodes.back_mut() {
            Some(node) if !is_full(node, size, limits) => {
                let before = node.heap_size();
                node.append(id, pairs);
                self.node_bytes = self.node_bytes - before + node.heap_size();
            }
            full => {
                if let Some(full) = full {
                    let before = full.heap_size();
                    full.close();
                    self.node_bytes = self.node_bytes - before + full.heap_size();
                }
                let node = Node::new(id, pairs);
                self.node_bytes += node.heap_size();
                self.nodes.push_back(node);
            }
        }
        if self.length == 0 {
            self.first_id = id;
        }
        self.length += 1;
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        Ok(id)
    }

    /// Whether fields and values are more than an entry may hold.
    pub(crate) fn is_too_large(pairs: &[[&[u8]; 2]]) -> bool {
        size_of_pairs(pairs) > NODE_BYTES_MAX
    }

    fn new_id(&self, id: NewId, now_ms: u64) -> Result<StreamId, NotAdded> {
        let last = self.last_id;
        let behind = last.next().ok_or(NotAdded::Exhausted)?;
        let id = match id {
            NewId::Auto if now_ms > last.ms => StreamId::new(now_ms, 0),
            NewId::Auto => behind,
            NewId::AutoNumber(ms) if ms == last.ms => {
                StreamId::new(ms, last.seq.checked_add(1).ok_or(NotAdded::TooSmall)?)
            }
            NewId::AutoNumber(ms) => StreamId::new(ms, 0),
            NewId::Exactly(id) => id,
        };
        if id > last { Ok(id) } else { Err(NotAdded::TooSmall) }
    }

    /// Sets what follows from the past: the last id, how many entries were added, the largest deleted id.
    pub(crate) fn set_past(
        &mut self,
        last_id: StreamId,
        entries_added: Option<u64>,
        max_deleted_id: Option<StreamId>,
    ) {
        self.last_id = last_id;
        self.entries_added = entries_added.unwrap_or(self.entries_added);
        self.max_deleted_id = max_deleted_id.unwrap_or(self.max_deleted_id);
    }

    /// The groups in the order of their names.
    pub(crate) fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&name[..], group))
    }

    pub(crate) fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Makes a group. False if there is one of that name.
    pub(crate) fn make_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        self.group_bytes += group_bytes(name, &group);
        self.groups.insert(name.into(), group);
        true
    }

    /// Removes a group. False if there is none of that name.
    pub(crate) fn remove_group(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.groups.remove(name) else { return false };
        self.group_bytes -= group_bytes(name, &group);
        true
    }

    /// Changes a group, if there is one of that name.
    pub(crate) fn change_group<R>(&mut self, name: &[u8], change: impl FnOnce(&mut Group) -> R) -> Option<R> {
        let group = self.groups.get_mut(name)?;
        let before = group.heap_size();
        let outcome = change(group);
        self.group_bytes = self.group_bytes - before + group.heap_size();
        Some(outcome)
    }

    /// Gives a consumer entries that its group has not got, and shows each to `emit`. With `keep` they wait for its
    /// acknowledgement.
    pub(crate) fn deliver(
        &mut self,
        name: &[u8],
        consumer: ConsumerId,
        count: usize,
        keep: Option<u64>,
        mut emit: impl FnMut(&Entry<'_>),
    ) {
        // Out of the map for a while, so that entries can be looked at meanwhile.
        let Some(place) = self.groups.get_mut(name) else { return };
        let mut group = std::mem::take(place);
        let before = group.heap_size();
        if let Some(start) = group.last_id.next() {
            for entry in self.range(start, StreamId::MAX).take(count) {
                self.advance(&mut group, entry.id);
                if let Some(now_ms) = keep {
                    let pending = Pending { delivered_ms: now_ms, deliveries: 1, owner: consumer };
                    group.deliver(entry.id, pending);
                    group.consumer_mut(consumer).active_ms = Some(now_ms);
                }
                emit(&entry);
            }
        }
        self.group_bytes = self.group_bytes - before + group.heap_size();
        if let Some(place) = self.groups.get_mut(name) {
            *place = group;
        }
    }

    /// How many nodes there are: Redis' `radix-tree-keys`.
    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// How many nodes Redis' radix tree over the nodes' ids would have. Beyond [`COUNTED_NODES_MAX`] the rest counts
    /// as much as the last of them do.
    pub(crate) fn radix_node_count(&self) -> usize {
        let counted = self.nodes.len().min(COUNTED_NODES_MAX);
        let keys = self.nodes.range(self.nodes.len() - counted..).map(|node| node.first.number());
        let nodes = radix_nodes(&keys.collect::<Vec<_>>(), 0);
        match self.nodes.len().checked_mul(nodes) {
            Some(product) if counted > 0 && self.nodes.len() > counted => product / counted,
            _ => nodes,
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_size(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.node_bytes + self.group_bytes
    }
}

fn size_of_pairs(pairs: &[[&[u8]; 2]]) -> usize {
    pairs.iter().flatten().map(|part| part.len()).sum()
}

fn group_bytes(name: &[u8], group: &Group) -> usize {
    size_of::<Group>() + name.len() + group.heap_size()
}

/// Whether Redis would begin a new node for an entry of `size` bytes.
fn is_full(node: &Node, size: usize, limits: NodeLimits) -> bool {
    let bytes = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
    let bytes = if bytes == 0 { NODE_BYTES_MAX } else { bytes.min(NODE_BYTES_MAX) };
    node.listpack_bytes() + size >= bytes || (limits.entries > 0 && node.entries() as u64 >= limits.entries)
}

/// The nodes of a radix tree over keys of 16 bytes in order, of which the first `depth` bytes are the same: a node for
/// each run of bytes that they share, one where they part, one at the end of each.
fn radix_nodes(keys: &[u128], depth: usize) -> usize {
    let [first, .., last] = keys else {
        return if keys.is_empty() { 1 } else { usize::from(depth < KEY_BYTES) + 1 };
    };
    let parting = (first ^ last).leading_zeros() as usize / 8;
    let byte = |key: &u128| key.to_be_bytes().get(parting).copied();
    let below: usize =
        keys.chunk_by(|one, other| byte(one) == byte(other)).map(|keys| radix_nodes(keys, parting + 1)).sum();
    usize::from(depth < parting) + 1 + below
}

impl Collection for Box<Stream> {
    /// A stream without entries is still there: it has a past and may have groups.
    fn is_empty(&self) -> bool {
        false
    }

    fn heap_size(&self) -> usize {
        size_of::<Stream>() + Stream::heap_size(self)
    }

    fn encoding_name(&self, _: &Settings) -> &'static str {
        "stream"
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.encode_all(out);
    }

    fn decode(input: &mut Input<'_>) -> Result<Box<Stream>, CorruptSnapshot> {
        Stream::decode_all(input).map(Box::new)
    }
}
