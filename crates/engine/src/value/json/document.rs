//! A document under a key: its root, and how much memory it takes, kept in step by every change.
//!
//! Sizes are counted where something changes, never over the whole document: a change costs what it touches.

use super::{Arithmetic, DEPTH_MAX, Json, Location, Member, Object, Step, object::take_each};
use crate::{
    settings::Settings,
    snapshot::{CorruptSnapshot, Input, put_bytes, put_varint},
    value::Collection,
};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    root: Box<Json>,
    /// Of what the root holds.
    heap_size: usize,
}

impl Document {
    pub(crate) fn new(root: Json) -> Document {
        let heap_size = root.heap_size();
        Document { root: Box::new(root), heap_size }
    }

    pub(crate) fn root(&self) -> &Json {
        &self.root
    }

    /// Changes the values at locations, one after the other; how many were changed. Where a location leads that stands
    /// in what was changed before is found anew, by the names on the way.
    pub(crate) fn each(
        &mut self,
        locations: &[Location],
        mut change: impl FnMut(&mut Document, &[u32]) -> bool,
    ) -> usize {
        let is_flat = locations.windows(2).all(|pair| pair[0].len() == pair[1].len());
        if is_flat {
            return locations.iter().filter(|location| change(self, location)).count();
        }
        let names: Vec<Vec<Step>> = locations.iter().map(|location| self.root.steps_to(location)).collect();
        let found = |document: &Document, steps: &[Step]| document.root.location_of(steps);
        names.iter().filter(|steps| found(self, steps).is_some_and(|at| change(self, &at))).count()
    }

    /// Replaces the value at a location. False if there is none any more.
    pub(crate) fn replace(&mut self, location: &[u32], value: Json) -> bool {
        let Some(old) = self.root.at_mut(location) else { return false };
        let (added, removed) = (value.heap_size(), old.heap_size());
        *old = value;
        self.resized(removed, added);
        true
    }

    /// Adds a member to the object at a location, or replaces its value. False if no object is there.
    pub(crate) fn set_member(&mut self, location: &[u32], name: &str, value: Json) -> bool {
        let Some(Json::Object(object)) = self.root.at_mut(location) else { return false };
        let removed = object.own_size() + object.get(name).map_or(0, Json::heap_size);
        let added = value.heap_size();
        object.set(name, value);
        let added = added + object.own_size();
        self.resized(removed, added);
        true
    }

    /// Takes the value at a location out, which is not the root. False if there is none any more.
    pub(crate) fn remove(&mut self, location: &[u32]) -> bool {
        let Some((last, parent)) = location.split_last() else { return false };
        self.remove_each(parent, &[*last]) == 1
    }

    /// Takes the values at positions, which rise, out of the container at a location; how many there were. Takes one
    /// pass over the container, however many they are.
    pub(crate) fn remove_each(&mut self, location: &[u32], positions: &[u32]) -> usize {
        let Some(parent) = self.root.at_mut(location) else { return 0 };
        let before = parent.own_size();
        let removed: Vec<Json> = match parent {
            Json::Array(elements) => take_each(elements, positions),
            Json::Object(object) => {
                object.remove_each(positions).into_iter().map(|member| member.value).collect()
            }
            _ => return 0,
        };
        let after = parent.own_size();
        let freed: usize = removed.iter().map(Json::heap_size).sum();
        self.resized(before + freed, after);
        removed.len()
    }

    /// Merges a patch into the value at a location. False if there is none any more.
    pub(crate) fn merge(&mut self, location: &[u32], patch: &Json) -> bool {
        self.remeasured(location, |value| value.merge(patch)).is_some()
    }

    /// Empties a container or makes a number 0; false if nothing changes.
    pub(crate) fn clear(&mut self, location: &[u32]) -> bool {
        self.remeasured(location, Json::clear).unwrap_or(false)
    }

    /// The opposite of the boolean at a location, which it becomes.
    pub(crate) fn toggle(&mut self, location: &[u32]) -> Option<bool> {
        let Some(Json::Bool(value)) = self.root.at_mut(location) else { return None };
        *value = !*value;
        Some(*value)
    }

    /// Computes with the number at a location; what it becomes.
    pub(crate) fn compute(&mut self, location: &[u32], how: Arithmetic, operand: &Json) -> Option<&Json> {
        let value = self.root.at_mut(location)?;
        *value = value.computed(how, operand)?;
        Some(value)
    }

