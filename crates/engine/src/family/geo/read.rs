//! GEODIST, GEOHASH, GEOPOS.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{grid::Place, unit, write_distance, write_place};
use crate::{family::Outcome, keyspace::Reader, value::SortedSet};

pub(crate) fn geodist(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let unit = match args.len() {
        3 => 1.0,
        4 => unit(&args[3])?,
        _ => return Err(ReplyError::SYNTAX),
    };
    let set = reader.collection::<SortedSet>(&args[0])?;
    let place = |member: &[u8]| set.as_deref().and_then(|set| set.score(member)).map(Place::of_score);
    match (place(&args[1]), place(&args[2])) {
        (Some(one), Some(other)) => write_distance(reply, one.distance(other), unit),
        _ => reply.null(),
    }
    Ok(())
}

pub(crate) fn geohash(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    each_place(reader, args, reply, |reply, place| match place {
        Some(place) => reply.bulk(&place.text()),
        None => reply.null(),
    })
}

pub(crate) fn geopos(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    each_place(reader, args, reply, |reply, place| match place {
        Some(place) => write_place(reply, place),
        None => reply.null_array(),
    })
}

fn each_place(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
    each: impl Fn(&mut ReplyWriter<'_>, Option<Place>),
) -> Outcome {
    let set = reader.collection::<SortedSet>(&args[0])?;
    let members = args.from(1);
    reply.array(members.len());
    for member in members.iter() {
        each(reply, set.as_deref().and_then(|set| set.score(member)).map(Place::of_score));
    }
    Ok(())
}
