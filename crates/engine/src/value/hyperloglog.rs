//! HyperLogLogs, byte for byte as Redis lays them into strings.
//!
//! 16384 registers, each the longest run of zero bits (and one) that any element's hash showed there. A header of 16
//! bytes: `HYLL`, the encoding, three bytes unused, and the last count in 8 little-endian bytes, whose highest bit says
//! that it no longer holds. Then the registers: *dense*, 6 bits each, or *sparse*, as runs of equal ones.

mod dense;
mod estimate;
mod hash;
mod sparse;

use estimate::estimate;

/// How many registers there are.
pub(crate) const REGISTERS: usize = 1 << REGISTER_BITS;

/// Bits of an element's hash that choose its register.
const REGISTER_BITS: u32 = 14;

/// Bits of an element's hash in which zeroes are counted.
const ZEROES_BITS: u32 = 64 - REGISTER_BITS;

const MAGIC: &[u8] = b"HYLL";
const HEADER_BYTES: usize = 16;
const ENCODING_AT: usize = 4;
const COUNT_AT: usize = 8;

/// Set in the header's last byte: the count does not hold.
const STALE: u8 = 0x80;

/// Why bytes are no HyperLogLog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The header says that they are something else.
    Foreign,
    /// The runs do not make up all registers.
    Corrupt,
}

/// How registers are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Dense,
    Sparse,
}

/// The encoding that a header tells; the registers are not looked at.
pub(crate) fn encoding(bytes: &[u8]) -> Result<Encoding, Fault> {
    if bytes.len() < HEADER_BYTES || !bytes.starts_with(MAGIC) {
        return Err(Fault::Foreign);
    }
    match bytes[ENCODING_AT] {
        0 if bytes.len() == dense::BYTES => Ok(Encoding::Dense),
        1 => Ok(Encoding::Sparse),
        _ => Err(Fault::Foreign),
    }
}

/// An element's register, and what it raises that to.
pub(crate) fn place(element: &[u8]) -> (usize, u8) {
    let hash = hash::murmur(element);
    let zeroes = (hash >> REGISTER_BITS | 1 << ZEROES_BITS).trailing_zeros();
    (hash as usize % REGISTERS, zeroes as u8 + 1)
}

/// Says in the header that its count does not hold.
fn make_stale(bytes: &mut [u8]) {
    bytes[HEADER_BYTES - 1] |= STALE;
}

/// Adds elements to a dense one in place. Whether that changed it.
pub(crate) fn add_to_dense<'e>(bytes: &mut [u8], elements: impl Iterator<Item = &'e [u8]>) -> bool {
    let mut changed = false;
    for (index, value) in elements.map(place) {
        changed |= dense::raise(bytes, index, value);
    }
    if changed {
        make_stale(bytes);
    }
    changed
}

/// The count in the header, if that holds.
pub(crate) fn kept_count(bytes: &[u8]) -> Result<Option<u64>, Fault> {
    encoding(bytes)?;
    let mut kept = [0; HEADER_BYTES - COUNT_AT];
    kept.copy_from_slice(&bytes[COUNT_AT..HEADER_BYTES]);
    Ok((kept[7] & STALE == 0).then_some(u64::from_le_bytes(kept)))
}

/// Keeps a count in the header.
pub(crate) fn keep_count(bytes: &mut [u8], count: u64) {
    bytes[COUNT_AT..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
}

/// How many different elements were added, about: the header's count if that holds.
pub(crate) fn count(bytes: &[u8]) -> Result<u64, Fault> {
    if let Some(kept) = kept_count(bytes)? {
        return Ok(kept);
    }
    let mut registers = Registers::default();
    registers.merge(bytes)?;
    Ok(registers.count())
}

/// The runs of a sparse one.
pub(crate) fn runs(bytes: &[u8]) -> impl Iterator<Item = sparse::Run> {
    sparse::runs(&bytes[HEADER_BYTES..])
}

/// All registers of one or several HyperLogLogs: of each the highest.
#[derive(Debug)]
pub(crate) struct Registers(Vec<u8>);

impl Default for Registers {
    fn default() -> Registers {
        Registers(vec![0; REGISTERS])
    }
}

impl Registers {
    /// Takes in another's registers.
    pub(crate) fn merge(&mut self, bytes: &[u8]) -> Result<Encoding, Fault> {
        let encoding = encoding(bytes)?;
        match encoding {
            Encoding::Dense => {
                for (index, register) in self.0.iter_mut().enumerate() {
                    *register = (*register).max(dense::get(bytes, index));
                }
            }
            Encoding::Sparse => sparse::merge(&bytes[HEADER_BYTES..], &mut self.0)?,
        }
        Ok(encoding)
    }

    /// How many different elements were added to any, about.
    pub(crate) fn count(&self) -> u64 {
        estimate(&self.0)
    }

    /// One by one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u8> {
        self.0.iter().copied()
    }
}