    /// Appends to the text at a location; its length in characters' bytes.
    pub(crate) fn append_text(&mut self, location: &[u32], tail: &str) -> Option<usize> {
        let Some(Json::Text(text)) = self.root.at_mut(location) else { return None };
        let mut longer = String::with_capacity(text.len() + tail.len());
        longer.extend([&**text, tail]);
        let (before, after) = (text.len(), longer.len());
        *text = longer.into_boxed_str();
        self.resized(before, after);
        Some(after)
    }

    /// Puts values into the array at a location, at a position within it; its length.
    pub(crate) fn insert(&mut self, location: &[u32], position: usize, values: &[Json]) -> Option<usize> {
        let array = self.root.at_mut(location)?;
        let before = array.own_size();
        let Json::Array(elements) = array else { return None };
        let position = position.min(elements.len());
        elements.splice(position..position, values.iter().cloned());
        let length = elements.len();
        let added: usize = values.iter().map(Json::heap_size).sum();
        let after = array.own_size();
        self.resized(before, after + added);
        Some(length)
    }

    /// Takes an element out of the array at a location.
    pub(crate) fn pop(&mut self, location: &[u32], position: usize) -> Option<Json> {
        let Json::Array(elements) = self.root.at_mut(location)? else { return None };
        let popped = (position < elements.len()).then(|| elements.remove(position))?;
        self.resized(popped.heap_size(), 0);
        Some(popped)
    }

    /// Keeps only a range of the array at a location; its length.
    pub(crate) fn trim(&mut self, location: &[u32], range: std::ops::Range<usize>) -> Option<usize> {
        self.remeasured(location, |value| {
            let Json::Array(elements) = value else { return None };
            elements.truncate(range.end);
            elements.drain(..range.start.min(elements.len()));
            elements.shrink_to_fit();
            Some(elements.len())
        })
        .flatten()
    }

    fn remeasured<R>(&mut self, location: &[u32], change: impl FnOnce(&mut Json) -> R) -> Option<R> {
        let value = self.root.at_mut(location)?;
        let before = value.heap_size();
        let outcome = change(value);
        let after = value.heap_size();
        self.resized(before, after);
        Some(outcome)
    }

    fn resized(&mut self, before: usize, after: usize) {
        self.heap_size = self.heap_size + after - before;
    }
}

impl Collection for Document {
    /// A document is there until it is deleted, whatever it holds.
    fn is_empty(&self) -> bool {
        false
    }

    fn heap_size(&self) -> usize {
        size_of::<Json>() + self.heap_size
    }

    fn encoding_name(&self, _: &Settings) -> &'static str {
        "raw"
    }

    fn encode(&self, out: &mut Vec<u8>) {
        encode(&self.root, out);
    }

    fn decode(input: &mut Input<'_>) -> Result<Document, CorruptSnapshot> {
        decode(input, 0).map(Document::new)
    }
}

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const BIG_INT: u8 = 4;
const FLOAT: u8 = 5;
const TEXT: u8 = 6;
const ARRAY: u8 = 7;
const OBJECT: u8 = 8;

