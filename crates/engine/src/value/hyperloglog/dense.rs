//! Dense registers: 6 bits each, from the lowest bit of the first byte behind the header upwards.

use super::{HEADER_BYTES, REGISTERS};

const WIDTH: usize = 6;
const MASK: u16 = (1 << WIDTH) - 1;

/// How long a dense HyperLogLog is.
pub(super) const BYTES: usize = HEADER_BYTES + REGISTERS * WIDTH / 8;

/// Where a register begins: byte and bit.
fn locate(index: usize) -> (usize, usize) {
    (HEADER_BYTES + index * WIDTH / 8, index * WIDTH % 8)
}

/// The two bytes that a register lies in; the last has nothing behind it.
fn window(bytes: &[u8], at: usize) -> u16 {
    u16::from(bytes[at]) | u16::from(bytes.get(at + 1).copied().unwrap_or(0)) << 8
}

pub(super) fn get(bytes: &[u8], index: usize) -> u8 {
    let (at, shift) = locate(index);
    (window(bytes, at) >> shift & MASK) as u8
}

/// Sets a register that is lower than `value`. Whether it was.
pub(super) fn raise(bytes: &mut [u8], index: usize, value: u8) -> bool {
    if get(bytes, index) >= value {
        return false;
    }
    let (at, shift) = locate(index);
    let [low, high] = (window(bytes, at) & !(MASK << shift) | u16::from(value) << shift).to_le_bytes();
    bytes[at] = low;
    if let Some(byte) = bytes.get_mut(at + 1) {
        *byte = high;
    }
    true
}
