//! Commands that see a string as an array of bits. Bit 0 is the highest bit of the first byte.

mod bits;
pub(crate) mod field;
mod range;
pub(crate) mod read;
pub(crate) mod write;

use meridian_command::{ReplyError, number::parse_i64};

use super::string::STRING_BYTES_MAX;

/// An argument that must be the offset of a bit in the longest string.
fn bit_offset(text: &[u8]) -> Result<u64, ReplyError> {
    checked_offset(parse_i64(text))
}

/// The same, where `#n` is the offset of the n-th field of `width` bits.
fn field_offset(text: &[u8], width: u32) -> Result<u64, ReplyError> {
    match text {
        [b'#', index @ ..] => {
            checked_offset(parse_i64(index).and_then(|index| index.checked_mul(width.into())))
        }
        offset => bit_offset(offset),
    }
}

fn checked_offset(offset: Option<i64>) -> Result<u64, ReplyError> {
    let offset = offset.and_then(|offset| u64::try_from(offset).ok());
    offset.filter(|offset| offset / 8 < STRING_BYTES_MAX as u64).ok_or(ReplyError::BIT_OFFSET)
}
