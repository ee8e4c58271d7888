//! A large sorted set: members with numbers, a table that finds a member, and a tree that keeps them in order.

use std::{cmp::Ordering, ops::Range};

use siphasher::sip::SipHasher13;

use super::{
    order,
    table::{Cell, Table},
    tree::{Entry, Tree},
};

#[derive(Clone, Debug)]
struct Member {
    bytes: Box<[u8]>,
    score: f64,
}

/// See the module. A member's number is where it stands in `members`, and no part of the state: where one goes, the last
/// takes its place, so that no removal is dearer than others.
#[derive(Clone, Debug)]
pub(super) struct Large {
    seed: u64,
    members: Vec<Member>,
    member_bytes: usize,
    table: Table,
    tree: Tree,
}

impl Large {
    /// `seed` orders the table: clients must not know it.
    pub(super) fn new(seed: u64) -> Large {
        Large { seed, members: Vec::new(), member_bytes: 0, table: Table::default(), tree: Tree::default() }
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    pub(super) fn len(&self) -> usize {
        self.tree.len()
    }

    pub(super) fn heap_size(&self) -> usize {
        self.members.capacity() * size_of::<Member>()
            + self.member_bytes
            + self.table.heap_size()
            + self.tree.heap_size()
    }

    fn hash(&self, member: &[u8]) -> u32 {
        let hasher = SipHasher13::new_with_keys(self.seed, !self.seed);
        ((hasher.hash(member) >> 32) as u32).max(1)
    }

    fn member(&self, id: u32) -> &Member {
        &self.members[id as usize]
    }

    fn locate(&self, member: &[u8]) -> (u32, Result<usize, usize>) {
        let hash = self.hash(member);
        (hash, self.table.locate(hash, |id| *self.member(id).bytes == *member))
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        let position = self.locate(member).1.ok()?;
        Some(self.member(self.table.at(position)).score)
    }

    pub(super) fn rank_where(&self, is_before: impl Fn(f64, &[u8]) -> bool) -> usize {
        self.tree.rank_where(&|entry| is_before(entry.score, &self.member(entry.id).bytes))
    }

    /// The rank that a member of that score has or would have.
    fn rank(&self, score: f64, member: &[u8]) -> usize {
        self.rank_where(|other, bytes| order((other, bytes), (score, member)) == Ordering::Less)
    }

    pub(super) fn set(&mut self, member: &[u8], score: f64) {
        let (hash, position) = self.locate(member);
        let id = match position {
            Ok(position) => {
                let id = self.table.at(position);
                let old = self.member(id).score;
                self.tree.remove(self.rank(old, member));
                self.members[id as usize].score = score;
                id
            }
            Err(position) => {
                let id = self.add(member, score);
                self.table.insert(position, Cell { hash, id });
                id
            }
        };
        let Large { members, tree, .. } = self;
        let is_before = |entry: &Entry| {
            let other = &members[entry.id as usize];
            order((entry.score, &other.bytes), (score, member)) == Ordering::Less
        };
        tree.insert(Entry { score, id }, &is_before);
    }

    fn add(&mut self, member: &[u8], score: f64) -> u32 {
        self.member_bytes += member.len();
        let member = Member { bytes: member.into(), score };
        let id = u32::try_from(self.members.len()).expect("four billion members do not fit in memory");
        self.members.push(member);
        id
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let Ok(position) = self.locate(member).1 else { return false };
        let score = self.member(self.table.at(position)).score;
        let rank = self.rank(score, member);
        self.remove_at(rank);
        true
    }

    pub(super) fn remove_range(&mut self, range: Range<usize>) {
        for _ in range.start..range.end.min(self.len()) {
            self.remove_at(range.start);
        }
    }

    fn remove_at(&mut self, rank: usize) {
        let Some(Entry { id, .. }) = self.tree.remove(rank) else { return };
        let bytes = std::mem::take(&mut self.members[id as usize].bytes);
        // Its bytes are out: it is found by its number.
        if let Ok(position) = self.table.locate(self.hash(&bytes), |other| other == id) {
            self.table.remove(position);
        }
        self.member_bytes -= bytes.len();
        self.renumber_last(id);
        self.members.swap_remove(id as usize);
        if self.members.len() < self.members.capacity() / 4 {
            self.members.shrink_to(self.members.len() * 2);
        }
    }

    /// Gives the last member the number of one that is gone.
    fn renumber_last(&mut self, id: u32) {
        let last = self.members.len() as u32 - 1;
        if last == id {
            return;
        }
        let Member { bytes, score } = self.member(last);
        let (rank, hash) = (self.rank(*score, bytes), self.hash(bytes));
        self.tree.renumber(rank, id);
        if let Ok(position) = self.table.locate(hash, |other| other == last) {
            self.table.renumber(position, id);
        }
    }

    pub(super) fn visit<'a>(
        &'a self,
        range: Range<usize>,
        reverse: bool,
        each: &mut impl FnMut(&'a [u8], f64) -> bool,
    ) {
        self.tree.visit(range, reverse, &mut |entry| each(&self.member(entry.id).bytes, entry.score));
    }

    pub(super) fn scan(&self, cursor: u64, count: usize) -> (Vec<(&[u8], f64)>, u64) {
        let mut found: Vec<(u32, &[u8], f64)> = Vec::new();
        let mut next = 0;
        let Ok(from) = u32::try_from(cursor) else { return (Vec::new(), 0) };
        for cell in self.table.iter_from(from) {
            if found.len() >= count && found.last().is_some_and(|last| last.0 != cell.hash) {
                next = u64::from(cell.hash);
                break;
            }
            let member = self.member(cell.id);
            found.push((cell.hash, &member.bytes, member.score));
        }
        // How members of one hash stand in the table depends on its past.
        found.sort_by_key(|(hash, member, _)| (*hash, *member));
        (found.into_iter().map(|(_, member, score)| (member, score)).collect(), next)
    }
}
