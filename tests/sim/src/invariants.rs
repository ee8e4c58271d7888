//! What must hold in every run, one file each.
//!
//! Those that watch are asked while the simulation runs and stop it at once; those that judge look at what clients saw
//! when it is over.

pub(crate) mod acknowledged_stays;
pub(crate) mod atomic_pairs;
pub(crate) mod equal_states;
pub(crate) mod expiry;
pub(crate) mod linearizable;
pub(crate) mod one_leader;
pub(crate) mod one_map;
pub(crate) mod one_reader;
pub(crate) mod progress;

use std::fmt;

/// Something that must not happen and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant it breaks.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(invariant: &'static str, what: impl Into<String>) -> Violation {
        Violation { invariant, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.what)
    }
}
