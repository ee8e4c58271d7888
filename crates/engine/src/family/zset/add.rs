//! ZADD, ZINCRBY. GEOADD adds through here too.

use meridian_command::{Args, ReplyError, ReplyWriter, number::parse_f64};

use super::write_score;
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::{Key, Writer},
    settings::Settings,
    value::SortedSet,
};

/// What ZADD can be told.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::family) struct Options {
    pub(in crate::family) only_new: bool,
    pub(in crate::family) only_existing: bool,
    only_greater: bool,
    only_less: bool,
    pub(in crate::family) count_changed: bool,
    increment: bool,
}

/// What became of one member.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Done {
    /// An option forbids it.
    Nothing,
    Same(f64),
    Added(f64),
    Changed(f64),
}

/// What became of all members.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    added: i64,
    changed: i64,
    score: Option<f64>,
}

impl Options {
    /// The options at the front, and how many arguments they are.
    fn read(args: Args<'_>) -> (Options, usize) {
        let mut options = Options::default();
        let mut count = 0;
        for option in args.iter() {
            let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
            let flag = if is(b"NX") {
                &mut options.only_new
            } else if is(b"XX") {
                &mut options.only_existing
            } else if is(b"CH") {
                &mut options.count_changed
            } else if is(b"INCR") {
                &mut options.increment
            } else if is(b"GT") {
                &mut options.only_greater
            } else if is(b"LT") {
                &mut options.only_less
            } else {
                break;
            };
            *flag = true;
            count += 1;
        }
        (options, count)
    }

    fn check(&self, members: usize) -> Outcome {
        if self.only_new && self.only_existing {
            return Err(ReplyError::ZADD_XX_AND_NX);
        }
        if [self.only_new, self.only_greater, self.only_less].into_iter().filter(|set| *set).count() > 1 {
            return Err(ReplyError::ZADD_GT_LT_NX);
        }
        if self.increment && members > 1 {
            return Err(ReplyError::ZADD_INCR_ONE);
        }
        Ok(())
    }

    fn set(
        &self,
        set: &mut SortedSet,
        member: &[u8],
        score: f64,
        settings: &Settings,
    ) -> Result<Done, ReplyError> {
        let Some(old) = set.score(member) else {
            if self.only_existing {
                return Ok(Done::Nothing);
            }
            set.set(member, score, settings);
            return Ok(Done::Added(score));
        };
        if self.only_new {
            return Ok(Done::Nothing);
        }
        let score = if self.increment { old + score } else { score };
        if score.is_nan() {
            return Err(ReplyError::SCORE_NAN);
        }
        if self.only_less && score >= old || self.only_greater && score <= old {
            return Ok(Done::Nothing);
        }
        if score == old {
            return Ok(Done::Same(score));
        }
        set.set(member, score, settings);
        Ok(Done::Changed(score))
    }
}

pub(crate) fn zadd(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (options, skipped) = Options::read(args.from(1));
    let pairs = args.from(1 + skipped);
    let (pairs, []) = pairs.as_slice().as_chunks::<2>() else { return Err(ReplyError::SYNTAX) };
    if pairs.is_empty() {
        return Err(ReplyError::SYNTAX);
    }
    options.check(pairs.len())?;
    let pairs: Result<Vec<(f64, &[u8])>, ReplyError> =
        pairs.iter().map(|[score, member]| Ok((number(score)?, *member))).collect();
    add(writer, writer.key(&args[0]), options, &pairs?, reply)
}

pub(crate) fn zincrby(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let options = Options { increment: true, ..Options::default() };
    let pair = (number(&args[1])?, &args[2]);
    add(writer, writer.key(&args[0]), options, &[pair], reply)
}

fn number(text: &[u8]) -> Result<f64, ReplyError> {
    parse_f64(text).ok_or(ReplyError::NOT_A_FLOAT)
}

/// Adds members and answers what became of them.
pub(in crate::family) fn add(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    options: Options,
    pairs: &[(f64, &[u8])],
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    let add_all = |set: &mut SortedSet, settings: &Settings| {
        let mut tally = Tally::default();
        for (score, member) in pairs {
            match options.set(set, member, *score, settings) {
                Ok(Done::Nothing) => {}
                Ok(Done::Same(score)) => tally.score = Some(score),
                Ok(Done::Added(score)) => (tally.added, tally.score) = (tally.added + 1, Some(score)),
                Ok(Done::Changed(score)) => (tally.changed, tally.score) = (tally.changed + 1, Some(score)),
                Err(error) => return (Err(error), tally.added + tally.changed > 0),
            }
        }
        (Ok(tally), tally.added + tally.changed > 0)
    };
    let tally = writer.change_or_make_if(key, add_all)??;
    if tally.added + tally.changed > 0 {
        writer.event(EventClass::SortedSet, if options.increment { "zincr" } else { "zadd" }, key);
    }
    if options.increment {
        match tally.score {
            Some(score) => write_score(reply, score),
            None => reply.null(),
        }
    } else {
        reply.integer(if options.count_changed { tally.added + tally.changed } else { tally.added });
    }
    Ok(())
}
