//! Commands that add to sets and take from them: SADD, SREM, SMOVE.

use meridian_command::{Args, ReplyWriter};

use crate::{effect::EventClass, family::Outcome, keyspace::Writer, value::Set};

pub(crate) fn sadd(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (key, members) = (writer.key(&args[0]), args.from(1));
    let added = writer.change_or_make_if(key, |set: &mut Set, settings| {
        set.expect(members.len(), settings);
        let added = members.iter().filter(|member| set.add(member, settings)).count();
        (added, added > 0)
    })?;
    if added > 0 {
        writer.event(EventClass::Set, "sadd", key);
    }
    reply.integer(added as i64);
    Ok(())
}

pub(crate) fn srem(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let key = writer.key(&args[0]);
    let removed = writer.change_if(key, |set: &mut Set, _| {
        let removed = args.from(1).iter().filter(|member| set.remove(member)).count();
        (removed, removed > 0)
    })?;
    let removed = removed.unwrap_or(0);
    if removed > 0 {
        writer.event(EventClass::Set, "srem", key);
        if !writer.exists(key) {
            writer.event(EventClass::Generic, "del", key);
        }
    }
    reply.integer(removed as i64);
    Ok(())
}

pub(crate) fn smove(writer: &mut Writer<'_>, args: Args<'_>, reply: &mut ReplyWriter<'_>) -> Outcome {
    let (from, to, member) = (writer.key(&args[0]), writer.key(&args[1]), &args[2]);
    let Some(source) = writer.collection::<Set>(from)? else {
        reply.integer(0);
        return Ok(());
    };
    let found = source.contains(member);
    writer.collection::<Set>(to)?;
    if !found || from.bytes == to.bytes {
        reply.integer(i64::from(found));
        return Ok(());
    }
    writer.change(from, |set: &mut Set, _| set.remove(member))?;
    writer.event(EventClass::Set, "srem", from);
    if !writer.exists(from) {
        writer.event(EventClass::Generic, "del", from);
    }
    let added = writer.change_or_make_if(to, |set: &mut Set, settings| {
        let added = set.add(member, settings);
        (added, added)
    })?;
    if added {
        writer.event(EventClass::Set, "sadd", to);
    }
    reply.integer(1);
    Ok(())
}
