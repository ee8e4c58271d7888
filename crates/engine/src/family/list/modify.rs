//! LSET, LINSERT, LREM, LTRIM.

use meridian_command::{Args, ReplyError, ReplyWriter};

use super::{read::index, tell_removed};
use crate::{
    effect::EventClass,
    family::{Outcome, index_range, integer},
    keyspace::Writer,
    value::{End, Item, List},
};

pub(crate) fn lset(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let len = writer.collection::<List>(key)?.ok_or(ReplyError::NO_SUCH_KEY)?.len();
    let index = index(integer(&args[1])?, len).ok_or(ReplyError::INDEX_OUT_OF_RANGE)?;
    writer.change(key, |list: &mut List, settings| {
        list.prepare(&[&args[2]], settings);
        list.set(index, &args[2]);
        list.settle(settings);
    })?;
    writer.event(EventClass::List, "lset", key);
    reply.ok();
    Ok(())
}

pub(crate) fn linsert(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let behind = if args[1].eq_ignore_ascii_case(b"AFTER") {
        1
    } else if args[1].eq_ignore_ascii_case(b"BEFORE") {
        0
    } else {
        return Err(ReplyError::SYNTAX);
    };
    let key = writer.key(&args[0]);
    let pivot = Item::of(&args[2]);
    let Some(list) = writer.collection::<List>(key)? else {
        reply.integer(0);
        return Ok(());
    };
    let found = list.find_map(0..usize::MAX, |index, item| (item == pivot).then_some(index));
    let Some(found) = found else {
        reply.integer(-1);
        return Ok(());
    };
    let len = writer.change(key, |list: &mut List, settings| {
        list.prepare(&[&args[3]], settings);
        list.insert(found + behind, &args[3]);
        list.len()
    })?;
    writer.event(EventClass::List, "linsert", key);
    reply.integer(len.unwrap_or(0) as i64);
    Ok(())
}

pub(crate) fn lrem(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let count = integer(&args[1])?;
    let end = if count < 0 { End::Back } else { End::Front };
    let most =
        if count == 0 { usize::MAX } else { usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX) };
    let removed = writer.change_if(key, |list: &mut List, settings| {
        let removed = list.remove_equal(&args[2], most, end);
        if removed > 0 {
            list.settle(settings);
        }
        (removed, removed > 0)
    })?;
    let removed = removed.unwrap_or(0);
    if removed > 0 {
        tell_removed(writer, key, "lrem");
    }
    reply.integer(removed as i64);
    Ok(())
}

pub(crate) fn ltrim(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (start, end) = (integer(&args[1])?, integer(&args[2])?);
    let key = writer.key(&args[0]);
    let trimmed = writer.change(key, |list: &mut List, settings| {
        let len = list.len();
        let kept = index_range(start, end, len);
        list.remove(kept.end..len);
        list.remove(0..kept.start);
        list.settle(settings);
    })?;
    if trimmed.is_some() {
        tell_removed(writer, key, "ltrim");
    }
    reply.ok();
    Ok(())
}
