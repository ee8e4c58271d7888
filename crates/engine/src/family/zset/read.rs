//! ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZCOUNT, ZLEXCOUNT.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter};

use super::{
    bound::{Bounds, By},
    write_score,
};
use crate::{family::Outcome, keyspace::Reader, value::SortedSet};

pub(crate) fn zcard(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = reader.collection::<SortedSet>(&args[0])?;
    reply.integer(set.as_deref().map_or(0, SortedSet::len) as i64);
    Ok(())
}

pub(crate) fn zscore(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = reader.collection::<SortedSet>(&args[0])?;
    score_or_null(reply, set.as_deref().and_then(|set| set.score(&args[1])));
    Ok(())
}

pub(crate) fn zmscore(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let set = reader.collection::<SortedSet>(&args[0])?;
    let members = args.from(1);
    reply.array(members.len());
    for member in members.iter() {
        score_or_null(reply, set.as_deref().and_then(|set| set.score(member)));
    }
    Ok(())
}

fn score_or_null(reply: &mut ReplyWriter<'_>, score: Option<f64>) {
    match score {
        Some(score) => write_score(reply, score),
        None => reply.null(),
    }
}

pub(crate) fn zrank(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    rank(reader, args, reply, EngineCommand::Zrank)
}

pub(crate) fn zrevrank(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    rank(reader, args, reply, EngineCommand::Zrevrank)
}

fn rank(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, command: EngineCommand) -> Outcome {
    let with_score = match args.len() {
        2 => false,
        3 if args[2].eq_ignore_ascii_case(b"WITHSCORE") => true,
        3 => return Err(ReplyError::SYNTAX),
        _ => return Err(ReplyError::wrong_arity(command.spec())),
    };
    let set = reader.collection::<SortedSet>(&args[0])?;
    let found = set.as_deref().and_then(|set| {
        let rank = set.rank(&args[1])?;
        let rank = if command == EngineCommand::Zrevrank { set.len() - 1 - rank } else { rank };
        Some((rank, set.score(&args[1])?))
    });
    match found {
        None if with_score => reply.null_array(),
        None => reply.null(),
        Some((rank, score)) => {
            if with_score {
                reply.array(2);
            }
            reply.integer(rank as i64);
            if with_score {
                write_score(reply, score);
            }
        }
    }
    Ok(())
}

pub(crate) fn zcount(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    count(reader, args, reply, By::Score)
}

pub(crate) fn zlexcount(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    count(reader, args, reply, By::Member)
}

fn count(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, by: By) -> Outcome {
    let bounds = Bounds::read(by, &args[1], &args[2])?;
    let set = reader.collection::<SortedSet>(&args[0])?;
    reply.integer(set.as_deref().map_or(0, |set| bounds.ranks(set, false).len()) as i64);
    Ok(())
}
