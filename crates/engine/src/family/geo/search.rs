//! GEOSEARCH, GEOSEARCHSTORE, GEORADIUS, GEORADIUSBYMEMBER and their _RO forms.

use meridian_command::{Args, EngineCommand, ReplyWriter};

use super::{
    grid::Place,
    options::{Options, Sort},
    shape::Shape,
    write_distance, write_place,
};
use crate::{
    family::{Outcome, zset::store},
    keyspace::{Reader, Writer},
    value::SortedSet,
};

/// A place inside the area.
#[derive(Debug)]
struct Found {
    member: Vec<u8>,
    score: f64,
    metres: f64,
}

/// All members inside a shape; with `limit`, no more than that (0 for all).
fn inside(set: &SortedSet, shape: &Shape, limit: usize) -> Vec<Found> {
    let mut found = Vec::new();
    for cell in shape.cells() {
        let (low, high) = cell.scores();
        let start = set.rank_where(|score, _| score < low);
        let end = set.rank_where(|score, _| score < high);
        if limit > 0 && found.len() >= limit {
            break;
        }
        set.visit(start..end, false, |member, score| {
            if let Some(metres) = shape.distance(Place::of_score(score)) {
                found.push(Found { member: member.to_vec(), score, metres });
            }
            limit == 0 || found.len() < limit
        });
    }
    found
}

fn search(set: Option<&SortedSet>, options: &Options<'_>) -> Vec<Found> {
    let (Some(set), Some(shape)) = (set, &options.shape) else { return Vec::new() };
    let mut found = inside(set, shape, if options.any { options.count } else { 0 });
    match options.sort {
        Sort::Not => {}
        Sort::Nearest => found.sort_by(|one, other| one.metres.total_cmp(&other.metres)),
        Sort::Farthest => found.sort_by(|one, other| other.metres.total_cmp(&one.metres)),
    }
    if options.count > 0 {
        found.truncate(options.count);
    }
    found
}

fn answer(found: &[Found], options: &Options<'_>, reply: &mut ReplyWriter<'_>) {
    let unit = options.shape.map_or(1.0, |shape| shape.unit);
    let with = [options.with_distance, options.with_hash, options.with_place];
    let extras = with.into_iter().filter(|with| *with).count();
    reply.array(found.len());
    for place in found {
        if extras > 0 {
            reply.array(1 + extras);
        }
        reply.bulk(&place.member);
        if options.with_distance {
            write_distance(reply, place.metres, unit);
        }
        if options.with_hash {
            reply.integer(place.score as i64);
        }
        if options.with_place {
            write_place(reply, Place::of_score(place.score));
        }
    }
}

fn read(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>, command: EngineCommand) -> Outcome {
    let set = reader.collection::<SortedSet>(&args[0])?;
    let options = Options::read(args.from(1), set.as_deref(), command)?;
    answer(&search(set.as_deref(), &options), &options, reply);
    Ok(())
}

/// Searches a key; the results go to `destination`, or to the one that an option names, or to the client.
fn write(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    destination: Option<&[u8]>,
    reply: &mut ReplyWriter<'_>,
    command: EngineCommand,
) -> Outcome {
    let reader = writer.reader();
    let set = reader.collection::<SortedSet>(&args[0])?;
    let options = Options::read(args.from(1), set.as_deref(), command)?;
    let found = search(set.as_deref(), &options);
    let Some(destination) = destination.or(options.store) else {
        answer(&found, &options, reply);
        return Ok(());
    };
    let unit = options.shape.map_or(1.0, |shape| shape.unit);
    let mut result = SortedSet::default();
    for place in found {
        let score = if options.store_distance { place.metres / unit } else { place.score };
        result.set(&place.member, score, writer.settings());
    }
    let event = if command == EngineCommand::Geosearchstore { "geosearchstore" } else { "georadiusstore" };
    let key = writer.key(destination);
    store(writer, key, result, event, reply);
    Ok(())
}

pub(crate) fn geosearch(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    read(reader, args, reply, EngineCommand::Geosearch)
}

pub(crate) fn georadius_ro(reader: &Reader<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    read(reader, args, reply, EngineCommand::GeoradiusRo)
}

pub(crate) fn georadiusbymember_ro(
    reader: &Reader<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    read(reader, args, reply, EngineCommand::GeoradiusbymemberRo)
}

pub(crate) fn geosearchstore(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    write(writer, args.from(1), Some(&args[0]), reply, EngineCommand::Geosearchstore)
}

pub(crate) fn georadius(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    write(writer, args, None, reply, EngineCommand::Georadius)
}

pub(crate) fn georadiusbymember(
    writer: &mut Writer<'_>,
    args: Args<'_>,
    reply: &mut ReplyWriter<'_>,
) -> Outcome {
    write(writer, args, None, reply, EngineCommand::Georadiusbymember)
}
