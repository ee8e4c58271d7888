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
    /// Bytes of all nodes on the heap.
    heap: usize,
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
        Tree { root: Node::Leaf(Vec::new()), len: 0, heap: 0 }
    }
}

impl Tree {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn heap_size(&self) -> usize {
        self.heap
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
        if let Some(right) = self.root.insert(entry, is_before, &mut self.heap) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            self.root = Node::Inner([left, right].into_iter().filter_map(Branch::of).collect());
            self.heap += self.root.own_size();
        }
    }

    /// Takes out the entry of a rank.
    pub(super) fn remove(&mut self, rank: usize) -> Option<Entry> {
        let removed = self.root.remove(rank, &mut self.heap)?;
        self.len -= 1;
        while let Node::Inner(branches) = &mut self.root
            && branches.len() <= 1
        {
            let below = branches.pop().map_or(Node::Leaf(Vec::new()), |branch| branch.node);
            self.heap -= self.root.own_size();
            self.root = below;
        }
        Some(removed)
    }

    /// Gives the entry of a rank another number.
    pub(super) fn renumber(&mut self, rank: usize, id: u32) {
        self.root.renumber(rank, id);
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

    /// Bytes on the heap, without those of the nodes below.
    fn own_size(&self) -> usize {
        match self {
            Node::Leaf(entries) => entries.capacity() * size_of::<Entry>(),
            Node::Inner(branches) => branches.capacity() * size_of::<Branch>(),
        }
    }

    /// Puts an entry in; what has to stand to the right of the node if it grew too large. `heap` follows.
    fn insert(
        &mut self,
        entry: Entry,
        is_before: &impl Fn(&Entry) -> bool,
        heap: &mut usize,
    ) -> Option<Node> {
        let before = self.own_size();
        let right = match self {
            Node::Leaf(entries) => {
                let at = entries.partition_point(is_before);
                entries.insert(at, entry);
                (entries.len() > LEAF_MAX).then(|| {
                    // Whoever adds at the end goes on there: the left part stays nearly full.
                    let middle = if at + 1 == entries.len() { LEAF_MAX * 7 / 8 } else { LEAF_MAX / 2 };
                    let right = entries.split_off(middle);
                    entries.shrink_to(LEAF_MAX);
                    Node::Leaf(right)
                })
            }
            Node::Inner(branches) => {
                let at = branch_of(branches, is_before);
                let branch = &mut branches[at];
                let right = branch.node.insert(entry, is_before, heap);
                branch.note();
                if let Some(right) = right.and_then(Branch::of) {
                    branches.insert(at + 1, right);
                }
                (branches.len() > INNER_MAX).then(|| Node::Inner(branches.split_off(INNER_MAX / 2)))
            }
        };
        *heap = *heap - before + self.own_size() + right.as_ref().map_or(0, Node::own_size);
        right
    }

    fn remove(&mut self, mut rank: usize, heap: &mut usize) -> Option<Entry> {
        match self {
            Node::Leaf(entries) => (rank < entries.len()).then(|| entries.remove(rank)),
            Node::Inner(branches) => {
                let mut at = 0;
                while rank >= branches.get(at)?.count {
                    rank -= branches[at].count;
                    at += 1;
                }
                let branch = &mut branches[at];
                let removed = branch.node.remove(rank, heap)?;
                branch.count -= 1;
                if branch.count == 0 {
                    *heap -= branches.remove(at).node.own_size();
                } else {
                    branch.note();
                    join(branches, at, heap);
                }
                Some(removed)
            }
        }
    }

    fn renumber(&mut self, mut rank: usize, id: u32) {
        match self {
            Node::Leaf(entries) => entries[rank].id = id,
            Node::Inner(branches) => {
                for branch in branches {
                    if rank < branch.count {
                        branch.node.renumber(rank, id);
                        branch.note();
                        return;
                    }
                    rank -= branch.count;
                }
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
fn join(branches: &mut Vec<Branch>, at: usize, heap: &mut usize) {
    let at = if at + 1 < branches.len() { at } else { at.saturating_sub(1) };
    let Some([left, right]) = branches.get_mut(at..at + 2) else { return };
    let before = left.node.own_size() + right.node.own_size();
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
    *heap = *heap - before + branches[at].node.own_size();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heap(node: &Node) -> usize {
        let below = match node {
            Node::Leaf(_) => 0,
            Node::Inner(branches) => branches.iter().map(|branch| heap(&branch.node)).sum(),
        };
        node.own_size() + below
    }

    proptest! {
        #[test]
        fn a_tree_is_a_sorted_list_and_knows_its_size(
            steps in prop::collection::vec((0_u8..9, any::<prop::sample::Index>(), 0_u32..200), 1..2000),
        ) {
            let (mut tree, mut model) = (Tree::default(), Vec::<(u32, u32)>::new());
            for (number, (what, at, score)) in steps.into_iter().enumerate() {
                let id = number as u32;
                match what {
                    0..=4 => {
                        let at = model.partition_point(|(other, _)| *other <= score);
                        model.insert(at, (score, id));
                        tree.insert(
                            Entry { score: f64::from(score), id },
                            &|entry| entry.score <= f64::from(score),
                        );
                    }
                    5..=7 if !model.is_empty() => {
                        let rank = at.index(model.len());
                        let removed = tree.remove(rank).map(|entry| entry.id);
                        prop_assert_eq!(removed, Some(model.remove(rank).1));
                    }
                    8 if !model.is_empty() => {
                        let rank = at.index(model.len());
                        model[rank].1 = id;
                        tree.renumber(rank, id);
                    }
                    _ => {}
                }
                prop_assert_eq!(tree.heap_size(), heap(&tree.root));
            }
            let mut ids = Vec::new();
            tree.visit(0..usize::MAX, false, &mut |entry| {
                ids.push(entry.id);
                true
            });
            prop_assert_eq!(ids, model.iter().map(|(_, id)| *id).collect::<Vec<_>>());
        }
    }
}
