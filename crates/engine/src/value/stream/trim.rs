//! Taking entries away: single ones, and the oldest.

use super::{Stream, StreamId, node::Node};

/// What becomes of the groups that still need an entry that is to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum References {
    /// They keep their notes of it.
    #[default]
    Keep,
    /// They forget it.
    Delete,
    /// It stays as long as there are any.
    Acked,
}

/// What became of an entry that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Removal {
    /// There is none of that id.
    Absent,
    Removed,
    /// A group still needs it.
    Needed,
}

/// Which entries are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrimBy {
    /// All but the last so many.
    Length(u64),
    /// All below an id.
    Id(StreamId),
}

/// How the oldest entries are taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trim {
    pub(crate) by: TrimBy,
    /// Whole nodes only.
    pub(crate) is_approximate: bool,
    /// At most so many; 0 for any number.
    pub(crate) limit: u64,
    pub(crate) references: References,
}

impl Stream {
    /// Removes one entry, as XDEL does: the largest id that was removed so is remembered.
    pub(crate) fn remove(&mut self, id: StreamId, references: References) -> Removal {
        let index = self.node_from(id);
        let found = self.nodes.get(index).and_then(|node| {
            let found = node.iter().take_while(|found| found.id <= id).find(|found| found.id == id)?;
            (!found.is_deleted).then_some(found.at)
        });
        let Some(at) = found else { return Removal::Absent };
        if !self.release(id, references) {
            return Removal::Needed;
        }
        self.nodes[index].delete(at);
        if self.nodes[index].live == 0 {
            self.drop_node(index);
        }
        self.length -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        if self.first_id == id || self.length == 0 {
            self.find_first();
        }
        Removal::Removed
    }

    /// Takes the oldest entries away and says how many.
    pub(crate) fn trim(&mut self, trim: Trim) -> usize {
        // Of a length the excess is fixed now: entries that a group needs count as if they had gone.
        let mut excess = match trim.by {
            TrimBy::Length(length) => {
                self.length.saturating_sub(usize::try_from(length).unwrap_or(usize::MAX))
            }
            TrimBy::Id(_) => usize::MAX,
        };
        let (mut removed, mut index) = (0, 0);
        while let Some(node) = self.nodes.get(index) {
            let live = node.live;
            let over_limit = trim.limit > 0 && (removed + live) as u64 > trim.limit;
            if excess == 0 || over_limit {
                break;
            }
            let whole = match trim.by {
                TrimBy::Length(_) => live <= excess,
                TrimBy::Id(id) => node.last < id,
            };
            if whole && trim.references == References::Keep {
                self.drop_node(index);
                (removed, excess) = (removed + live, excess.saturating_sub(live));
                continue;
            }
            if !whole && trim.is_approximate {
                break;
            }
            let gone = self.trim_node(index, trim, excess);
            (removed, excess) = (removed + gone, excess.saturating_sub(live));
            // What is left of a node may all have been deleted before.
            let is_empty = self.nodes.get(index).is_some_and(|node| node.live == 0);
            if is_empty {
                self.drop_node(index);
            }
            if !whole {
                break;
            }
            index += usize::from(!is_empty);
        }
        if removed > 0 {
            self.length -= removed;
            self.find_first();
        }
        removed
    }

    /// Deletes entries of a node that are too many, `excess` at most, as far as no group keeps them.
    fn trim_node(&mut self, index: usize, trim: Trim, excess: usize) -> usize {
        let below = match trim.by {
            TrimBy::Length(_) => StreamId::MAX,
            TrimBy::Id(id) => id,
        };
        let goes = |node: &Node| -> Vec<(usize, StreamId)> {
            let live = node.iter().filter(|found| !found.is_deleted);
            let old = live.take_while(|found| found.id < below || matches!(trim.by, TrimBy::Length(_)));
            old.take(excess).map(|found| (found.at, found.id)).collect()
        };
        let mut removed = 0;
        for (at, id) in self.nodes.get(index).map(goes).unwrap_or_default() {
            if self.release(id, trim.references) {
                self.nodes[index].delete(at);
                removed += 1;
            }
        }
        removed
    }

    /// Whether an entry may go; where its references are to go with it, they do.
    fn release(&mut self, id: StreamId, references: References) -> bool {
        match references {
            References::Keep => true,
            References::Acked => !self.is_needed(id),
            References::Delete => {
                self.forget(id);
                true
            }
        }
    }

    /// Whether a group has not got an entry yet, or not acknowledged it.
    pub(crate) fn is_needed(&self, id: StreamId) -> bool {
        self.groups.values().any(|group| group.needs(id))
    }

    /// Lets all groups forget that they were given an entry.
    pub(crate) fn forget(&mut self, id: StreamId) {
        let mut freed = 0;
        for group in self.groups.values_mut() {
            let before = group.heap_size();
            group.acknowledge(id);
            freed += before - group.heap_size();
        }
        self.group_bytes -= freed;
    }

    fn drop_node(&mut self, index: usize) {
        if let Some(node) = self.nodes.remove(index) {
            self.node_bytes -= node.heap_size();
        }
        // A queue that was long keeps no more than four times what it needs.
        if self.nodes.len() < self.nodes.capacity() / 4 {
            self.nodes.shrink_to(self.nodes.len() * 2);
        }
    }

    pub(super) fn find_first(&mut self) {
        let first = self.range(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id);
        self.first_id = first.unwrap_or(StreamId::MIN);
    }
}
