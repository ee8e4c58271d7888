//! Random numbers: from the operating system, or from a seed in simulation.

use std::{cell::Cell, collections::hash_map::RandomState, hash::BuildHasher};

thread_local! {
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Makes this thread's numbers a function of `seed` from here on.
pub fn reseed(seed: u64) {
    SEED.set(Some(seed));
}

/// A random number, unpredictable unless the thread was [`reseed`]ed.
pub fn next_u64() -> u64 {
    match SEED.get() {
        // RandomState is keyed by the operating system once per thread and counts up from there.
        None => RandomState::new().hash_one(0_u8),
        Some(state) => {
            let state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            SEED.set(Some(state));
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^ (mixed >> 31)
        }
    }
}

/// A random number of 128 bits.
pub fn next_u128() -> u128 {
    u128::from(next_u64()) << 64 | u128::from(next_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_sequence() {
        reseed(7);
        let first = [next_u64(), next_u64()];
        reseed(7);
        assert_eq!(first, [next_u64(), next_u64()]);
        assert_ne!(first[0], first[1]);
    }
}
