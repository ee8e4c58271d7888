//! The arguments of one command, borrowed from wherever its bytes lie.

use std::ops::Index;

/// The arguments after the command's name (and after its subcommand's, for `OBJECT ENCODING` and its like).
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    parts: &'a [&'a [u8]],
}

impl<'a> Args<'a> {
    /// Wraps the arguments; the name is not among them.
    pub fn new(parts: &'a [&'a [u8]]) -> Args<'a> {
        Args { parts }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The argument at `index`, if there is one.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.parts.get(index).copied()
    }

    /// All of them in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + use<'a> {
        self.parts.iter().copied()
    }

    /// Those from `index` on; none if `index` is past the end.
    pub fn from(&self, index: usize) -> Args<'a> {
        Args { parts: self.parts.get(index..).unwrap_or_default() }
    }

    /// The underlying slice.
    pub fn as_slice(&self) -> &'a [&'a [u8]] {
        self.parts
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    fn index(&self, index: usize) -> &[u8] {
        self.parts[index]
    }
}
