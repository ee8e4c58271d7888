//! Commands for strings.

pub(crate) mod compare;
mod expiry;
pub(crate) mod increment;
pub(crate) mod lcs;
pub(crate) mod modify;
pub(crate) mod read;
pub(crate) mod set;

/// The longest string, as in Redis by default.
pub(crate) const STRING_BYTES_MAX: usize = 512 * 1024 * 1024;
