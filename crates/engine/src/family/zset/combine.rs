//! ZUNION, ZINTER, ZDIFF, ZINTERCARD, and the forms that store: ZUNIONSTORE, ZINTERSTORE, ZDIFFSTORE.
//!
//! The smallest set comes first (but for ZDIFF), and scores are added up in that order: the order can be seen in the
//! last digits of a sum.

mod source;

use std::collections::BTreeMap;

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter, number::parse_f64};
use source::Source;

use super::{open_members, store, write_member};
use crate::{
    family::{Outcome, integer},
    keyspace::{Reader, Writer},
    value::SortedSet,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

#[derive(Clone, Copy, Debug)]
enum Aggregate {
    Sum,
    Least,
    Greatest,
}

impl Aggregate {
    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            Aggregate::Sum => not_nan(one + other),
            Aggregate::Least => {
                if other < one {
                    other
                } else {
                    one
                }
            }
            Aggregate::Greatest => {
                if other > one {
                    other
                } else {
                    one
                }
            }
        }
    }
}

/// Infinities that cancel each other come to 0 here.
fn not_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// A call: what is put together, and how.
#[derive(Debug)]
struct Call<'a> {
    operation: Operation,
    sources: Vec<(Source<'a>, f64)>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Of ZINTERCARD; 0 for none.
    limit: usize,
}

/// Members with the scores they come to.
type Combined = BTreeMap<Vec<u8>, f64>;

impl<'a> Call<'a> {
    /// `numkeys key... option...`
    fn read(reader: &Reader<'a>, args: Args<'_>, command: EngineCommand) -> Result<Call<'a>, ReplyError> {
        use EngineCommand as C;
        let operation = match command {
            C::Zunion | C::Zunionstore => Operation::Union,
            C::Zdiff | C::Zdiffstore => Operation::Difference,
            _ => Operation::Intersection,
        };
        let count = integer(args.get(0).unwrap_or_default())?;
        if count < 1 {
            return Err(ReplyError::no_input_keys(command.spec()));
        }
        let keys = args.as_slice().get(1..).unwrap_or_default();
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let (keys, options) = keys.split_at_checked(count).ok_or(ReplyError::SYNTAX)?;
        let sources: Result<Vec<_>, ReplyError> =
            keys.iter().map(|key| Ok((Source::find(reader, key)?, 1.0))).collect();
        let (aggregate, with_scores, limit) = (Aggregate::Sum, false, 0);
        let mut call = Call { operation, sources: sources?, aggregate, with_scores, limit };
        call.read_options(options, command)?;
        if operation != Operation::Difference {
            call.sources.sort_by_key(|(source, _)| source.len());
        }
        Ok(call)
    }

    fn read_options(&mut self, mut rest: &[&[u8]], command: EngineCommand) -> Outcome {
        use EngineCommand as C;
        let counts = command == C::Zintercard;
        let stores = matches!(command, C::Zunionstore | C::Zinterstore | C::Zdiffstore);
        let weighs = self.operation != Operation::Difference && !counts;
        while let [option, after @ ..] = rest {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            rest = if weighs && is(b"WEIGHTS") && after.len() >= self.sources.len() {
                let (weights, after) = after.split_at(self.sources.len());
                for ((_, weight), text) in self.sources.iter_mut().zip(weights) {
                    *weight = parse_f64(text).ok_or(ReplyError::WEIGHT_NOT_A_FLOAT)?;
                }
                after
            } else if weighs
                && is(b"AGGREGATE")
                && let [name, after @ ..] = after
            {
                self.aggregate = aggregate(name)?;
                after
            } else if !stores && !counts && is(b"WITHSCORES") {
                self.with_scores = true;
                after
            } else if counts
                && is(b"LIMIT")
                && let [limit, after @ ..] = after
            {
                let limit = integer(limit).ok().and_then(|limit| usize::try_from(limit).ok());
                self.limit = limit.ok_or(ReplyError::LIMIT_NEGATIVE)?;
                after
            } else {
                return Err(ReplyError::SYNTAX);
            };
        }
        Ok(())
    }

    fn combine(&self) -> Combined {
        match self.operation {
            Operation::Union => self.union(),
            Operation::Intersection => {
                let mut result = Combined::new();
                self.intersect(|member, score| {
                    result.insert(member.to_vec(), score);
                    true
                });
                result
            }
            Operation::Difference => self.difference(),
        }
    }

    fn union(&self) -> Combined {
        let mut result = Combined::new();
        for (source, weight) in &self.sources {
            source.visit(|member, score| {
                let score = not_nan(weight * score);
                match result.get_mut(member) {
                    Some(sum) => *sum = self.aggregate.of(*sum, score),
                    None => drop(result.insert(member.to_vec(), score)),
                }
                true
            });
        }
        result
    }

    fn intersect(&self, mut each: impl FnMut(&[u8], f64) -> bool) {
        let Some(((first, weight), others)) = self.sources.split_first() else { return };
        first.visit(|member, score| {
            let mut sum = not_nan(weight * score);
            for (other, weight) in others {
                let Some(score) = other.score(member) else { return true };
                sum = self.aggregate.of(sum, weight * score);
            }
            each(member, sum)
        });
    }

    fn difference(&self) -> Combined {
        let mut result = Combined::new();
        let Some(((first, _), others)) = self.sources.split_first() else { return result };
        first.visit(|member, score| {
            if others.iter().all(|(other, _)| other.score(member).is_none()) {
                result.insert(member.to_vec(), score);
            }
            true
        });
        result
    }
}

