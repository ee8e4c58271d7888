//! Streams in payloads: nodes as listpacks, then the past, then the groups.
//!
//! A node begins with a master entry, whose fields the entries of the node need not repeat: `count | deleted | fields |
//! field… | 0`, then for each entry `flags | id relative to the node's, in two numbers | (fields | field and value…, or
//! values only) | how many elements the entry has`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Corrupt,
    input::Input,
    kind, listpack,
    write::{put_length, put_text},
};

/// An entry was deleted, but its bytes are still there.
const DELETED: i64 = 1;
/// An entry has the fields of the master entry.
const SAME_FIELDS: i64 = 2;
/// How many entries share a node that is written.
const NODE_ENTRIES: usize = 100;
/// Bytes of fields and values after which a node that is written is full.
const NODE_BYTES: usize = 4096;
/// How many bytes of fields that entries need not repeat may come of a payload, beside so many times its own: a small
/// one with long fields could otherwise fill the memory.
const SHARED_BYTES: usize = 64 << 20;
const SHARED_TIMES: usize = 16;
/// A group does not know how many entries it has read.
const UNKNOWN: u64 = u64::MAX;

/// Milliseconds and number within them.
type Id = (u64, u64);

/// An entry: its id, its fields and values in turn.
pub(crate) type PlainEntry = (Id, Vec<Vec<u8>>);

/// A stream without any encoding. Entries stand in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PlainStream {
    pub(crate) entries: Vec<PlainEntry>,
    pub(crate) last_id: Id,
    pub(crate) max_deleted_id: Id,
    pub(crate) entries_added: u64,
    pub(crate) groups: Vec<PlainGroup>,
}

/// A group of consumers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PlainGroup {
    pub(crate) name: Vec<u8>,
    pub(crate) last_id: Id,
    pub(crate) entries_read: Option<u64>,
    pub(crate) pending: Vec<PlainPending>,
    pub(crate) consumers: Vec<PlainConsumer>,
}

/// An entry that was delivered, not yet acknowledged; its consumer by its place among the group's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlainPending {
    pub(crate) id: Id,
    pub(crate) delivered_ms: u64,
    pub(crate) deliveries: u64,
    pub(crate) consumer: usize,
}

/// A consumer of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PlainConsumer {
    pub(crate) name: Vec<u8>,
    pub(crate) seen_ms: u64,
    pub(crate) active_ms: Option<u64>,
}

pub(super) fn read(kind: u8, input: &mut Input<'_>) -> Result<PlainStream, Corrupt> {
    let mut stream = PlainStream::default();
    let mut shared_left = input.left().saturating_mul(SHARED_TIMES).saturating_add(SHARED_BYTES);
    for _ in 0..input.length()? {
        let key = input.text()?;
        let master = key.as_slice().try_into().map(id_of).map_err(|_| Corrupt::Value)?;
        read_node(&listpack::entries(&input.text()?)?, master, &mut stream.entries, &mut shared_left)?;
    }
    let length = input.length()?;
    stream.last_id = (input.length()?, input.length()?);
    let in_order = stream.entries.windows(2).all(|pair| pair[0].0 < pair[1].0);
    let last = stream.entries.last().map_or((0, 0), |(id, _)| *id);
    if !in_order || length != stream.entries.len() as u64 || last > stream.last_id {
        return Err(Corrupt::Value);
    }
    if kind == kind::STREAM_LISTPACKS {
        stream.entries_added = length;
    } else {
        let _first = (input.length()?, input.length()?);
        stream.max_deleted_id = (input.length()?, input.length()?);
        stream.entries_added = input.length()?;
        if stream.max_deleted_id > stream.last_id || stream.entries_added < length {
            return Err(Corrupt::Value);
        }
    }
    let mut names = BTreeSet::new();
    for _ in 0..input.length()? {
        let group = read_group(kind, input)?;
        if !names.insert(group.name.clone()) {
            return Err(Corrupt::Value);
        }
        stream.groups.push(group);
    }
    if kind == kind::STREAM_LISTPACKS {
        let entries: Vec<Id> = stream.entries.iter().map(|(id, _)| *id).collect();
        for group in &mut stream.groups {
            group.entries_read = read_up_to(&entries, group.last_id);
        }
    }
    Ok(stream)
}

