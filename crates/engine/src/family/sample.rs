//! Several elements of a collection at random, as SRANDMEMBER, HRANDFIELD and ZRANDMEMBER take them: so many different
//! ones, or (if the count is negative) so many that may repeat.

use std::collections::BTreeSet;

use meridian_command::{ReplyError, ReplyWriter};

use super::{Outcome, integer};
use crate::random::Random;

/// The longest reply that elements may be repeated for.
const REPLY_BYTES_MAX: usize = 512 << 20;

/// A collection is copied and shuffled if more than this part of it is wanted; else elements are drawn until they differ.
const DRAWN_PART: usize = 3;

/// How many are wanted: any integer but the smallest.
pub(crate) fn count(text: &[u8]) -> Result<i64, ReplyError> {
    let count = integer(text)?;
    if count == i64::MIN { Err(ReplyError::COUNT_OUT_OF_RANGE) } else { Ok(count) }
}

/// What was sampled.
pub(crate) enum Sample<'a, T> {
    Different(Vec<T>),
    Repeating { count: usize, draw: Box<dyn Fn() -> Option<T> + 'a> },
}

impl<T> Sample<'_, T> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Sample::Different(elements) => elements.len(),
            Sample::Repeating { count, .. } => *count,
        }
    }

    /// Writes every element.
    ///
    /// # Errors
    /// If the reply grows beyond all bounds.
    pub(crate) fn each(
        self,
        reply: &mut ReplyWriter<'_>,
        mut write: impl FnMut(&T, &mut ReplyWriter<'_>),
    ) -> Outcome {
        match self {
            Sample::Different(elements) => elements.iter().for_each(|element| write(element, reply)),
            Sample::Repeating { count, draw } => {
                let start = reply.position();
                for _ in 0..count {
                    let Some(element) = draw() else { break };
                    write(&element, reply);
                    if reply.position() - start > REPLY_BYTES_MAX {
                        return Err(ReplyError::REPLY_TOO_LONG);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Samples a collection of `length` elements; `all` walks them, `draw` takes one at random, `identity` tells them apart.
pub(crate) fn sample<'a, T: 'a, I: Iterator<Item = T>>(
    random: &Random,
    wanted: i64,
    length: usize,
    all: impl FnOnce() -> I,
    draw: impl Fn() -> Option<T> + 'a,
    identity: impl Fn(&T) -> Vec<u8>,
) -> Sample<'a, T> {
    if wanted < 0 && length > 0 {
        let count = usize::try_from(wanted.unsigned_abs()).unwrap_or(usize::MAX);
        return Sample::Repeating { count, draw: Box::new(draw) };
    }
    let wanted = usize::try_from(wanted).unwrap_or(0);
    if wanted >= length {
        return Sample::Different(all().collect());
    }
    if wanted.saturating_mul(DRAWN_PART) > length {
        let mut elements: Vec<T> = all().collect();
        for index in 0..wanted.min(elements.len()) {
            let other = index + random.below((elements.len() - index) as u64) as usize;
            elements.swap(index, other);
        }
        elements.truncate(wanted);
        return Sample::Different(elements);
    }
    let (mut taken, mut elements) = (BTreeSet::new(), Vec::with_capacity(wanted));
    while elements.len() < wanted {
        let Some(element) = draw() else { break };
        if taken.insert(identity(&element)) {
            elements.push(element);
        }
    }
    Sample::Different(elements)
}
