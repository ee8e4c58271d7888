//! Commands that change values in place: JSON.DEL, JSON.FORGET, JSON.CLEAR, JSON.TOGGLE, JSON.STRAPPEND.

use std::{cmp::Reverse, collections::BTreeMap};

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{change_each, operand, path, path_or_root, reply_with_changes, selects};
use crate::{
    effect::EventClass,
    family::Outcome,
    keyspace::Writer,
    value::json::{Document, Json, Location},
};

pub(crate) fn del(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let path = path_or_root(args.get(1))?;
    let Some(document) = super::document(writer, key)? else {
        reply.integer(0);
        return Ok(());
    };
    let locations = path.locations(document.root()).map_err(|_| ReplyError::JSON_TOO_MUCH)?;
    let removed = if locations.iter().any(|location| location.is_empty()) {
        writer.delete(key);
        1
    } else if locations.is_empty() {
        0
    } else {
        let removed = writer.change::<Document, _>(key, |document, _| remove_all(document, &locations))?;
        removed.unwrap_or(0)
    };
    if removed > 0 {
        writer.event(EventClass::Module, "json.del", key);
    }
    reply.integer(removed as i64);
    Ok(())
}

/// Takes out the values at locations; how many. What stands inside another one goes with it.
fn remove_all(document: &mut Document, locations: &[Location]) -> usize {
    let mut sorted: Vec<&Location> = locations.iter().collect();
    sorted.sort_unstable();
    let mut outermost: Vec<&Location> = Vec::new();
    for location in sorted {
        if !outermost.last().is_some_and(|last| location.starts_with(last)) {
            outermost.push(location);
        }
    }
    let mut containers: BTreeMap<(Reverse<usize>, &[u32]), Vec<u32>> = BTreeMap::new();
    for location in outermost {
        if let Some((last, parent)) = location.split_last() {
            containers.entry((Reverse(parent.len()), parent)).or_default().push(*last);
        }
    }
    // The deepest first, so that no location is moved by a removal before it.
    containers.into_iter().map(|((_, parent), positions)| document.remove_each(parent, &positions)).sum()
}

pub(crate) fn clear(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let path = path_or_root(args.get(1))?;
    let cleared = change_each(
        writer,
        key,
        &path,
        |_, _| Ok(()),
        |document, location| document.clear(location).then_some(()),
    )?;
    let cleared = cleared.into_iter().flatten().count();
    if cleared > 0 {
        writer.event(EventClass::Module, "json.clear", key);
    }
    reply.integer(cleared as i64);
    Ok(())
}

pub(crate) fn toggle(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let path = path(&args[1])?;
    let toggled = change_each(writer, key, &path, |_, _| Ok(()), |document, at| document.toggle(at))?;
    if toggled.iter().any(Option::is_some) {
        writer.event(EventClass::Module, "json.toggle", key);
    }
    let legacy = path.is_legacy();
    reply_with_changes(toggled, &path, path.text(), "not a bool", reply, |reply, value| {
        if legacy {
            reply.bulk(if value { b"true" } else { b"false" });
        } else {
            reply.integer(i64::from(value));
        }
    })
}

pub(crate) fn strappend(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (path, text) = if args.len() == 2 { (None, &args[1]) } else { (args.get(1), &args[2]) };
    let key = writer.key(&args[0]);
    let path = path_or_root(path)?;
    // Looked at only where there is a text to append to.
    let tail = if selects(writer, key, &path, |value| matches!(value, Json::Text(_)))? {
        match operand(text)? {
            Json::Text(tail) => tail,
            other => {
                let found = String::from_utf8_lossy(&other.text()).into_owned();
                return Err(ReplyError::json_wrong_kind("string", &found));
            }
        }
    } else {
        Box::default()
    };
    let lengths = change_each(
        writer,
        key,
        &path,
        |_, _| Ok(()),
        |document, location| document.append_text(location, &tail),
    )?;
    if lengths.iter().any(Option::is_some) {
        writer.event(EventClass::Module, "json.strappend", key);
    }
    reply_with_changes(lengths, &path, path.text(), "not a string", reply, |reply, length| {
        reply.integer(length as i64);
    })
}
