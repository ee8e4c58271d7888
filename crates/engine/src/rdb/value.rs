//! From values to plain ones and back.

use std::collections::BTreeMap;

use super::{Plain, PlainConsumer, PlainGroup, PlainPending, PlainStream};
use crate::{
    settings::Settings,
    value::{
        End, FieldExpiry, Hash, List, Set, SortedSet, StringForm, StringValue, Value, ValueRef, Variant,
        json::{DEPTH_MAX, Document},
        stream::{Group, NewId, NodeLimits, Pending, Stream, StreamId},
    },
};

/// Why a plain value becomes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRestored {
    /// All its fields have expired.
    Gone,
    /// It is nothing that could be a value.
    Corrupt,
}

/// The plain form of a value, without what has expired.
pub(crate) fn plain(value: ValueRef<'_>, now_ms: u64) -> Plain {
    match value {
        ValueRef::Str { bytes, .. } => Plain::Text(bytes.to_vec()),
        ValueRef::List(list) => {
            let mut elements = Vec::new();
            list.walk(0..list.len(), |_, item| elements.push(item.text().to_vec()));
            Plain::List(elements)
        }
        ValueRef::Set(set) => Plain::Set(set.members().map(|member| member.to_vec()).collect()),
        ValueRef::Hash(hash) => Plain::Hash(
            hash.fields(now_ms)
                .map(|field| (field.name.to_vec(), field.value.to_vec(), field.expiry))
                .collect(),
        ),
        ValueRef::SortedSet(set) => {
            let mut members = Vec::new();
            set.visit(0..set.len(), false, |member, score| {
                members.push((member.to_vec(), score));
                true
            });
            Plain::SortedSet(members)
        }
        ValueRef::Stream(stream) => Plain::Stream(plain_stream(stream)),
        ValueRef::Json(document) => Plain::Json(document.root().clone()),
    }
}

/// The value of a plain form.
pub(crate) fn restored(plain: Plain, now_ms: u64, settings: &Settings) -> Result<Value, NotRestored> {
    Ok(match plain {
        Plain::Text(text) => Value::Str(StringValue::new(text, StringForm::Auto)),
        Plain::List(elements) => {
            let mut list = List::default();
            list.prepare(&elements.iter().map(Vec::as_slice).collect::<Vec<_>>(), settings);
            for element in &elements {
                list.push(End::Back, element);
            }
            list.into_value()
        }
        Plain::Set(members) => {
            let mut set = Set::default();
            set.expect(members.len(), settings);
            for member in &members {
                set.add(member, settings);
            }
            set.into_value()
        }
        Plain::Hash(mut fields) => {
            fields.retain(|(.., expiry)| expiry.is_none_or(|at_ms| at_ms > now_ms));
            if fields.is_empty() {
                return Err(NotRestored::Gone);
            }
            let mut hash = Hash::default();
            for (name, value, expiry) in &fields {
                let expiry = expiry.map_or(FieldExpiry::Clear, FieldExpiry::At);
                hash.set(name, value, expiry, settings);
            }
            hash.into_value()
        }
        Plain::SortedSet(members) => {
            let mut set = SortedSet::default();
            for (member, score) in &members {
                set.set(member, *score, settings);
            }
            set.into_value()
        }
        Plain::Stream(stream) => Box::new(restored_stream(&stream, settings)?).into_value(),
        Plain::Json(json) if json.depth() > DEPTH_MAX => return Err(NotRestored::Corrupt),
        Plain::Json(json) => Document::new(json).into_value(),
    })
}

fn pair(id: StreamId) -> (u64, u64) {
    (id.ms, id.seq)
}

fn id((ms, seq): (u64, u64)) -> StreamId {
    StreamId::new(ms, seq)
}

fn plain_stream(stream: &Stream) -> PlainStream {
    let entries = stream.range(StreamId::MIN, StreamId::MAX).map(|entry| {
        let parts = entry.fields.flat_map(|(name, value)| [name.to_vec(), value.to_vec()]);
        (pair(entry.id), parts.collect())
    });
    PlainStream {
        entries: entries.collect(),
        last_id: pair(stream.last_id()),
        max_deleted_id: pair(stream.max_deleted_id()),
        entries_added: stream.entries_added(),
        groups: stream.groups().map(|(name, group)| plain_group(name, group)).collect(),
    }
}

fn plain_group(name: &[u8], group: &Group) -> PlainGroup {
    let consumers: Vec<PlainConsumer> = group
        .consumers()
        .map(|consumer| PlainConsumer {
            name: consumer.name.to_vec(),
            seen_ms: consumer.seen_ms,
            active_ms: consumer.active_ms,
        })
        .collect();
    let places: BTreeMap<&[u8], usize> =
        consumers.iter().enumerate().map(|(place, consumer)| (&consumer.name[..], place)).collect();
    let pending: Vec<PlainPending> = group
        .pending_from(StreamId::MIN)
        .filter_map(|(id, pending)| {
            // The owner of what is pending is always there.
            let consumer = *places.get(&group.consumer(pending.owner).name[..])?;
            let (delivered_ms, deliveries) = (pending.delivered_ms, pending.deliveries);
            Some(PlainPending { id: pair(id), delivered_ms, deliveries, consumer })
        })
        .collect();
    PlainGroup {
        name: name.to_vec(),
        last_id: pair(group.last_id),
        entries_read: group.entries_read,
        pending,
        consumers,
    }
}

fn restored_stream(plain: &PlainStream, settings: &Settings) -> Result<Stream, NotRestored> {
    let limits = NodeLimits::of(settings);
    let mut stream = Stream::default();
    for (entry, parts) in &plain.entries {
        let (pairs, _) = parts.as_chunks::<2>();
        let pairs: Vec<[&[u8]; 2]> = pairs.iter().map(|[name, value]| [&name[..], &value[..]]).collect();
        stream.add(NewId::Exactly(id(*entry)), &pairs, 0, limits).map_err(|_| NotRestored::Corrupt)?;
    }
    stream.set_past(id(plain.last_id), Some(plain.entries_added), Some(id(plain.max_deleted_id)));
    for plain in &plain.groups {
        let mut group = Group::new(id(plain.last_id), plain.entries_read);
        let mut ids = Vec::with_capacity(plain.consumers.len());
        for consumer in &plain.consumers {
            let (id, _) = group.find_or_make(&consumer.name, consumer.seen_ms);
            group.consumer_mut(id).active_ms = consumer.active_ms;
            ids.push(id);
        }
        for pending in &plain.pending {
            let owner = *ids.get(pending.consumer).ok_or(NotRestored::Corrupt)?;
            let (delivered_ms, deliveries) = (pending.delivered_ms, pending.deliveries);
            group.deliver(id(pending.id), Pending { delivered_ms, deliveries, owner });
        }
        stream.make_group(&plain.name, group);
    }
    Ok(stream)
}
