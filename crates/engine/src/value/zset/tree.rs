//! The order of a large sorted set: a B-tree whose branches count what is below them.
//!
//! It keeps scores and the numbers of members; what the order of two members of equal score is, the caller says.

use std::ops::Range;

/// A member in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) score: f64,
    pub(super) id: u32,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    root: Node,
    len: usize,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<Entry>),
    Inner(Vec<Branch>),
}

#[derive(Clone, Debug)]
struct Branch {
    /// The first entry below.
    first: Entry,
    /// How many entries are below.
    count: usize,
    node: Node,
}

const LEAF_MAX: usize = 64;
const INNER_MAX: usize = 32;

impl Default for Tree {
    fn default() -> Tree {
        Tree { root: Node::Leaf(Vec::new()), len: 0 }
    }
}

impl Tree {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn heap_size(&self) -> usize {
        self.root.heap_size()
    }

    /// How many entries `is_before` holds for; it must hold up to some entry and for none from there on.
    pub(super) fn rank_where(&self, is_before: &impl Fn(&Entry) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(entries) => return rank + entries.partition_point(is_before),
                Node::Inner(branches) => {
                    let at = branch_of(branches, is_before);
                    rank += branches[..at].iter().map(|branch| branch.count).sum::<usize>();
                    node = &branches[at].node;
                }
            }
        }
    }

    /// Puts an entry in behind those that `is_before` holds for.
    pub(super) fn insert(&mut self, entry: Entry, is_before: &impl Fn(&Entry) -> bool) {
        self.len += 1;
        if let Some(right) = self.root.insert(entry, is_before) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            self.root = Node::Inner([left, right].into_iter().filter_map(Branch::of).collect());
        }
    }

    /// Takes out the entry of a rank.
    pub(super) fn remove(&mut self, rank: usize) -> Option<Entry> {
        let removed = self.root.remove(rank)?;
        self.len -= 1;
        while let Node::Inner(branches) = &mut self.root
            && branches.len() <= 1
        {
            self.root = branches.pop().map_or(Node::Leaf(Vec::new()), |branch| branch.node);
        }
        Some(removed)
    }

    /// Calls `each` with the entries of a range of ranks until it says false; the last first if `reverse`.
    pub(super) fn visit(&self, range: Range<usize>, reverse: bool, each: &mut impl FnMut(Entry) -> bool) {
        let range = range.start.min(self.len)..range.end.min(self.len);
        if !range.is_empty() {
            self.root.visit(range, reverse, each);
        }
    }
}

/// The branch below which the first entry is that is not before, or behind whose last entry it would be.
fn branch_of(branches: &[Branch], is_before: &impl Fn(&Entry) -> bool) -> usize {
    branches.partition_point(|branch| is_before(&branch.first)).saturating_sub(1)
}

impl Branch {
    fn of(node: Node) -> Option<Branch> {
        Some(Branch { first: node.first()?, count: node.count(), node })
    }

    /// What the branch says of its node, again.
    fn note(&mut self) {
        self.count = self.node.count();
        self.first = self.node.first().unwrap_or(self.first);
    }
}

impl Node {
    fn first(&self) -> Option<Entry> {
        match self {
            Node::Leaf(entries) => entries.first().copied(),
            Node::Inner(branches) => branches.first().map(|branch| branch.first),
        }
    }

    fn count(&self) -> usize {
        match self {
            Node::Leaf(entries) => entries.len(),
            Node::Inner(branches) => branches.iter().map(|branch| branch.count).sum(),
        }
    }

    fn heap_size(&self) -> usize {
        match self {
            Node::Leaf(entries) => entries.capacity() * size_of::<Entry>(),
            Node::Inner(branches) => {
                let below: usize = branches.iter().map(|branch| branch.node.heap_size()).sum();
                branches.capacity() * size_of::<Branch>() + below
            }
        }
    }

    /// Puts an entry in; what has to stand to the right of the node if it grew too large.
    fn insert(&mut self, entry: Entry, is_before: &impl Fn(&Entry) -> bool) -> Option<Node> {
        match self {
            Node::Leaf(entries) => {
                let at = entries.partition_point(is_before);
                entries.insert(at, entry);
                if entries.len() <= LEAF_MAX {
                    return None;
                }
                // Whoever adds at the end goes on there: the left part stays nearly full.
                let middle = if at + 1 == entries.len() { LEAF_MAX * 7 / 8 } else { LEAF_MAX / 2 };
                Some(Node::Leaf(entries.split_off(middle)))
            }
            Node::Inner(branches) => {
                let at = branch_of(branches, is_before);
                let branch = &mut branches[at];
                let right = branch.node.insert(entry, is_before);
                branch.note();
                if let Some(right) = right.and_then(Branch::of) {
                    branches.insert(at + 1, right);
                }
                (branches.len() > INNER_MAX).then(|| Node::Inner(branches.split_off(INNER_MAX / 2)))
            }
        }
    }

    fn remove(&mut self, mut rank: usize) -> Option<Entry> {
        match self {
            Node::Leaf(entries) => (rank < entries.len()).then(|| entries.remove(rank)),
            Node::Inner(branches) => {
                let mut at = 0;
                while rank >= branches.get(at)?.count {
                    rank -= branches[at].count;
                    at += 1;
                }
                let branch = &mut branches[at];
                let removed = branch.node.remove(rank)?;
                branch.count -= 1;
                if branch.count == 0 {
                    branches.remove(at);
                } else {
                    branch.note();
                    join(branches, at);
                }
                Some(removed)
            }
        }
    }

    fn visit(&self, range: Range<usize>, reverse: bool, each: &mut impl FnMut(Entry) -> bool) -> bool {
        match self {
            Node::Leaf(entries) => {
                let mut entries = entries[range].iter().copied();
                if reverse { entries.rev().all(each) } else { entries.all(each) }
            }
            Node::Inner(branches) => {
                let mut before = 0;
                let mut parts = Vec::new();
                for branch in branches {
                    let start = range.start.saturating_sub(before).min(branch.count);
                    let end = range.end.saturating_sub(before).min(branch.count);
                    if start < end {
                        parts.push((&branch.node, start..end));
                    }
                    before += branch.count;
                    if before >= range.end {
                        break;
                    }
                }
                if reverse {
                    parts.reverse();
                }
                parts.into_iter().all(|(node, part)| node.visit(part, reverse, each))
            }
        }
    }
}

/// Joins a branch with a neighbour if both together are no more than half of one.
fn join(branches: &mut Vec<Branch>, at: usize) {
    let at = if at + 1 < branches.len() { at } else { at.saturating_sub(1) };
    let Some([left, right]) = branches.get_mut(at..at + 2) else { return };
    match (&mut left.node, &mut right.node) {
        (Node::Leaf(left), Node::Leaf(right)) if left.len() + right.len() <= LEAF_MAX / 2 => {
            left.append(right)
        }
        (Node::Inner(left), Node::Inner(right)) if left.len() + right.len() <= INNER_MAX / 2 => {
            left.append(right)
        }
        _ => return,
    }
    branches[at].note();
    branches.remove(at + 1);
}
