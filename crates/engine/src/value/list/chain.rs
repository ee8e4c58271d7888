//! A long list: a queue of packed nodes of bounded size.
//!
//! Nodes are split where they grow over the bound, dropped when empty, and joined with a neighbour that has room; an
//! element that is larger than the bound has a node to itself.

use std::{collections::VecDeque, ops::Range};

use super::{End, Item, Packed, listpack_entry_bytes};

/// The bytes of a node. Small, as finding an element inside a node, and making room for one, means walking it.
const NODE_BYTES_MAX: usize = 2048;

#[derive(Clone, Debug, Default)]
struct Node {
    items: Packed,
    count: usize,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    nodes: VecDeque<Node>,
    len: usize,
    /// What all elements would take in Redis' listpack.
    entry_bytes: usize,
    /// What all elements take here.
    packed_bytes: usize,
    is_listpack: bool,
}

impl Chain {
    pub(super) fn of(items: Packed) -> Chain {
        let entry_bytes = items.items().map(listpack_entry_bytes).sum();
        let packed_bytes = items.bytes().len();
        let node = Node { count: items.count(), items };
        let len = node.count;
        let nodes = if len == 0 { VecDeque::new() } else { VecDeque::from([node]) };
        Chain { nodes, len, entry_bytes, packed_bytes, is_listpack: true }
    }

