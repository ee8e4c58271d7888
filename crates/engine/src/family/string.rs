//! Commands for strings.

pub(crate) mod read;
pub(crate) mod set;
