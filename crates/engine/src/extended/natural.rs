//! Natural numbers of any size, as far as reading and writing floats needs them.

use std::cmp::Ordering;

/// Limbs of 32 bits, the least significant first; no zero limb at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Natural {
    limbs: Vec<u32>,
}

impl From<u64> for Natural {
    fn from(value: u64) -> Natural {
        let mut natural = Natural { limbs: vec![value as u32, (value >> 32) as u32] };
        natural.trim();
        natural
    }
}

impl Natural {
    pub(super) fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// The position of the highest bit, plus one.
    pub(super) fn bits(&self) -> usize {
        self.limbs.last().map_or(0, |last| self.limbs.len() * 32 - last.leading_zeros() as usize)
    }

    /// Multiplies by a factor and adds.
    pub(super) fn multiply_add(&mut self, factor: u32, addend: u32) {
        let mut carry = u64::from(addend);
        for limb in &mut self.limbs {
            carry += u64::from(*limb) * u64::from(factor);
            *limb = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.limbs.push(carry as u32);
        }
    }

    /// Multiplies by a power of ten.
    pub(super) fn times_ten_to(mut self, power: usize) -> Natural {
        for _ in 0..power / 9 {
            self.multiply_add(1_000_000_000, 0);
        }
        for _ in 0..power % 9 {
            self.multiply_add(10, 0);
        }
        self
    }

    pub(super) fn shifted_left(&self, bits: usize) -> Natural {
        let mut limbs = vec![0; bits / 32];
        let shift = bits % 32;
        let mut carry = 0;
        for limb in &self.limbs {
            let wide = u64::from(*limb) << shift;
            limbs.push(wide as u32 | carry);
            carry = (wide >> 32) as u32;
        }
        limbs.push(carry);
        let mut shifted = Natural { limbs };
        shifted.trim();
        shifted
    }

    /// The highest 128 bits, how far they were shifted right, and whether a bit was lost.
    pub(super) fn top(&self) -> (u128, usize, bool) {
        let shift = self.bits().saturating_sub(128);
        let (skipped, within) = (shift / 32, shift % 32);
        let mut value = 0_u128;
        for (n, limb) in self.limbs.iter().enumerate().skip(skipped) {
            let wide = u128::from(*limb);
            let at = (n - skipped) * 32;
            if at < within {
                value |= wide >> (within - at);
            } else if at - within < 128 {
                value |= wide << (at - within);
            }
        }
        let lost = self.limbs.iter().take(skipped).any(|limb| *limb != 0)
            || self.limbs.get(skipped).is_some_and(|limb| limb & ((1_u32 << within) - 1) != 0);
        (value, shift, lost)
    }

    /// Subtracts a number that is not greater.
    fn subtract(&mut self, other: &Natural) {
        let mut borrow = 0_i64;
        for (n, limb) in self.limbs.iter_mut().enumerate() {
            let difference = i64::from(*limb) - i64::from(other.limbs.get(n).copied().unwrap_or(0)) + borrow;
            *limb = difference as u32;
            borrow = difference >> 32;
        }
        self.trim();
    }

    /// The first `bits` bits of the quotient, and whether there is a rest. The quotient must be below `2^bits`, which
    /// must not be more than 128.
    pub(super) fn divide(mut self, divisor: &Natural, bits: usize) -> (u128, bool) {
        let divisor = divisor.shifted_left(bits);
        let mut quotient = 0_u128;
        for _ in 0..bits {
            self = self.shifted_left(1);
            quotient <<= 1;
            if self.cmp(&divisor) != Ordering::Less {
                self.subtract(&divisor);
                quotient |= 1;
            }
        }
        (quotient, !self.is_zero())
    }

    fn cmp(&self, other: &Natural) -> Ordering {
        let by_length = self.limbs.len().cmp(&other.limbs.len());
        by_length.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }

    /// In decimal.
    pub(super) fn text(mut self) -> String {
        const GROUP: u64 = 1_000_000_000;
        let mut groups = Vec::new();
        while !self.is_zero() {
            let mut rest = 0_u64;
            for limb in self.limbs.iter_mut().rev() {
                let wide = rest << 32 | u64::from(*limb);
                *limb = (wide / GROUP) as u32;
                rest = wide % GROUP;
            }
            self.trim();
            groups.push(rest);
        }
        let mut text = groups.pop().unwrap_or(0).to_string();
        for group in groups.iter().rev() {
            text.push_str(&format!("{group:09}"));
        }
        text
    }

    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_agrees_with_that_of_the_machine() {
        let numbers = [0_u64, 1, 9, 4_294_967_295, 4_294_967_296, 1_000_000_007, u64::MAX];
        for one in numbers {
            assert_eq!(Natural::from(one).text(), one.to_string());
            assert_eq!(Natural::from(one).shifted_left(37).text(), (u128::from(one) << 37).to_string());
            assert_eq!(
                Natural::from(one).times_ten_to(19).text(),
                (u128::from(one) * 10_u128.pow(19)).to_string()
            );
            for other in numbers.into_iter().filter(|other| *other != 0) {
                let expected = (u128::from(one / other), one % other != 0);
                assert_eq!(Natural::from(one).divide(&Natural::from(other), 64), expected, "{one} / {other}");
            }
        }
        let big = Natural::from(u64::MAX).shifted_left(301);
        assert_eq!(big.top(), (u128::from(u64::MAX) << 64, 237, false));
        let mut odd = big.clone();
        odd.multiply_add(1, 1);
        assert_eq!(odd.top(), (u128::from(u64::MAX) << 64, 237, true));
    }
}
