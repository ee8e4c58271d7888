//! Sparse registers: runs of equal ones, in one or two bytes each.
//!
//! `00llllll`: up to 64 zeroes; `01llllll llllllll`: up to 16384 zeroes; `1vvvvvll`: up to 4 of a value from 1 to 32. All
//! numbers are stored one less.

use super::{Fault, HEADER_BYTES, REGISTERS};

/// The runs of a HyperLogLog without elements.
pub(super) const NO_ELEMENTS: [u8; 2] = [0x7F, 0xFF];

const VALUE_MAX: u8 = 32;
const VALUES_MAX: usize = 4;
const SHORT_ZEROES_MAX: usize = 64;

/// How many runs are looked at for neighbours to put together after a change, as in Redis.
const MERGE_STEPS: usize = 5;

/// Registers that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) len: usize,
    pub(crate) value: u8,
    /// In how many bytes it is written.
    pub(crate) bytes: usize,
}

impl Run {
    fn read(bytes: &[u8]) -> Option<Run> {
        match *bytes {
            [code, ..] if code & 0x80 != 0 => {
                Some(Run { len: usize::from(code & 3) + 1, value: (code >> 2 & 31) + 1, bytes: 1 })
            }
            [code, ..] if code & 0x40 == 0 => Some(Run { len: usize::from(code) + 1, value: 0, bytes: 1 }),
            [code, low, ..] => {
                Some(Run { len: usize::from(u16::from_be_bytes([code & 0x3F, low])) + 1, value: 0, bytes: 2 })
            }
            _ => None,
        }
    }
}

/// Writes a run, unless it is empty.
fn write(out: &mut Vec<u8>, value: u8, len: usize) {
    match (value, len) {
        (_, 0) => {}
        (0, 1..=SHORT_ZEROES_MAX) => out.push((len - 1) as u8),
        (0, _) => out.extend(((len - 1) as u16 | 0x4000).to_be_bytes()),
        (value, _) => out.push(0x80 | (value - 1) << 2 | (len - 1) as u8),
    }
}

/// All runs, up to where they end or break off.
pub(super) fn runs(mut bytes: &[u8]) -> impl Iterator<Item = Run> {
    std::iter::from_fn(move || {
        let run = Run::read(bytes)?;
        bytes = &bytes[run.bytes..];
        Some(run)
    })
}

/// Raises registers to those of the runs.
pub(super) fn merge(bytes: &[u8], registers: &mut [u8]) -> Result<(), Fault> {
    let (mut rest, mut read) = (registers, 0);
    for run in runs(bytes) {
        let (covered, behind) = rest.split_at_mut_checked(run.len).ok_or(Fault::Corrupt)?;
        covered.iter_mut().for_each(|register| *register = (*register).max(run.value));
        (rest, read) = (behind, read + run.bytes);
    }
    if rest.is_empty() && read == bytes.len() { Ok(()) } else { Err(Fault::Corrupt) }
}

/// What became of a register that was to be raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was as high already.
    No,
    Yes,
    /// It is to be raised, but that is for dense registers.
    Full,
}

/// Sets a register that is lower than `value`. `bytes` are the header and the runs.
pub(super) fn raise(bytes: &mut Vec<u8>, index: usize, value: u8, bytes_max: usize) -> Result<Raised, Fault> {
    if value > VALUE_MAX {
        return Ok(Raised::Full);
    }
    let (mut at, mut first, mut before) = (HEADER_BYTES, 0, HEADER_BYTES);
    let run = loop {
        let run = Run::read(&bytes[at..]).ok_or(Fault::Corrupt)?;
        if index < first + run.len {
            break run;
        }
        (before, at, first) = (at, at + run.bytes, first + run.len);
    };
    if run.value >= value {
        return Ok(Raised::No);
    }
    let mut split = Vec::with_capacity(MERGE_STEPS);
    write(&mut split, run.value, index - first);
    write(&mut split, value, 1);
    write(&mut split, run.value, first + run.len - 1 - index);
    if split.len() > run.bytes && bytes.len() + split.len() - run.bytes > bytes_max {
        return Ok(Raised::Full);
    }
    bytes.splice(at..at + run.bytes, split);
    put_together(bytes, before);
    // Whoever adds several elements says it once more at the end; Redis says it with each.
    super::make_stale(bytes);
    Ok(Raised::Yes)
}

/// Puts neighbours of the same value together, as far as Redis does.
fn put_together(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGE_STEPS {
        let Some(run) = Run::read(&bytes[at..]) else { return };
        let next = Run::read(&bytes[at + run.bytes..]);
        match next.filter(|next| run.value > 0 && next.value == run.value) {
            Some(next) if run.len + next.len <= VALUES_MAX => {
                let mut joined = Vec::with_capacity(1);
                write(&mut joined, run.value, run.len + next.len);
                bytes.splice(at..at + 2, joined);
            }
            _ => at += run.bytes,
        }
    }
}

const _: () = assert!(REGISTERS - 1 <= 0x3FFF, "the longest run of zeroes is all registers");
