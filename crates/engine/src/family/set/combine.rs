//! Commands over several sets: SINTER, SINTERSTORE, SINTERCARD, SUNION, SUNIONSTORE, SDIFF, SDIFFSTORE.
//!
//! Every key is looked at first, so that one that holds something else is an error whatever the others hold.

use std::borrow::Cow;

use meridian_command::{Args, ReplyError, ReplyWriter};

use crate::{
    effect::EventClass,
    family::{Outcome, integer},
    keyspace::{Reader, Writer},
    settings::Settings,
    value::Set,
};

/// How sets are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

pub(crate) fn sinter(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, Operation::Intersection)
}

pub(crate) fn sunion(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, Operation::Union)
}

pub(crate) fn sdiff(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    answer(reader, args, reply, Operation::Difference)
}

fn answer(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, operation: Operation) -> Outcome {
    let sets = sets(reader, args)?;
    if operation == Operation::Union {
        let union = union(&sets, reader.settings());
        reply.set(union.len());
        for member in union.members() {
            reply.bulk(&member);
        }
        return Ok(());
    }
    let mut members = Vec::new();
    walk(&sets, operation, |member| {
        members.push(member.to_vec());
        true
    });
    reply.set(members.len());
    for member in members {
        reply.bulk(&member);
    }
    Ok(())
}

pub(crate) fn sinterstore(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    store(writer, args, reply, Operation::Intersection, "sinterstore")
}

pub(crate) fn sunionstore(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    store(writer, args, reply, Operation::Union, "sunionstore")
}

pub(crate) fn sdiffstore(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    store(writer, args, reply, Operation::Difference, "sdiffstore")
}

fn store(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    operation: Operation,
    event: &'static str,
) -> Outcome {
    let target = writer.key(&args[0]);
    let result = writer.reading(|reader| {
        let sets = sets(reader, args.from(1))?;
        Ok::<_, ReplyError>(if operation == Operation::Union {
            union(&sets, reader.settings())
        } else {
            let mut result = Set::default();
            walk(&sets, operation, |member| {
                result.add(member, reader.settings());
                true
            });
            result
        })
    })?;
    let length = result.len();
    let existed = writer.exists(target);
    writer.put_collection(target, result, None);
    if length > 0 {
        writer.event(EventClass::Set, event, target);
    } else if existed {
        writer.event(EventClass::Generic, "del", target);
    }
    reply.integer(length as i64);
    Ok(())
}

pub(crate) fn sintercard(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let count = integer(&args[0]).ok().filter(|count| *count > 0).ok_or(ReplyError::NUMKEYS_NOT_POSITIVE)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > args.len() - 1 {
        return Err(ReplyError::NUMKEYS_TOO_LARGE);
    }
    let keys = Args::new(&args.as_slice()[1..=count]);
    let mut limit = 0;
    let mut options = args.from(1 + count).as_slice();
    while let [option, rest @ ..] = options {
        let [value, rest @ ..] = rest else { return Err(ReplyError::SYNTAX) };
        if !option.eq_ignore_ascii_case(b"LIMIT") {
            return Err(ReplyError::SYNTAX);
        }
        let value = integer(value).ok().and_then(|limit| usize::try_from(limit).ok());
        limit = value.ok_or(ReplyError::LIMIT_NEGATIVE)?;
        options = rest;
    }
    let sets = sets(reader, keys)?;
    let mut found = 0;
    walk(&sets, Operation::Intersection, |_| {
        found += 1;
        found != limit
    });
    reply.integer(found as i64);
    Ok(())
}

/// The sets of some keys.
type Sets<'a> = Vec<Option<Cow<'a, Set>>>;

fn sets<'a>(reader: &Reader<'a>, keys: Args<'_>) -> Result<Sets<'a>, ReplyError> {
    keys.iter().map(|key| reader.collection::<Set>(key)).collect()
}

fn union(sets: &[Option<Cow<'_, Set>>], settings: &Settings) -> Set {
    let mut union = Set::default();
    for set in sets.iter().flatten() {
        for member in set.members() {
            union.add(&member, settings);
        }
    }
    union
}

/// Walks what an intersection or difference yields, until `take` has enough.
fn walk(sets: &[Option<Cow<'_, Set>>], operation: Operation, mut take: impl FnMut(&[u8]) -> bool) {
    let (walked, others): (&Set, Vec<&Set>) = if operation == Operation::Difference {
        let [Some(first), others @ ..] = sets else { return };
        (first, others.iter().flatten().map(|set| &**set).collect())
    } else {
        let Some(mut all) = sets.iter().map(Option::as_deref).collect::<Option<Vec<&Set>>>() else { return };
        all.sort_by_key(|set| set.len());
        let Some((smallest, others)) = all.split_first() else { return };
        (smallest, others.to_vec())
    };
    for member in walked.members() {
        let stays = if operation == Operation::Difference {
            !others.iter().any(|set| set.contains(&member))
        } else {
            others.iter().all(|set| set.contains(&member))
        };
        if stays && !take(&member) {
            return;
        }
    }
}