/// How many entries a group of an old payload has read, as far as its last one tells.
fn read_up_to(entries: &[Id], last_id: Id) -> Option<u64> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Some(0) };
    match last_id {
        id if id < *first => Some(0),
        id if id == *last => Some(entries.len() as u64),
        id if id == *first => Some(1),
        _ => None,
    }
}

fn id_of(bytes: [u8; 16]) -> Id {
    let value = u128::from_be_bytes(bytes);
    ((value >> 64) as u64, value as u64)
}

fn id_bytes((ms, seq): Id) -> [u8; 16] {
    (u128::from(ms) << 64 | u128::from(seq)).to_be_bytes()
}

/// Walks over the elements of a node.
struct Elements<'e> {
    rest: std::slice::Iter<'e, Vec<u8>>,
}

impl Elements<'_> {
    fn text(&mut self) -> Result<&[u8], Corrupt> {
        self.rest.next().map(Vec::as_slice).ok_or(Corrupt::Value)
    }

    fn integer(&mut self) -> Result<i64, Corrupt> {
        meridian_command::number::parse_i64(self.text()?).ok_or(Corrupt::Value)
    }

    fn count(&mut self) -> Result<usize, Corrupt> {
        usize::try_from(self.integer()?).map_err(|_| Corrupt::Value)
    }
}

/// Appends the entries of a node. `shared_left` is how many bytes of shared fields may still be written out.
fn read_node(
    elements: &[Vec<u8>],
    master: Id,
    entries: &mut Vec<PlainEntry>,
    shared_left: &mut usize,
) -> Result<(), Corrupt> {
    let mut elements = Elements { rest: elements.iter() };
    let (count, deleted) = (elements.count()?, elements.count()?);
    let mut master_fields = Vec::new();
    for _ in 0..elements.count()? {
        master_fields.push(elements.text()?.to_vec());
    }
    if elements.integer()? != 0 || count == 0 {
        return Err(Corrupt::Value);
    }
    let shared_bytes: usize = master_fields.iter().map(Vec::len).sum();
    let before = entries.len();
    let mut seen_deleted = 0;
    while elements.rest.len() > 0 {
        let flags = elements.integer()?;
        // Ids count from that of the node, and may wrap around.
        let ms = master.0.wrapping_add(elements.integer()? as u64);
        let seq = master.1.wrapping_add(elements.integer()? as u64);
        let mut pairs = Vec::new();
        let mut parts = 3;
        if flags & SAME_FIELDS != 0 {
            *shared_left = shared_left.checked_sub(shared_bytes).ok_or(Corrupt::Value)?;
            for field in &master_fields {
                pairs.push(field.clone());
                pairs.push(elements.text()?.to_vec());
            }
            parts += master_fields.len();
        } else {
            let fields = elements.count()?;
            for _ in 0..fields {
                pairs.push(elements.text()?.to_vec());
                pairs.push(elements.text()?.to_vec());
            }
            parts += fields * 2 + 1;
        }
        if elements.count()? != parts || pairs.is_empty() || (ms, seq) == (0, 0) {
            return Err(Corrupt::Value);
        }
        if flags & DELETED == 0 {
            entries.push(((ms, seq), pairs));
        } else {
            seen_deleted += 1;
        }
    }
    if entries.len() - before == count && seen_deleted == deleted { Ok(()) } else { Err(Corrupt::Value) }
}

fn read_group(kind: u8, input: &mut Input<'_>) -> Result<PlainGroup, Corrupt> {
    let mut group = PlainGroup {
        name: input.text()?,
        last_id: (input.length()?, input.length()?),
        ..PlainGroup::default()
    };
    if kind != kind::STREAM_LISTPACKS {
        let read = input.length()?;
        group.entries_read = (read != UNKNOWN).then_some(read);
    }
    let mut delivered: BTreeMap<Id, (u64, u64, Option<usize>)> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for _ in 0..input.length()? {
        let id = id_of(input.array()?);
        if delivered.insert(id, (input.time_ms()?, input.length()?, None)).is_some() {
            return Err(Corrupt::Value);
        }
    }
    for place in 0..input.length()? as usize {
        let name = input.text()?;
        let seen_ms = input.time_ms()?;
        let active_ms = match kind {
            // -1 before the first time.
            kind::STREAM_LISTPACKS_3 => Some(input.time_ms()?).filter(|time| *time != u64::MAX),
            _ => Some(seen_ms),
        };
        if !names.insert(name.clone()) {
            return Err(Corrupt::Value);
        }
        group.consumers.push(PlainConsumer { name, seen_ms, active_ms });
        for _ in 0..input.length()? {
            let pending = delivered.get_mut(&id_of(input.array()?)).ok_or(Corrupt::Value)?;
            if pending.2.replace(place).is_some() {
                return Err(Corrupt::Value);
            }
        }
    }
    for (id, (delivered_ms, deliveries, consumer)) in delivered {
        // An entry that waits for nobody.
        let consumer = consumer.ok_or(Corrupt::Value)?;
        group.pending.push(PlainPending { id, delivered_ms, deliveries, consumer });
    }
    Ok(group)
}