/// A HyperLogLog to change.
#[derive(Debug)]
pub(crate) struct HyperLogLog {
    bytes: Vec<u8>,
    encoding: Encoding,
    sparse_bytes_max: usize,
}

impl HyperLogLog {
    /// Without elements.
    pub(crate) fn new(sparse_bytes_max: usize) -> HyperLogLog {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..MAGIC.len()].copy_from_slice(MAGIC);
        bytes[ENCODING_AT] = 1;
        bytes.extend(sparse::NO_ELEMENTS);
        HyperLogLog { bytes, encoding: Encoding::Sparse, sparse_bytes_max }
    }

    /// A copy of one.
    pub(crate) fn read(bytes: &[u8], sparse_bytes_max: usize) -> Result<HyperLogLog, Fault> {
        Ok(HyperLogLog { encoding: encoding(bytes)?, bytes: bytes.to_vec(), sparse_bytes_max })
    }

    /// Adds an element. Whether that changed it.
    pub(crate) fn add(&mut self, element: &[u8]) -> Result<bool, Fault> {
        let (index, value) = place(element);
        self.raise(index, value)
    }

    fn raise(&mut self, index: usize, value: u8) -> Result<bool, Fault> {
        if self.encoding == Encoding::Sparse {
            match sparse::raise(&mut self.bytes, index, value, self.sparse_bytes_max)? {
                sparse::Raised::No => return Ok(false),
                sparse::Raised::Yes => return Ok(true),
                sparse::Raised::Full => self.make_dense()?,
            }
        }
        Ok(dense::raise(&mut self.bytes, index, value))
    }

    /// Raises its registers to at least those.
    pub(crate) fn merge(&mut self, registers: &Registers) -> Result<(), Fault> {
        for (index, value) in registers.iter().enumerate().filter(|(_, value)| *value > 0) {
            self.raise(index, value)?;
        }
        self.make_stale();
        Ok(())
    }

    /// Lays its registers out densely.
    pub(crate) fn make_dense(&mut self) -> Result<(), Fault> {
        if self.encoding == Encoding::Sparse {
            let mut registers = Registers::default();
            registers.merge(&self.bytes)?;
            self.bytes.truncate(HEADER_BYTES);
            self.bytes.resize(dense::BYTES, 0);
            self.bytes[ENCODING_AT] = 0;
            self.encoding = Encoding::Dense;
            for (index, value) in registers.iter().enumerate() {
                dense::raise(&mut self.bytes, index, value);
            }
        }
        Ok(())
    }

    /// Its stored count no longer holds.
    pub(crate) fn make_stale(&mut self) {
        make_stale(&mut self.bytes);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_and_dense_hold_the_same_and_count_alike() {
        let mut sparse = HyperLogLog::new(usize::MAX);
        let mut dense = HyperLogLog::new(usize::MAX);
        dense.make_dense().expect("sound");
        for number in 0..20_000_u32 {
            let element = number.to_string();
            let changed = sparse.add(element.as_bytes()).expect("sound");
            assert_eq!(dense.add(element.as_bytes()), Ok(changed), "{number}");
        }
        sparse.make_stale();
        dense.make_stale();
        let count = count(dense.bytes()).expect("sound");
        assert!(count.abs_diff(20_000) < 600, "{count}");
        assert_eq!(super::count(sparse.bytes()), Ok(count));
        sparse.make_dense().expect("sound");
        assert_eq!(sparse.bytes(), dense.bytes());
    }

    #[test]
    fn what_is_cut_or_too_long_is_refused() {
        let mut log = HyperLogLog::new(3000);
        for number in 0..100_u32 {
            log.add(&number.to_le_bytes()).expect("sound");
        }
        log.make_stale();
        let whole = log.bytes().to_vec();
        for cut in HEADER_BYTES..whole.len() {
            assert_eq!(count(&whole[..cut]), Err(Fault::Corrupt), "{cut}");
        }
        assert_eq!(count(&whole[..HEADER_BYTES - 1]), Err(Fault::Foreign));
        for more in [&[0x00][..], &[0x84], &[0x7F, 0xFF], &[0x40]] {
            assert_eq!(count(&[&whole[..], more].concat()), Err(Fault::Corrupt), "{more:?}");
        }
    }
}
