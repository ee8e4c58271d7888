//! Commands that set values as a whole: JSON.SET, JSON.MSET, JSON.MERGE.

use meridian_command::{Args, EngineCommand, ReplyError, ReplyWriter};

use super::{path, text, value};
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::{Key, Writer},
    value::json::{Document, Json, Location, path::Last},
};

/// Whether what is there, or is not, may be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Always,
    /// NX
    Absent,
    /// XX
    Present,
}

/// Where a value goes.
#[derive(Debug)]
enum Target {
    /// It becomes the document.
    Root,
    /// In the place of these values.
    Values(Vec<Location>),
    /// As a member of that name in these objects.
    Members(Vec<Location>, Box<str>),
    /// Nowhere: the condition does not hold, or nothing is there that could hold it.
    Nowhere,
}

/// Finds where a value goes. A path is not looked at closer where there is no document for it.
fn target(
    document: Option<&Document>,
    path: &[u8],
    value: &Json,
    condition: Condition,
) -> Result<Target, ReplyError> {
    let Some(document) = document else {
        return match condition {
            Condition::Present => Ok(Target::Nowhere),
            _ if matches!(path, b"$" | b".") => Ok(Target::Root),
            _ => Err(ReplyError::JSON_NOT_AT_ROOT),
        };
    };
    let path = &self::path(path)?;
    if path.is_root() {
        return Ok(if condition == Condition::Absent { Target::Nowhere } else { Target::Root });
    }
    let locations = path.locations(document.root()).map_err(|_| ReplyError::JSON_TOO_MUCH)?;
    if condition != Condition::Absent && !locations.is_empty() {
        return fitting(value, locations.iter().map(Location::len)).map(|()| Target::Values(locations));
    }
    if condition == Condition::Present {
        return Ok(Target::Nowhere);
    }
    let name = match path.last().ok_or(ReplyError::JSON_DYNAMIC_PATH)? {
        Last::Root => return Ok(Target::Nowhere),
        Last::Index if locations.is_empty() => return Err(ReplyError::JSON_ARRAY_INDEX),
        Last::Index => return Ok(Target::Nowhere),
        Last::Name(name) => name,
    };
    let mut parents = path.parents(document.root()).map_err(|_| ReplyError::JSON_TOO_MUCH)?;
    parents.retain(|parent| match document.root().at(parent) {
        Some(Json::Object(object)) => object.get(name).is_none(),
        _ => false,
    });
    if parents.is_empty() {
        return Ok(Target::Nowhere);
    }
    fitting(value, parents.iter().map(|parent| parent.len() + 1))
        .map(|()| Target::Members(parents, name.into()))
}

/// Refuses a value that would make the document too deep.
fn fitting(value: &Json, mut steps: impl Iterator<Item = usize>) -> Outcome {
    let depth = value.depth();
    let fits = steps.all(|steps| steps + depth <= crate::value::json::DEPTH_MAX);
    if fits { Ok(()) } else { Err(ReplyError::JSON_TOO_DEEP) }
}

/// Puts a value where it goes; false if it goes nowhere.
fn put(writer: &mut Writer<'_>, key: Key<'_>, target: Target, value: Json) -> Result<bool, ReplyError> {
    let set = match target {
        Target::Nowhere => return Ok(false),
        Target::Root => {
            let expiry = writer.find(key).and_then(crate::keyspace::Record::expiry);
            writer.put_collection(key, Document::new(value), expiry);
            return Ok(true);
        }
        Target::Values(locations) => writer.change_if::<Document, _>(key, |document, _| {
            let done = document.each(&locations, |document, at| document.replace(at, value.clone()));
            ((), done > 0)
        })?,
        Target::Members(parents, name) => writer.change_if::<Document, _>(key, |document, _| {
            let done = parents.iter().filter(|at| document.set_member(at, &name, value.clone())).count();
            ((), done > 0)
        })?,
    };
    Ok(set.is_some())
}

pub(crate) fn set(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let mut condition = Condition::Always;
    for option in args.from(3).iter() {
        condition = match text(option)? {
            nx if nx.eq_ignore_ascii_case("NX") && condition == Condition::Always => Condition::Absent,
            xx if xx.eq_ignore_ascii_case("XX") && condition == Condition::Always => Condition::Present,
            _ => return Err(ReplyError::SYNTAX),
        };
    }
    text(&args[1])?;
    let key = writer.key(&args[0]);
    let document = super::document(writer, key)?;
    let value = value(&args[2])?;
    let target = target(document, &args[1], &value, condition)?;
    if put(writer, key, target, value)? {
        writer.event(EventClass::Module, "json.set", key);
        reply.ok();
    } else {
        reply.null();
    }
    Ok(())
}

pub(crate) fn mset(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (triplets, rest) = args.as_slice().as_chunks::<3>();
    if !rest.is_empty() {
        return Err(ReplyError::wrong_arity(EngineCommand::JsonMset.spec()));
    }
    let mut read = Vec::with_capacity(triplets.len());
    for [key, path, text] in triplets {
        let (key, value) = (writer.key(key), value(text)?);
        // Whatever would refuse one of them refuses all of them.
        target(super::document(writer, key)?, path, &value, Condition::Always)?;
        read.push((key, *path, value));
    }
    for (key, path, value) in read {
        // An earlier triplet may have changed the same key.
        let target =
            target(super::document(writer, key)?, path, &value, Condition::Always).unwrap_or(Target::Nowhere);
        if put(writer, key, target, value)? {
            writer.event(EventClass::Module, "json.mset", key);
        }
    }
    reply.ok();
    Ok(())
}

pub(crate) fn merge(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    if args.len() > 3 {
        return Err(ReplyError::SYNTAX);
    }
    let key = writer.key(&args[0]);
    let document = super::document(writer, key)?;
    let exists = document.is_some();
    let patch = value(&args[2])?;
    let target = target(document, &args[1], &patch, Condition::Always)?;
    let root = || vec![Location::new()];
    let merged = match target {
        Target::Root if exists => merge_into(writer, key, &root(), &patch)?,
        Target::Values(locations) => merge_into(writer, key, &locations, &patch)?,
        target => put(writer, key, target, patch)?,
    };
    if merged {
        writer.event(EventClass::Module, "json.merge", key);
        reply.ok();
    } else {
        reply.null();
    }
    Ok(())
}

fn merge_into(
    writer: &mut Writer<'_>,
    key: Key<'_>,
    locations: &[Location],
    patch: &Json,
) -> Result<bool, ReplyError> {
    let merged = writer.change_if::<Document, _>(key, |document, _| {
        let done = document.each(locations, |document, at| document.merge(at, patch)) > 0;
        (done, done)
    })?;
    Ok(merged == Some(true))
}
