//! The only door to clock, sockets, disk and randomness.
//!
//! Production and simulation run the same code: with the feature `sim` the sockets are turmoil's, the wall clock is the
//! simulation's and randomness is seeded. Everything else in the workspace asks here.

pub mod clock;
pub mod disk;
pub mod net;
pub mod random;
pub mod worker;
