//! A leader's lease, from what its followers really acknowledged.
//!
//! openraft keeps a lease of its own, but counts it from the sending time of the newest request that *ends* where the
//! acknowledged one ends; a request without entries, sent after the follower had received the acknowledged one, then
//! stretches the lease past the follower's. Reads must not depend on that, so here every acknowledgement is paired
//! with the very request that it answers.

use std::collections::{BTreeMap, BTreeSet};

use meridian_rt::clock::Instant;
use parking_lot::Mutex;

/// When each follower was last known to follow, in one term.
#[derive(Default)]
pub(crate) struct Lease(Mutex<Acknowledged>);

#[derive(Default)]
struct Acknowledged {
    term: u64,
    sent_at: BTreeMap<u64, Instant>,
}

impl Lease {
    /// `node` has answered a request of the leader of `term` that was sent at `sent_at`.
    pub(crate) fn acknowledge(&self, term: u64, node: u64, sent_at: Instant) {
        let mut acknowledged = self.0.lock();
        if term < acknowledged.term {
            return;
        }
        if term > acknowledged.term {
            acknowledged.term = term;
            acknowledged.sent_at.clear();
        }
        let latest = acknowledged.sent_at.entry(node).or_insert(sent_at);
        *latest = sent_at.max(*latest);
    }

    /// When `node` was last known to follow the leader of `term`.
    pub(crate) fn followed_at(&self, term: u64, node: u64) -> Option<Instant> {
        let acknowledged = self.0.lock();
        (acknowledged.term == term).then(|| acknowledged.sent_at.get(&node).copied())?
    }

    /// The latest time at which a majority of every set of voters is known to have followed `leader` in `term`.
    pub(crate) fn held_since(
        &self,
        term: u64,
        voter_sets: &[BTreeSet<u64>],
        leader: u64,
        now: Instant,
    ) -> Option<Instant> {
        let acknowledged = self.0.lock();
        let followed = |voter: &u64| {
            if *voter == leader {
                return Some(now);
            }
            (acknowledged.term == term).then(|| acknowledged.sent_at.get(voter).copied())?
        };
        let mut held = now;
        for voters in voter_sets {
            let mut times: Vec<Instant> = voters.iter().filter_map(followed).collect();
            times.sort_unstable_by(|a, b| b.cmp(a));
            held = held.min(*times.get(voters.len() / 2)?);
        }
        (!voter_sets.is_empty()).then_some(held)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn set(voters: &[u64]) -> BTreeSet<u64> {
        voters.iter().copied().collect()
    }

    #[test]
    fn the_lease_is_a_majoritys() {
        let lease = Lease::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let sets = [set(&[1, 2, 3, 4, 5])];
        assert_eq!(lease.held_since(7, &sets, 1, at(100)), None);
        lease.acknowledge(7, 2, at(10));
        assert_eq!(lease.held_since(7, &sets, 1, at(100)), None);
        lease.acknowledge(7, 3, at(30));
        assert_eq!(lease.held_since(7, &sets, 1, at(100)), Some(at(10)));
        lease.acknowledge(7, 4, at(20));
        assert_eq!(lease.held_since(7, &sets, 1, at(100)), Some(at(20)));
    }

    #[test]
    fn acknowledgements_of_another_term_do_not_count() {
        let lease = Lease::default();
        let now = Instant::now();
        let sets = [set(&[1, 2, 3])];
        lease.acknowledge(3, 2, now);
        assert_eq!(lease.held_since(4, &sets, 1, now), None);
        lease.acknowledge(4, 2, now);
        lease.acknowledge(3, 3, now);
        assert_eq!(lease.held_since(3, &sets, 1, now), None);
        assert_eq!(lease.held_since(4, &sets, 1, now), Some(now));
    }

    #[test]
    fn during_a_joint_change_both_majorities_are_needed() {
        let lease = Lease::default();
        let now = Instant::now();
        lease.acknowledge(1, 2, now);
        assert_eq!(lease.held_since(1, &[set(&[1, 2, 3]), set(&[4, 5, 6])], 1, now), None);
        lease.acknowledge(1, 4, now);
        lease.acknowledge(1, 5, now);
        assert_eq!(lease.held_since(1, &[set(&[1, 2, 3]), set(&[4, 5, 6])], 1, now), Some(now));
    }

    #[test]
    fn a_single_voter_always_holds_its_lease() {
        let now = Instant::now();
        assert_eq!(Lease::default().held_since(1, &[set(&[1])], 1, now), Some(now));
        assert_eq!(Lease::default().held_since(1, &[], 1, now), None);
    }
}
