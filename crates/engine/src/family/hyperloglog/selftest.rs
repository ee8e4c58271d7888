//! PFSELFTEST: whether this build counts as well as it must, sparse and dense.

use meridian_command::{Args, ReplyError, ReplyWriter};

use crate::{
    family::Outcome,
    keyspace::Reader,
    value::hyperloglog::{Fault, HyperLogLog, Registers, count},
};

const ELEMENTS: u64 = 20_000;

/// Four times the standard error of 1.04 / sqrt(16384): one part in so many.
const PARTS: u64 = 30;

pub(crate) fn pfselftest(_: &Reader<'_>, _: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    match counts_well() {
        Ok(true) => reply.ok(),
        Ok(false) | Err(_) => return Err(ReplyError::PFSELFTEST_FAILED),
    }
    Ok(())
}

fn counts_well() -> Result<bool, Fault> {
    let (mut sparse, mut dense) = (HyperLogLog::new(usize::MAX), HyperLogLog::new(0));
    dense.make_dense()?;
    for number in 1..=ELEMENTS {
        let element = number.to_le_bytes();
        if sparse.add(&element)? != dense.add(&element)? {
            return Ok(false);
        }
        if number.is_power_of_two() || number == ELEMENTS {
            sparse.make_stale();
            dense.make_stale();
            let (one, other) = (count(sparse.bytes())?, count(dense.bytes())?);
            if one != other || one.abs_diff(number) > number / PARTS + 1 {
                return Ok(false);
            }
        }
    }
    let (mut one, mut other) = (Registers::default(), Registers::default());
    one.merge(sparse.bytes())?;
    other.merge(dense.bytes())?;
    Ok(one.iter().eq(other.iter()))
}
