//! The estimate: Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017.
//!
//! Only operations that IEEE 754 defines to the bit: all replicas say the same.

use super::{REGISTERS, ZEROES_BITS};

/// 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// About how many elements raised the registers.
pub(super) fn estimate(registers: &[u8]) -> u64 {
    let mut histogram = [0_u32; 64];
    for register in registers {
        histogram[usize::from(register & 63)] += 1;
    }
    let count = REGISTERS as f64;
    let of = |value: u32| f64::from(histogram[value as usize]);
    let mut z = count * tau((count - of(ZEROES_BITS + 1)) / count);
    for value in (1..=ZEROES_BITS).rev() {
        z = (z + of(value)) * 0.5;
    }
    z += count * sigma(of(0) / count);
    (ALPHA * count * count / z).round() as u64
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}
