//! Reads a payload into a plain value.

use std::collections::BTreeSet;

use super::{
    Corrupt, FOOTER, Plain, PlainField, VERSION_MAX, checksum::crc64, input::Input, kind, listpack, module,
    old, stream,
};
use crate::value::json;

/// Elements of a list's node that is one element.
const PLAIN_NODE: u64 = 1;
const PACKED_NODE: u64 = 2;

/// The value of a payload.
pub(crate) fn read(payload: &[u8]) -> Result<Plain, Corrupt> {
    let length = payload.len().checked_sub(FOOTER).ok_or(Corrupt::Footer)?;
    let (signed, crc) = payload.split_at(length + 2);
    let (value, version) = signed.split_at(length);
    let version = version.try_into().map(u16::from_le_bytes).map_err(|_| Corrupt::Footer)?;
    if version > VERSION_MAX || crc != crc64(signed).to_le_bytes() {
        return Err(Corrupt::Footer);
    }
    let mut input = Input::new(value);
    let kind = input.byte()?;
    let value = value_of(kind, &mut input)?;
    if input.is_empty() { Ok(value) } else { Err(Corrupt::Value) }
}

fn value_of(kind: u8, input: &mut Input<'_>) -> Result<Plain, Corrupt> {
    Ok(match kind {
        kind::STRING => Plain::Text(input.text()?),
        kind::LIST => Plain::List(texts(input)?),
        kind::LIST_ZIPLIST => Plain::List(some(old::ziplist(&input.text()?)?)?),
        kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => Plain::List(nodes(kind, input)?),
        kind::SET => set(texts(input)?)?,
        kind::SET_INTSET => set(old::intset(&input.text()?)?)?,
        kind::SET_LISTPACK => set(listpack::entries(&input.text()?)?)?,
        kind::ZSET | kind::ZSET_2 => members(kind, input)?,
        kind::ZSET_ZIPLIST => scored(old::ziplist(&input.text()?)?)?,
        kind::ZSET_LISTPACK => scored(listpack::entries(&input.text()?)?)?,
        kind::HASH => hash_table(input)?,
        kind::HASH_ZIPMAP => fields(old::zipmap(&input.text()?)?)?,
        kind::HASH_ZIPLIST => fields(old::ziplist(&input.text()?)?)?,
        kind::HASH_LISTPACK => fields(listpack::entries(&input.text()?)?)?,
        kind::HASH_METADATA => expiring_table(input)?,
        kind::HASH_LISTPACK_EX => expiring_listpack(input)?,
        kind::STREAM_LISTPACKS | kind::STREAM_LISTPACKS_2 | kind::STREAM_LISTPACKS_3 => {
            Plain::Stream(stream::read(kind, input)?)
        }
        kind::MODULE_2 => json_value(input)?,
        _ => return Err(Corrupt::Value),
    })
}

fn some<T>(parts: Vec<T>) -> Result<Vec<T>, Corrupt> {
    if parts.is_empty() { Err(Corrupt::Value) } else { Ok(parts) }
}

fn texts(input: &mut Input<'_>) -> Result<Vec<Vec<u8>>, Corrupt> {
    (0..input.count()?).map(|_| input.text()).collect()
}

fn nodes(kind: u8, input: &mut Input<'_>) -> Result<Vec<Vec<u8>>, Corrupt> {
    let mut elements = Vec::new();
    for _ in 0..input.count()? {
        if kind == kind::LIST_QUICKLIST {
            elements.extend(old::ziplist(&input.text()?)?);
            continue;
        }
        match input.length()? {
            PLAIN_NODE => elements.push(input.text()?),
            PACKED_NODE => elements.extend(listpack::entries(&input.text()?)?),
            _ => return Err(Corrupt::Value),
        }
    }
    some(elements)
}

/// Refuses what stands twice.
fn distinct<'a>(names: impl Iterator<Item = &'a [u8]>) -> Result<(), Corrupt> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Corrupt::Value);
        }
    }
    Ok(())
}

fn set(members: Vec<Vec<u8>>) -> Result<Plain, Corrupt> {
    distinct(members.iter().map(Vec::as_slice))?;
    some(members).map(Plain::Set)
}

fn sorted_set(members: Vec<(Vec<u8>, f64)>) -> Result<Plain, Corrupt> {
    if members.iter().any(|(_, score)| score.is_nan()) {
        return Err(Corrupt::Value);
    }
    distinct(members.iter().map(|(member, _)| member.as_slice()))?;
    some(members).map(Plain::SortedSet)
}

