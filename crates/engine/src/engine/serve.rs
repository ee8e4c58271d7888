//! Parks blocking commands, and serves those who wait once keys are ready.
//!
//! As in Redis: after the command (EXEC, script) that made keys ready, key by key in the order in which that happened,
//! and for each key those who wait for it in the order in which they came. Serving one may make further keys ready
//! (BLMOVE), which are seen to in the next round.

use bytes::Bytes;
use meridian_command::{
    ReplyWriter,
    wire::{self, Record as Call, Records},
};

use super::{LateReply, execute};
use crate::{
    attention::{Waiter, parked_reply},
    keyspace::{Database, Store, Writer},
    random::Random,
};

/// If the command under way would block, enters its client among those who wait and says so instead of a reply.
pub(super) fn park(writer: &mut Writer<'_>, call: &Call<'_>, reply: &mut ReplyWriter<'_>) {
    let (database, now_ms) = (writer.database(), writer.time_ms());
    let waiters = &mut writer.attention().waiters;
    let (Some(parking), Some(origin)) = (waiters.parking.take(), waiters.may_park) else { return };
    if waiters.waits(origin) {
        // It was tried again in vain, and keeps its place.
        return;
    }
    let record = match parking.retry {
        Some(args) => {
            let mut record = Vec::new();
            wire::encode(&mut record, call.head, args.iter().map(Vec::as_slice));
            Bytes::from(record)
        }
        None => Bytes::copy_from_slice(call.bytes),
    };
    let waiter = Waiter {
        database,
        numbered: call.head.numbered,
        origin,
        keys: parking.keys,
        awaits: parking.awaits,
        empty: parking.empty,
        protocol: call.head.protocol,
        record,
        renewed_ms: now_ms,
    };
    let mut bytes = Vec::new();
    parked_reply(&waiter, parking.timeout_ms, &mut bytes);
    reply.raw(&bytes);
    waiters.park(waiter);
}

/// Serves whoever waits for keys that the last command made ready.
pub(super) fn ready(writer: &mut Writer<'_>, late: &mut Vec<LateReply>) {
    while writer.attention().waiters.has_ready() {
        for (database, numbered, key) in writer.attention().waiters.take_ready() {
            for number in writer.attention().waiters.of_key(database, numbered, &key) {
                writer.select(numbered);
                let type_name = writer.type_of(writer.key(&key));
                let now_ms = writer.time_ms();
                let waiter = writer.attention().waiters.get(number, now_ms);
                if let Some(waiter) = waiter.filter(|waiter| waiter.awaits.wakes(type_name)) {
                    late.extend(serve(writer, number, &waiter));
                }
            }
        }
    }
}

/// Serves those who wait for keys whose time has come, in whichever database.
pub(super) fn all(store: &mut Store, random: &Random, time_ms: u64, late: &mut Vec<LateReply>) {
    if !store.shared.attention.waiters.has_ready() {
        return;
    }
    let mut keys = store.shared.attention.waiters.take_ready();
    while let Some((id, ..)) = keys.first() {
        let id = *id;
        let (of_this, others) = keys.into_iter().partition(|(database, ..)| *database == id);
        keys = others;
        store.shared.attention.waiters.put_ready(of_this);
        let database = store.databases.entry(id).or_insert_with(|| Database::new(id));
        ready(&mut Writer::new(database, &mut store.shared, random, time_ms), late);
    }
}

/// Tries a waiter's command again. It stays where it is if that would block once more.
fn serve(writer: &mut Writer<'_>, number: u64, waiter: &Waiter) -> Option<LateReply> {
    let call = Records::new(&waiter.record).next()?.ok()?;
    let mut reply = Vec::new();
    let ready = writer.attention().waiters.ready_count();
    writer.done_by(waiter.origin);
    execute(writer, &call, Some(waiter.origin), &mut reply);
    if reply.len() <= 4 {
        // In vain: it wakes nobody, or two of them could wake each other for ever.
        writer.attention().waiters.forget_ready(ready);
        return None;
    }
    let now_ms = writer.time_ms();
    let reply = Bytes::from(reply);
    let waiters = &mut writer.attention().waiters;
    waiters.remove(number);
    waiters.answered(waiter.origin, reply.clone(), now_ms);
    Some(LateReply { session: waiter.origin.session, sequence: waiter.origin.sequence, reply })
}
