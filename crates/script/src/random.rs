//! `math.random`: the generator of Redis (that of `drand48`), seeded by the log entry.

use std::cell::Cell;

const FACTOR: u64 = 0x5_DEEC_E66D;
const MASK: u64 = (1 << 48) - 1;

/// 48 bits of state.
#[derive(Debug)]
pub(crate) struct Random {
    state: Cell<u64>,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random { state: Cell::new(seed & MASK) }
    }

    /// As `srand48`.
    pub(crate) fn seed(&self, seed: i64) {
        self.state.set(((seed as u64 & 0xffff_ffff) << 16) + 0x330E);
    }

    /// A number from 0 on, below 1.
    pub(crate) fn next(&self) -> f64 {
        let state = self.state.get().wrapping_mul(FACTOR).wrapping_add(0xB) & MASK;
        self.state.set(state);
        let drawn = (state >> 17) % 0x7fff_ffff;
        drawn as f64 / 2_147_483_647.0
    }
}