    /// All elements in one allocation.
    pub(super) fn to_packed(&self) -> Packed {
        let bytes: Vec<&[u8]> = self.nodes.iter().map(|node| node.items.bytes()).collect();
        Packed::from_bytes(bytes.concat())
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_listpack(&self) -> bool {
        self.is_listpack
    }

    pub(super) fn set_listpack(&mut self, is_listpack: bool) {
        self.is_listpack = is_listpack;
    }

    pub(super) fn entry_bytes(&self) -> usize {
        self.entry_bytes
    }

    pub(super) fn packed_bytes(&self) -> usize {
        self.packed_bytes
    }

    pub(super) fn heap_size(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.packed_bytes
    }

    /// The node that holds an index, and the index inside it. Searched from the nearer end.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        if index <= self.len / 2 {
            let mut before = 0;
            for (at, node) in self.nodes.iter().enumerate() {
                if index < before + node.count {
                    return Some((at, index - before));
                }
                before += node.count;
            }
        } else {
            let mut before = self.len;
            for (at, node) in self.nodes.iter().enumerate().rev() {
                before -= node.count;
                if index >= before {
                    return Some((at, index - before));
                }
            }
        }
        None
    }

    pub(super) fn get(&self, index: usize) -> Option<Item<'_>> {
        let (at, inside) = self.locate(index)?;
        self.nodes[at].items.items().nth(inside)
    }

    pub(super) fn find_map<'a, R>(
        &'a self,
        range: Range<usize>,
        mut find: impl FnMut(usize, Item<'a>) -> Option<R>,
    ) -> Option<R> {
        let (first, mut skip) = self.locate(range.start)?;
        let mut index = range.start;
        for node in self.nodes.range(first..) {
            for item in node.items.items().skip(std::mem::take(&mut skip)) {
                if index >= range.end {
                    return None;
                }
                if let Some(found) = find(index, item) {
                    return Some(found);
                }
                index += 1;
            }
        }
        None
    }

    pub(super) fn find_map_back<'a, R>(
        &'a self,
        mut find: impl FnMut(usize, Item<'a>) -> Option<R>,
    ) -> Option<R> {
        let mut index = self.len;
        for node in self.nodes.iter().rev() {
            let items: Vec<Item<'a>> = node.items.items().collect();
            for item in items.into_iter().rev() {
                index -= 1;
                if let Some(found) = find(index, item) {
                    return Some(found);
                }
            }
        }
        None
    }

    pub(super) fn push(&mut self, end: End, text: &[u8]) {
        let node = if end == End::Front { self.nodes.front() } else { self.nodes.back() };
        if node.is_none_or(|node| node.items.bytes().len() + text.len() >= NODE_BYTES_MAX) {
            match end {
                End::Front => self.nodes.push_front(Node::default()),
                End::Back => self.nodes.push_back(Node::default()),
            }
        }
        self.len += 1;
        self.entry_bytes += listpack_entry_bytes(Item::of(text));
        let node = if end == End::Front { self.nodes.front_mut() } else { self.nodes.back_mut() };
        let Some(node) = node else { return };
        node.count += 1;
        let before = node.items.bytes().len();
        node.items.insert(if end == End::Front { 0 } else { before }, text);
        self.packed_bytes += node.items.bytes().len() - before;
    }

    pub(super) fn set(&mut self, index: usize, text: &[u8]) {
        let Some((at, inside)) = self.locate(index) else { return };
        let node = &mut self.nodes[at];
        let position = node.items.position(inside);
        self.entry_bytes -= node.items.at(position).map_or(0, listpack_entry_bytes);
        self.entry_bytes += listpack_entry_bytes(Item::of(text));
        let before = node.items.bytes().len();
        node.items.replace(position, text);
        self.packed_bytes = self.packed_bytes - before + node.items.bytes().len();
        self.split(at);
    }

    pub(super) fn insert(&mut self, index: usize, text: &[u8]) {
        let Some((at, inside)) = self.locate(index) else { return self.push(End::Back, text) };
        let node = &mut self.nodes[at];
        let position = node.items.position(inside);
        let before = node.items.bytes().len();
        node.items.insert(position, text);
        self.packed_bytes += node.items.bytes().len() - before;
        node.count += 1;
        self.len += 1;
        self.entry_bytes += listpack_entry_bytes(Item::of(text));
        self.split(at);
    }

    pub(super) fn remove(&mut self, range: Range<usize>) {
        let mut left = range.len();
        let Some((mut at, mut inside)) = self.locate(range.start) else { return };
        let first = at;
        let mut empty = first..first;
        while left > 0
            && let Some(node) = self.nodes.get_mut(at)
        {
            let count = (node.count - inside).min(left);
            let before = node.items.bytes().len();
            self.entry_bytes -= node.cut(inside, count);
            self.packed_bytes -= before - node.items.bytes().len();
            if node.count == 0 {
                empty = if empty.is_empty() { at..at + 1 } else { empty.start..at + 1 };
            }
            left -= count;
            self.len -= count;
            (at, inside) = (at + 1, 0);
        }
        self.nodes.drain(empty);
        self.join(first);
        self.shrink();
    }

    /// Takes out the elements at indexes that rise.
    pub(super) fn remove_all(&mut self, indexes: &[usize]) {
        let mut indexes = indexes.iter().copied().peekable();
        let mut before = 0;
        for node in &mut self.nodes {
            let behind = before + node.count;
            let mut removed = 0;
            let bytes = node.items.bytes().len();
            while let Some(index) = indexes.next_if(|index| *index < behind) {
                self.entry_bytes -= node.cut(index - before - removed, 1);
                removed += 1;
            }
            self.len -= removed;
            self.packed_bytes -= bytes - node.items.bytes().len();
            before = behind;
        }
        self.nodes.retain(|node| node.count > 0);
        self.shrink();
    }

    fn shrink(&mut self) {
        if self.nodes.capacity() > 2 * self.nodes.len() + 8 {
            self.nodes.shrink_to_fit();
        }
    }

    /// Whether what it counts is there.
    #[cfg(test)]
    pub(super) fn is_counted(&self) -> bool {
        let sum = |of: fn(&Node) -> usize| self.nodes.iter().map(of).sum::<usize>();
        self.len == sum(|node| node.items.count())
            && self.len == sum(|node| node.count)
            && self.packed_bytes == sum(|node| node.items.bytes().len())
            && self.entry_bytes == sum(|node| node.items.items().map(listpack_entry_bytes).sum())
    }

    /// Splits a node that has grown over the bound.
    fn split(&mut self, at: usize) {
        let Some(node) = self.nodes.get_mut(at) else { return };
        if node.items.bytes().len() <= NODE_BYTES_MAX || node.count == 1 {
            return;
        }
        let mut parts = vec![Node::default()];
        let mut items = node.items.items();
        let mut start = 0;
        while let Some(item) = items.next() {
            let entry = &node.items.bytes()[start..items.position()];
            start = items.position();
            let full = |part: &Node| {
                part.count > 0 && part.items.bytes().len() + entry.len() > NODE_BYTES_MAX * 3 / 4
            };
            if parts.last().is_some_and(full) {
                parts.push(Node::default());
            }
            if let Some(part) = parts.last_mut() {
                part.items.push(&item.text());
                part.count += 1;
            }
        }
        let behind = self.nodes.split_off(at + 1);
        self.nodes.truncate(at);
        self.nodes.extend(parts);
        self.nodes.extend(behind);
    }

    /// Joins a node with the next one and the one before it, where both fit into half of the bound.
    fn join(&mut self, at: usize) {
        for at in [at, at.wrapping_sub(1)] {
            let (Some(left), Some(right)) = (self.nodes.get(at), self.nodes.get(at.wrapping_add(1))) else {
                continue;
            };
            if left.items.bytes().len() + right.items.bytes().len() > NODE_BYTES_MAX / 2 {
                continue;
            }
            let bytes = [left.items.bytes(), right.items.bytes()].concat();
            let count = left.count + right.count;
            self.nodes[at] = Node { items: Packed::from_bytes(bytes), count };
            self.nodes.remove(at + 1);
        }
    }
}

impl Node {
    /// Takes out elements; what they would take in Redis' listpack.
    fn cut(&mut self, index: usize, count: usize) -> usize {
        let position = self.items.position(index);
        let bytes = self.items.items_from(position).take(count).map(listpack_entry_bytes).sum();
        self.items.remove(position, count);
        self.count -= count;
        bytes
    }
}