fn members(kind: u8, input: &mut Input<'_>) -> Result<Plain, Corrupt> {
    let mut members = Vec::new();
    for _ in 0..input.count()? {
        let member = input.text()?;
        let score = if kind == kind::ZSET_2 { f64::from_le_bytes(input.array()?) } else { old_score(input)? };
        members.push((member, score));
    }
    sorted_set(members)
}

/// A score as a short text, or one of three lengths that no text has.
fn old_score(input: &mut Input<'_>) -> Result<f64, Corrupt> {
    match input.byte()? {
        253 => Err(Corrupt::Value),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        length => score(input.take(usize::from(length))?),
    }
}

fn score(text: &[u8]) -> Result<f64, Corrupt> {
    meridian_command::number::parse_f64(text).ok_or(Corrupt::Value)
}

/// Entries in pairs.
fn pairs(entries: Vec<Vec<u8>>) -> Result<Vec<[Vec<u8>; 2]>, Corrupt> {
    if !entries.len().is_multiple_of(2) {
        return Err(Corrupt::Value);
    }
    let mut entries = entries.into_iter();
    let mut pairs = Vec::new();
    while let (Some(first), Some(second)) = (entries.next(), entries.next()) {
        pairs.push([first, second]);
    }
    Ok(pairs)
}

fn scored(entries: Vec<Vec<u8>>) -> Result<Plain, Corrupt> {
    let pairs = pairs(entries)?.into_iter();
    sorted_set(pairs.map(|[member, text]| Ok((member, score(&text)?))).collect::<Result<_, _>>()?)
}

fn hash(fields: Vec<PlainField>) -> Result<Plain, Corrupt> {
    distinct(fields.iter().map(|(name, ..)| name.as_slice()))?;
    some(fields).map(Plain::Hash)
}

fn fields(entries: Vec<Vec<u8>>) -> Result<Plain, Corrupt> {
    hash(pairs(entries)?.into_iter().map(|[name, value]| (name, value, None)).collect())
}

fn hash_table(input: &mut Input<'_>) -> Result<Plain, Corrupt> {
    let mut fields = Vec::new();
    for _ in 0..input.count()? {
        fields.push((input.text()?, input.text()?, None));
    }
    hash(fields)
}

/// Fields with expiries as distances from the earliest, plus 1; 0 for none.
fn expiring_table(input: &mut Input<'_>) -> Result<Plain, Corrupt> {
    let earliest = input.time_ms()?;
    let mut fields = Vec::new();
    for _ in 0..input.count()? {
        let expiry = match input.length()? {
            0 => None,
            distance => Some(earliest.checked_add(distance - 1).ok_or(Corrupt::Value)?),
        };
        fields.push((input.text()?, input.text()?, expiry));
    }
    hash(fields)
}

/// Names, values and expiries (0 for none) in turn.
fn expiring_listpack(input: &mut Input<'_>) -> Result<Plain, Corrupt> {
    let _earliest = input.time_ms()?;
    let entries = listpack::entries(&input.text()?)?;
    if !entries.len().is_multiple_of(3) {
        return Err(Corrupt::Value);
    }
    let mut entries = entries.into_iter();
    let mut fields = Vec::new();
    while let (Some(name), Some(value), Some(expiry)) = (entries.next(), entries.next(), entries.next()) {
        let expiry = meridian_command::number::parse_u64(&expiry).ok_or(Corrupt::Value)?;
        fields.push((name, value, (expiry != 0).then_some(expiry)));
    }
    hash(fields)
}

/// A value of RedisJSON in one of the forms of its second version: the text, then perhaps what index it is in.
fn json_value(input: &mut Input<'_>) -> Result<Plain, Corrupt> {
    let form = match input.length()? {
        id if id == module::json(2) => 2,
        id if id == module::json(module::FORM) => module::FORM,
        _ => return Err(Corrupt::Value),
    };
    let text = module_text(input)?;
    if form == 2 {
        if input.length()? != module::UNSIGNED {
            return Err(Corrupt::Value);
        }
        if input.length()? != 0 {
            module_text(input)?;
            module_text(input)?;
        }
    }
    if input.length()? != module::END {
        return Err(Corrupt::Value);
    }
    json::parse(&text).map(Plain::Json).map_err(|_| Corrupt::Value)
}

fn module_text(input: &mut Input<'_>) -> Result<Vec<u8>, Corrupt> {
    if input.length()? == module::STRING { input.text() } else { Err(Corrupt::Value) }
}
