//! Commands for strings.

mod expiry;
pub(crate) mod increment;
pub(crate) mod lcs;
pub(crate) mod modify;
pub(crate) mod read;
pub(crate) mod set;
