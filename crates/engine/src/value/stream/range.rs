//! Entries of a range of ids, in either direction.

use super::{Stream, StreamId, node::Fields, node::Found, node::Node};

/// An entry that is there.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) id: StreamId,
    pub(crate) fields: Fields<'a>,
}

impl<'a> Entry<'a> {
    /// Unless it was deleted.
    fn of(found: Found<'a>) -> Option<Entry<'a>> {
        (!found.is_deleted).then_some(Entry { id: found.id, fields: found.fields })
    }
}

impl Stream {
    /// The entries from `start` to `end`, both included.
    pub(crate) fn range(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let from = self.node_from(start);
        let nodes = self.nodes.range(from..).take_while(move |node| node.first <= end);
        let found = nodes.flat_map(Node::iter).skip_while(move |found| found.id < start);
        found.take_while(move |found| found.id <= end).filter_map(Entry::of)
    }

    /// The same entries, the last first.
    pub(crate) fn range_backwards(&self, start: StreamId, end: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let behind = self.nodes.partition_point(|node| node.first <= end);
        let nodes = self.nodes.range(..behind).rev().take_while(move |node| node.last >= start);
        let found = nodes.flat_map(|node| {
            let mut at = node.end();
            std::iter::from_fn(move || {
                let found = node.entry_before(at)?;
                at = found.at;
                Some(found)
            })
        });
        found
            .skip_while(move |found| found.id > end)
            .take_while(move |found| found.id >= start)
            .filter_map(Entry::of)
    }

    /// The entry of that id.
    pub(crate) fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        self.range(id, id).next()
    }

    /// The last entry.
    pub(crate) fn last_entry(&self) -> Option<Entry<'_>> {
        self.range_backwards(StreamId::MIN, StreamId::MAX).next()
    }

    /// The first node that reaches to `start`.
    pub(super) fn node_from(&self, start: StreamId) -> usize {
        self.nodes.partition_point(|node| node.last < start)
    }
}