fn aggregate(name: &[u8]) -> Result<Aggregate, ReplyError> {
    let known = [(&b"SUM"[..], Aggregate::Sum), (b"MIN", Aggregate::Least), (b"MAX", Aggregate::Greatest)];
    let found = known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, aggregate)| aggregate).ok_or(ReplyError::SYNTAX)
}

fn answer(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    command: EngineCommand,
) -> Outcome {
    let call = Call::read(reader, args, command)?;
    let mut members: Vec<(Vec<u8>, f64)> = call.combine().into_iter().collect();
    // By member they are in order already.
    members.sort_by(|left, right| left.1.total_cmp(&right.1).then_with(|| left.0.cmp(&right.0)));
    open_members(reply, members.len(), call.with_scores);
    for (member, score) in members {
        write_member(reply, &member, score, call.with_scores);
    }
    Ok(())
}

fn answer_stored(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    command: EngineCommand,
    event: &'static str,
) -> Outcome {
    let result = writer.reading(|reader| {
        let mut result = SortedSet::default();
        for (member, score) in Call::read(reader, args.from(1), command)?.combine() {
            result.set(&member, score, reader.settings());
        }
        Ok::<_, ReplyError>(result)
    })?;
    let key = writer.key(&args[0]);
    store(writer, key, result, event, reply);
    Ok(())
}

pub(crate) fn zunion(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, EngineCommand::Zunion)
}

pub(crate) fn zinter(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, EngineCommand::Zinter)
}

pub(crate) fn zdiff(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, EngineCommand::Zdiff)
}

pub(crate) fn zintercard(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let call = Call::read(reader, args, EngineCommand::Zintercard)?;
    let mut count = 0;
    call.intersect(|_, _| {
        count += 1;
        count != call.limit
    });
    reply.integer(count as i64);
    Ok(())
}

pub(crate) fn zunionstore(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer_stored(writer, args, reply, EngineCommand::Zunionstore, "zunionstore")
}

pub(crate) fn zinterstore(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer_stored(writer, args, reply, EngineCommand::Zinterstore, "zinterstore")
}

pub(crate) fn zdiffstore(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer_stored(writer, args, reply, EngineCommand::Zdiffstore, "zdiffstore")
}
