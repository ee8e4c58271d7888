//! What sorted sets are put together from: sorted sets, and sets whose members all have a score of 1.

use std::borrow::Cow;

use meridian_command::ReplyError;

use crate::{
    keyspace::{Reader, Record},
    value::{Set, SortedSet, ValueRef},
};

/// See the module.
#[derive(Clone, Debug)]
pub(super) enum Source<'a> {
    Absent,
    Sorted(Cow<'a, SortedSet>),
    Plain(Cow<'a, Set>),
}

impl<'a> Source<'a> {
    pub(super) fn find(reader: &Reader<'a>, key: &[u8]) -> Result<Source<'a>, ReplyError> {
        match reader.find(key).map(Record::value) {
            None => Ok(Source::Absent),
            Some(ValueRef::SortedSet(set)) => Ok(Source::Sorted(set)),
            Some(ValueRef::Set(set)) => Ok(Source::Plain(set)),
            Some(_) => Err(ReplyError::WRONG_TYPE),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Source::Absent => 0,
            Source::Sorted(set) => set.len(),
            Source::Plain(set) => set.len(),
        }
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Absent => None,
            Source::Sorted(set) => set.score(member),
            Source::Plain(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Calls `each` with all members until it says false.
    pub(super) fn visit(&self, mut each: impl FnMut(&[u8], f64) -> bool) {
        match self {
            Source::Absent => {}
            Source::Sorted(set) => set.visit(0..usize::MAX, false, each),
            Source::Plain(set) => {
                set.members().all(|member| each(&member, 1.0));
            }
        }
    }
}