fn encode(value: &Json, out: &mut Vec<u8>) {
    match value {
        Json::Null => out.push(NULL),
        Json::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
        Json::Int(value) => {
            out.push(INT);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Json::BigInt(value) => {
            out.push(BIG_INT);
            out.extend_from_slice(&value.to_le_bytes());
        }
        Json::Float(value) => {
            out.push(FLOAT);
            out.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        Json::Text(text) => {
            out.push(TEXT);
            put_bytes(out, text.as_bytes());
        }
        Json::Array(elements) => {
            out.push(ARRAY);
            put_varint(out, elements.len() as u64);
            for element in elements {
                encode(element, out);
            }
        }
        Json::Object(object) => {
            out.push(OBJECT);
            put_varint(out, object.len() as u64);
            for member in object.iter() {
                put_bytes(out, member.name.as_bytes());
                encode(&member.value, out);
            }
        }
    }
}

fn decode(input: &mut Input<'_>, depth: usize) -> Result<Json, CorruptSnapshot> {
    let malformed = CorruptSnapshot::Malformed;
    Ok(match input.byte()? {
        NULL => Json::Null,
        FALSE => Json::Bool(false),
        TRUE => Json::Bool(true),
        INT => Json::Int(input.u64()? as i64),
        BIG_INT => match input.u64()? {
            value if i64::try_from(value).is_err() => Json::BigInt(value),
            _ => return Err(malformed),
        },
        FLOAT => match f64::from_bits(input.u64()?) {
            value if value.is_finite() => Json::Float(value),
            _ => return Err(malformed),
        },
        TEXT => Json::Text(text(input)?),
        ARRAY | OBJECT if depth >= DEPTH_MAX => return Err(malformed),
        ARRAY => {
            let mut elements = Vec::new();
            for _ in 0..input.varint()? {
                elements.push(decode(input, depth + 1)?);
            }
            Json::Array(elements)
        }
        OBJECT => {
            let mut members = Vec::new();
            for _ in 0..input.varint()? {
                members.push(Member { name: text(input)?, value: decode(input, depth + 1)? });
            }
            let count = members.len();
            let object = Object::from_members(members);
            if object.len() != count {
                return Err(malformed);
            }
            Json::Object(Box::new(object))
        }
        _ => return Err(malformed),
    })
}

fn text(input: &mut Input<'_>) -> Result<Box<str>, CorruptSnapshot> {
    std::str::from_utf8(input.bytes()?).map(Into::into).map_err(|_| CorruptSnapshot::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{parse, path::Path},
        *,
    };

    fn any_text() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|value| value.to_string()),
            any::<i64>().prop_map(|value| value.to_string()),
            any::<u64>().prop_map(|value| value.to_string()),
            (-1e9..1e9_f64).prop_map(|value| format!("{value:?}")),
            "[a-c]{0,3}".prop_map(|value| format!("{value:?}")),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5)
                    .prop_map(|elements| format!("[{}]", elements.join(","))),
                prop::collection::vec(("[a-d]{1,2}", inner), 0..5).prop_map(|members| {
                    let members: Vec<String> =
                        members.into_iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    #[test]
    fn many_values_are_removed_at_once() {
        let members: Vec<String> = (0..40).map(|n| format!("\"m{n}\":{n}")).collect();
        let text = format!("{{\"a\":[0,1,2,3,4,5],\"o\":{{{}}}}}", members.join(","));
        let mut document = Document::new(parse(text.as_bytes()).expect("a JSON text"));
        assert_eq!(document.remove_each(&[0], &[0, 2, 5, 9]), 3);
        let most: Vec<u32> = (0..40).filter(|n| n % 20 != 7).collect();
        assert_eq!(document.remove_each(&[1], &most), 38);
        assert_eq!(document.root().text(), br#"{"a":[1,3,4],"o":{"m7":7,"m27":27}}"#);
        assert_eq!(document.remove_each(&[0, 0], &[0]), 0);
        assert_eq!(document.heap_size, document.root.heap_size());
        let Some(Json::Object(object)) = document.root().at(&[1]) else { panic!("an object") };
        assert_eq!(object.position("m27"), Some(1));
    }

    proptest! {
        #[test]
        fn sizes_and_snapshots_are_right_after_any_change(
            text in any_text(), other in any_text(), steps in prop::collection::vec((0_u8..9, 0_usize..50), 1..12),
        ) {
            let mut document = Document::new(parse(text.as_bytes()).expect("a JSON text"));
            let other = parse(other.as_bytes()).expect("a JSON text");
            let everything = Path::read(b"$..*").expect("a path");
            for (step, which) in steps {
                let locations = everything.locations(document.root()).expect("few");
                let Some(at) = locations.get(which % locations.len().max(1)) else { break };
                match step {
                    0 => drop(document.replace(at, other.clone())),
                    1 => drop(document.set_member(at, "new", other.clone())),
                    2 => drop(document.remove(at)),
                    3 => drop(document.merge(at, &other)),
                    4 => drop(document.clear(at)),
                    5 => drop(document.append_text(at, "tail")),
                    6 => drop(document.insert(at, which % 3, &[other.clone(), Json::Null])),
                    7 => drop(document.pop(at, which % 3)),
                    _ => drop(document.trim(at, which % 3..which % 5)),
                }
                let measured = document.root.heap_size();
                prop_assert_eq!(document.heap_size, measured);
            }
            let mut bytes = Vec::new();
            document.encode(&mut bytes);
            let mut input = Input::new(&bytes);
            let decoded = Document::decode(&mut input).expect("it was encoded");
            prop_assert!(input.is_empty());
            prop_assert_eq!(decoded.root().text(), document.root().text());
            let _ = Document::decode(&mut Input::new(&bytes[..bytes.len() - 1])).expect_err("cut off");
        }
    }
}
