//! Takes LZF-compressed texts apart.

use super::Corrupt;

/// A reference of three bytes yields at most so many.
const REFERENCE_MAX: usize = 264;

/// The text of exactly `length` bytes that `packed` is.
pub(super) fn unpack(packed: &[u8], length: usize) -> Result<Vec<u8>, Corrupt> {
    if length > packed.len().saturating_mul(REFERENCE_MAX) {
        return Err(Corrupt::Value);
    }
    let mut text = Vec::new();
    let mut rest = packed.iter().copied();
    while let Some(control) = rest.next() {
        if control < 0x20 {
            let literal = rest.as_slice_of(usize::from(control) + 1)?;
            text.extend(literal);
        } else {
            let mut count = usize::from(control >> 5);
            if count == 7 {
                count += usize::from(rest.next().ok_or(Corrupt::Value)?);
            }
            let low = rest.next().ok_or(Corrupt::Value)?;
            let back = (usize::from(control & 0x1f) << 8 | usize::from(low)) + 1;
            let start = text.len().checked_sub(back).ok_or(Corrupt::Value)?;
            // What is copied may reach into what it becomes.
            for at in start..start + count + 2 {
                text.push(text[at]);
            }
        }
        if text.len() > length {
            return Err(Corrupt::Value);
        }
    }
    if text.len() == length { Ok(text) } else { Err(Corrupt::Value) }
}

/// So many bytes of an iterator, or none if it has fewer.
trait Take {
    fn as_slice_of(&mut self, count: usize) -> Result<Vec<u8>, Corrupt>;
}

impl<I: Iterator<Item = u8>> Take for I {
    fn as_slice_of(&mut self, count: usize) -> Result<Vec<u8>, Corrupt> {
        let taken: Vec<u8> = self.take(count).collect();
        if taken.len() == count { Ok(taken) } else { Err(Corrupt::Value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_reach_into_what_they_make() {
        // One literal `a`, then nine bytes from one back.
        assert_eq!(unpack(&[0, b'a', 0xe0, 0, 0], 10), Ok(b"aaaaaaaaaa".to_vec()));
        assert_eq!(unpack(&[0, b'a', 0xe0, 0, 0], 9), Err(Corrupt::Value));
        assert_eq!(unpack(&[0, b'a', 0xe0, 0, 1], 10), Err(Corrupt::Value));
        assert_eq!(unpack(&[3, b'a'], 4), Err(Corrupt::Value));
        assert_eq!(unpack(&[0, b'a'], usize::MAX), Err(Corrupt::Value));
    }
}
