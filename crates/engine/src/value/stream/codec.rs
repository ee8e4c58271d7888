//! A stream in a snapshot: what cannot be told from its nodes, the nodes as they are, the groups.

use super::{Group, Pending, Stream, StreamId, node::Node};
use crate::snapshot::{CorruptSnapshot, Input, put_bytes, put_varint};

impl Stream {
    /// Appends everything that a snapshot keeps of the stream.
    pub(super) fn encode_all(&self, out: &mut Vec<u8>) {
        put_id(out, self.last_id);
        put_id(out, self.max_deleted_id);
        put_varint(out, self.entries_added);
        put_varint(out, self.nodes.len() as u64);
        for node in &self.nodes {
            put_id(out, node.first);
            put_bytes(out, node.bytes());
        }
        put_varint(out, self.groups.len() as u64);
        for (name, group) in &self.groups {
            put_bytes(out, name);
            encode_group(out, group);
        }
    }

    /// Reads a stream back.
    pub(super) fn decode_all(input: &mut Input<'_>) -> Result<Stream, CorruptSnapshot> {
        let mut stream = Stream {
            last_id: id(input)?,
            max_deleted_id: id(input)?,
            entries_added: input.varint()?,
            ..Stream::default()
        };
        for _ in 0..input.varint()? {
            let first = id(input)?;
            let node = Node::restore(first, input.bytes()?).ok_or(CorruptSnapshot::Malformed)?;
            if stream.nodes.back().is_some_and(|before| before.last >= first) || node.last > stream.last_id {
                return Err(CorruptSnapshot::Malformed);
            }
            stream.length += node.live;
            stream.node_bytes += node.heap_size();
            stream.nodes.push_back(node);
        }
        stream.find_first();
        for _ in 0..input.varint()? {
            let name = input.bytes()?;
            if !stream.make_group(name, decode_group(input)?) {
                return Err(CorruptSnapshot::Malformed);
            }
        }
        Ok(stream)
    }
}

fn encode_group(out: &mut Vec<u8>, group: &Group) {
    put_id(out, group.last_id);
    put_option(out, group.entries_read);
    put_varint(out, group.consumers().len() as u64);
    for consumer in group.consumers() {
        put_bytes(out, &consumer.name);
        put_varint(out, consumer.seen_ms);
        put_option(out, consumer.active_ms);
        put_varint(out, consumer.pending_count() as u64);
        for entry in consumer.pending_from(StreamId::MIN) {
            let (delivered_ms, deliveries) =
                group.pending(entry).map_or((0, 0), |pending| (pending.delivered_ms, pending.deliveries));
            put_id(out, entry);
            put_varint(out, delivered_ms);
            put_varint(out, deliveries);
        }
    }
}

fn decode_group(input: &mut Input<'_>) -> Result<Group, CorruptSnapshot> {
    let mut group = Group::new(id(input)?, option(input)?);
    for _ in 0..input.varint()? {
        let name = input.bytes()?;
        let (owner, is_new) = group.find_or_make(name, input.varint()?);
        if !is_new {
            return Err(CorruptSnapshot::Malformed);
        }
        group.consumer_mut(owner).active_ms = option(input)?;
        for _ in 0..input.varint()? {
            let entry = id(input)?;
            let pending = Pending { delivered_ms: input.varint()?, deliveries: input.varint()?, owner };
            if group.pending(entry).is_some() {
                return Err(CorruptSnapshot::Malformed);
            }
            group.deliver(entry, pending);
        }
    }
    Ok(group)
}

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    put_varint(out, id.ms);
    put_varint(out, id.seq);
}

fn id(input: &mut Input<'_>) -> Result<StreamId, CorruptSnapshot> {
    Ok(StreamId::new(input.varint()?, input.varint()?))
}

fn put_option(out: &mut Vec<u8>, number: Option<u64>) {
    out.push(u8::from(number.is_some()));
    put_varint(out, number.unwrap_or(0));
}

fn option(input: &mut Input<'_>) -> Result<Option<u64>, CorruptSnapshot> {
    let is_some = input.byte()? != 0;
    let number = input.varint()?;
    Ok(is_some.then_some(number))
}
