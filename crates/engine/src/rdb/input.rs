//! Reads lengths, texts and numbers from the front of a payload.

use super::{Corrupt, lzf};

/// What is left of a payload.
#[derive(Clone, Debug)]
pub(super) struct Input<'p> {
    rest: &'p [u8],
}

/// A length, or how a text is encoded that has none.
enum Length {
    Plain(u64),
    Encoded(u8),
}

impl<'p> Input<'p> {
    pub(super) fn new(rest: &'p [u8]) -> Input<'p> {
        Input { rest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'p [u8], Corrupt> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Corrupt::Value)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Corrupt::Value)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Corrupt> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Milliseconds since 1970, little endian.
    pub(super) fn time_ms(&mut self) -> Result<u64, Corrupt> {
        self.array().map(u64::from_le_bytes)
    }

    fn any_length(&mut self) -> Result<Length, Corrupt> {
        let first = self.byte()?;
        Ok(match first {
            0..0x40 => Length::Plain(u64::from(first)),
            0x40..0x80 => Length::Plain(u64::from(first & 0x3f) << 8 | u64::from(self.byte()?)),
            0x80 => Length::Plain(u64::from(u32::from_be_bytes(self.array()?))),
            0x81 => Length::Plain(u64::from_be_bytes(self.array()?)),
            0x82..0xc0 => return Err(Corrupt::Value),
            0xc0.. => Length::Encoded(first & 0x3f),
        })
    }

    /// A number that is no encoding of a text.
    pub(super) fn length(&mut self) -> Result<u64, Corrupt> {
        match self.any_length()? {
            Length::Plain(length) => Ok(length),
            Length::Encoded(_) => Err(Corrupt::Value),
        }
    }

    /// How many parts follow; never 0.
    pub(super) fn count(&mut self) -> Result<u64, Corrupt> {
        self.length().and_then(|count| if count == 0 { Err(Corrupt::Value) } else { Ok(count) })
    }

    pub(super) fn text(&mut self) -> Result<Vec<u8>, Corrupt> {
        let size = |length: u64| usize::try_from(length).map_err(|_| Corrupt::Value);
        match self.any_length()? {
            Length::Plain(length) => self.take(size(length)?).map(<[u8]>::to_vec),
            Length::Encoded(0) => Ok(decimal(i64::from(self.byte()? as i8))),
            Length::Encoded(1) => Ok(decimal(i64::from(i16::from_le_bytes(self.array()?)))),
            Length::Encoded(2) => Ok(decimal(i64::from(i32::from_le_bytes(self.array()?)))),
            Length::Encoded(3) => {
                let (packed, length) = (size(self.length()?)?, size(self.length()?)?);
                lzf::unpack(self.take(packed)?, length)
            }
            Length::Encoded(_) => Err(Corrupt::Value),
        }
    }
}

/// The text of an integer.
pub(super) fn decimal(value: i64) -> Vec<u8> {
    itoa::Buffer::new().format(value).as_bytes().to_vec()
}