/// Appends a stream in the form of Redis 7.0.
pub(super) fn write(out: &mut Vec<u8>, stream: &PlainStream) {
    let nodes = nodes(&stream.entries);
    put_length(out, nodes.len() as u64);
    for node in nodes {
        put_text(out, &id_bytes(node[0].0));
        put_text(out, &written_node(node));
    }
    put_length(out, stream.entries.len() as u64);
    let first_id = stream.entries.first().map_or((0, 0), |(id, _)| *id);
    for (ms, seq) in [stream.last_id, first_id, stream.max_deleted_id] {
        put_length(out, ms);
        put_length(out, seq);
    }
    put_length(out, stream.entries_added);
    put_length(out, stream.groups.len() as u64);
    for group in &stream.groups {
        write_group(out, group);
    }
}

fn nodes(mut entries: &[PlainEntry]) -> Vec<&[PlainEntry]> {
    let mut nodes = Vec::new();
    while !entries.is_empty() {
        let mut bytes = 0;
        let fits = |(_, pairs): &&PlainEntry| {
            bytes += pairs.iter().map(Vec::len).sum::<usize>();
            bytes <= NODE_BYTES
        };
        let length = entries.iter().take(NODE_ENTRIES).take_while(fits).count().max(1);
        let (node, rest) = entries.split_at(length);
        nodes.push(node);
        entries = rest;
    }
    nodes
}

fn written_node(entries: &[PlainEntry]) -> Vec<u8> {
    let mut writer = listpack::Writer::new();
    let (master, first) = &entries[0];
    let master_fields: Vec<&Vec<u8>> = first.iter().step_by(2).collect();
    writer.integer(entries.len() as i64);
    writer.integer(0);
    writer.integer(master_fields.len() as i64);
    for field in &master_fields {
        writer.text(field);
    }
    writer.integer(0);
    for ((ms, seq), pairs) in entries {
        let same = pairs.iter().step_by(2).eq(master_fields.iter().copied());
        writer.integer(if same { SAME_FIELDS } else { 0 });
        writer.integer(ms.wrapping_sub(master.0) as i64);
        writer.integer(seq.wrapping_sub(master.1) as i64);
        let fields = pairs.len() / 2;
        if same {
            pairs.iter().skip(1).step_by(2).for_each(|value| writer.text(value));
            writer.integer((fields + 3) as i64);
        } else {
            writer.integer(fields as i64);
            pairs.iter().for_each(|part| writer.text(part));
            writer.integer((fields * 2 + 4) as i64);
        }
    }
    writer.finish()
}

fn write_group(out: &mut Vec<u8>, group: &PlainGroup) {
    put_text(out, &group.name);
    put_length(out, group.last_id.0);
    put_length(out, group.last_id.1);
    put_length(out, group.entries_read.unwrap_or(UNKNOWN));
    put_length(out, group.pending.len() as u64);
    for pending in &group.pending {
        out.extend(id_bytes(pending.id));
        out.extend(pending.delivered_ms.to_le_bytes());
        put_length(out, pending.deliveries);
    }
    put_length(out, group.consumers.len() as u64);
    let mut own = vec![Vec::new(); group.consumers.len()];
    for pending in &group.pending {
        own[pending.consumer].push(pending.id);
    }
    for (consumer, own) in group.consumers.iter().zip(own) {
        put_text(out, &consumer.name);
        out.extend(consumer.seen_ms.to_le_bytes());
        put_length(out, own.len() as u64);
        for id in own {
            out.extend(id_bytes(id));
        }
    }
}
