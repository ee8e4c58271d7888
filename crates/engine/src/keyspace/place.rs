//! Where a key stands: its slot, and inside the slot its keyed hash.
//!
//! The hash is SipHash-1-3 under the shard's seed, so that clients cannot aim at one place, and the same on every
//! replica, so that the order of a table is too. It is never 0, which marks a vacant place.

use meridian_topology::{Slot, slot_of};
use siphasher::sip::SipHasher13;

/// Slot and hash of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slot: Slot,
    pub(crate) hash: u32,
}

/// Finds the place of a key.
#[derive(Clone, Debug)]
pub(crate) struct Placing {
    hasher: SipHasher13,
}

impl Placing {
    pub(crate) fn new(seed: u128) -> Placing {
        Placing { hasher: SipHasher13::new_with_keys(seed as u64, (seed >> 64) as u64) }
    }

    pub(crate) fn of(&self, key: &[u8]) -> Place {
        let hash = (self.hasher.hash(key) >> 32) as u32;
        Place { slot: slot_of(key), hash: hash.max(1) }
    }
}
