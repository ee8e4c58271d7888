//! Commands for keys of any type.

pub(crate) mod database;
pub(crate) mod dump;
pub(crate) mod expire;
pub(crate) mod key;
pub(crate) mod memory;
pub(crate) mod object;
pub(crate) mod rename;
pub(crate) mod scan;
pub(crate) mod slot;
pub(crate) mod sort;
