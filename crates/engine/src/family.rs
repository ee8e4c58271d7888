//! The commands, by family: their syntax and their replies. How data lies in memory is not known here.

pub(crate) mod string;
