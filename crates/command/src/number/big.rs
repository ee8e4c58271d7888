//! Whole numbers of any size, with the few operations that reading and writing a float needs.

/// A natural number; little endian, no leading zero words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Big {
    words: Vec<u32>,
}

impl Big {
    /// From 64 bits.
    pub(super) fn new(value: u64) -> Big {
        let mut big = Big { words: vec![value as u32, (value >> 32) as u32] };
        big.trim();
        big
    }

    /// Whether it is 0.
    pub(super) fn is_zero(&self) -> bool {
        self.words.is_empty()
    }

    /// How many bits it has, the highest of them set.
    pub(super) fn bits(&self) -> usize {
        self.words.last().map_or(0, |top| self.words.len() * 32 - top.leading_zeros() as usize)
    }

    /// `self * factor + summand`.
    pub(super) fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for word in &mut self.words {
            carry += u64::from(*word) * u64::from(factor);
            *word = carry as u32;
            carry >>= 32;
        }
        if carry != 0 {
            self.words.push(carry as u32);
        }
        self.trim();
    }

    /// Divides and returns the remainder.
    pub(super) fn divide(&mut self, divisor: u32) -> u32 {
        let mut remainder = 0_u64;
        for word in self.words.iter_mut().rev() {
            let value = remainder << 32 | u64::from(*word);
            *word = (value / u64::from(divisor)) as u32;
            remainder = value % u64::from(divisor);
        }
        self.trim();
        remainder as u32
    }

    /// Multiplies by a power of two.
    pub(super) fn shift_left(&mut self, bits: usize) {
        if self.is_zero() {
            return;
        }
        self.multiply_add(1 << (bits % 32), 0);
        self.words.splice(0..0, std::iter::repeat_n(0, bits / 32));
    }

    /// The highest 128 bits (fewer if it has fewer), how far they stand from the right, and whether anything set was
    /// left out.
    pub(super) fn top(&self) -> (u128, usize, bool) {
        let shift = self.bits().saturating_sub(128);
        let (skipped, offset) = (shift / 32, shift % 32);
        let mut lost = self.words.iter().take(skipped).any(|word| *word != 0);
        let mut top = 0_u128;
        for (index, word) in self.words.iter().skip(skipped).enumerate() {
            let place = index * 32;
            let word = u128::from(*word);
            top |= if place >= offset {
                word << (place - offset)
            } else {
                lost |= word & ((1 << offset) - 1) != 0;
                word >> offset
            };
        }
        (top, shift, lost)
    }

    /// Decimal digits, without leading zeroes; none for 0.
    pub(super) fn into_decimal(mut self) -> Vec<u8> {
        let mut digits = Vec::with_capacity(self.words.len() * 10);
        while !self.is_zero() {
            let mut chunk = self.divide(1_000_000_000);
            for _ in 0..9 {
                digits.push(b'0' + (chunk % 10) as u8);
                chunk /= 10;
            }
        }
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        digits.reverse();
        digits
    }

    fn trim(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }
}
