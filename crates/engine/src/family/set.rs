//! Commands for sets.

pub(crate) mod combine;
pub(crate) mod random;
pub(crate) mod read;
pub(crate) mod scan;
pub(crate) mod write;
