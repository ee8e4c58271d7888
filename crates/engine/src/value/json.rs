//! JSON documents: trees of values that keep their numbers as they were written and their members in order.
//!
//! [`mod@parse`] reads texts, [`mod@write`] writes them, [`mod@path`] finds values in them. Every recursion over a document is
//! bounded by [`DEPTH_MAX`], which whatever changes a document must keep. A key holds a
//! [`Document`].

mod document;
mod number;
mod object;
mod parse;
pub(crate) mod path;
mod write;

pub(crate) use document::Document;
pub(crate) use number::Arithmetic;
pub(crate) use object::{Member, Object};
pub(crate) use parse::parse;
pub(crate) use write::Layout;

/// How many arrays and objects may stand in each other.
pub(crate) const DEPTH_MAX: usize = 127;

/// A value of a document.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer above those of [`Json::Int`].
    BigInt(u64),
    /// Finite.
    Float(f64),
    Text(Box<str>),
    Array(Vec<Json>),
    Object(Box<Object>),
}

/// Numbers are equal only if they are of the same kind; floats by their value.
impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        match (self, other) {
            (Json::Null, Json::Null) => true,
            (Json::Bool(a), Json::Bool(b)) => a == b,
            (Json::Int(a), Json::Int(b)) => a == b,
            (Json::BigInt(a), Json::BigInt(b)) => a == b,
            (Json::Float(a), Json::Float(b)) => a == b,
            (Json::Text(a), Json::Text(b)) => a == b,
            (Json::Array(a), Json::Array(b)) => a == b,
            (Json::Object(a), Json::Object(b)) => a == b,
            _ => false,
        }
    }
}

/// One step from a value to one inside it: the position of an element or member.
pub(crate) type Location = smallvec::SmallVec<[u32; 8]>;

/// One step of a way into a document that holds as long as the names on it do.
#[derive(Debug)]
enum Step {
    Name(Box<str>),
    Element(u32),
}

impl Json {
    /// As JSON.TYPE names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Int(_) | Json::BigInt(_) => "integer",
            Json::Float(_) => "number",
            Json::Text(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        }
    }

    /// How many arrays and objects stand in each other here.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Json::Array(elements) => 1 + elements.iter().map(Json::depth).max().unwrap_or(0),
            Json::Object(object) => 1 + object.iter().map(|member| member.value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// Bytes on the heap, without those of the values in it.
    pub(crate) fn own_size(&self) -> usize {
        match self {
            Json::Null | Json::Bool(_) | Json::Int(_) | Json::BigInt(_) | Json::Float(_) => 0,
            Json::Text(text) => text.len(),
            Json::Array(elements) => elements.capacity() * size_of::<Json>(),
            Json::Object(object) => size_of::<Object>() + object.own_size(),
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_size(&self) -> usize {
        let inner: usize = match self {
            Json::Array(elements) => elements.iter().map(Json::heap_size).sum(),
            Json::Object(object) => object.iter().map(|member| member.value.heap_size()).sum(),
            _ => 0,
        };
        self.own_size() + inner
    }

    /// The element or member at a position.
    pub(crate) fn child(&self, position: usize) -> Option<&Json> {
        match self {
            Json::Array(elements) => elements.get(position),
            Json::Object(object) => object.at(position).map(|member| &member.value),
            _ => None,
        }
    }

    /// The value at a location.
    pub(crate) fn at(&self, location: &[u32]) -> Option<&Json> {
        location.iter().try_fold(self, |value, position| value.child(*position as usize))
    }

    /// The steps to a location, by name where they lead into objects.
    fn steps_to(&self, location: &[u32]) -> Vec<Step> {
        let mut value = Some(self);
        let step = |position: &u32| {
            let step = match value {
                Some(Json::Object(object)) => {
                    object.at(*position as usize).map(|member| Step::Name(member.name.clone()))
                }
                _ => None,
            };
            value = value.and_then(|value| value.child(*position as usize));
            step.unwrap_or(Step::Element(*position))
        };
        location.iter().map(step).collect()
    }

    /// Where steps lead, if they do.
    fn location_of(&self, steps: &[Step]) -> Option<Location> {
        let mut value = self;
        let mut location = Location::new();
        for step in steps {
            let position = match (step, value) {
                (Step::Name(name), Json::Object(object)) => u32::try_from(object.position(name)?).ok()?,
                (Step::Element(position), Json::Array(_)) => *position,
                _ => return None,
            };
            value = value.child(position as usize)?;
            location.push(position);
        }
        Some(location)
    }

    /// The value at a location that was valid when it was found; `None` if a change has since taken it away.
    pub(crate) fn at_mut(&mut self, location: &[u32]) -> Option<&mut Json> {
        location.iter().try_fold(self, |value, position| match value {
            Json::Array(elements) => elements.get_mut(*position as usize),
            Json::Object(object) => object.at_mut(*position as usize),
            _ => None,
        })
    }

    /// Changes a value as RFC 7396 says: members of objects are merged, a null takes a member away, anything else
    /// replaces what was there.
    pub(crate) fn merge(&mut self, patch: &Json) {
        let Json::Object(patch) = patch else {
            *self = patch.clone();
            return;
        };
        if !matches!(self, Json::Object(_)) {
            *self = Json::Object(Box::default());
        }
        let Json::Object(object) = self else { return };
        for member in patch.iter() {
            if matches!(member.value, Json::Null) {
                if let Some(position) = object.position(&member.name) {
                    object.remove(position);
                }
            } else if let Some(old) = object.get_mut(&member.name) {
                old.merge(&member.value);
            } else {
                let mut fresh = Json::Null;
                fresh.merge(&member.value);
                object.set(&member.name, fresh);
            }
        }
    }

    /// Makes a container empty or a number 0; false if it was so or is neither.
    pub(crate) fn clear(&mut self) -> bool {
        match self {
            Json::Array(elements) if !elements.is_empty() => *elements = Vec::new(),
            Json::Object(object) if !object.is_empty() => object.clear(),
            Json::Int(value) if *value != 0 => *value = 0,
            Json::BigInt(_) => *self = Json::Int(0),
            Json::Float(value) if *value != 0.0 => *self = Json::Int(0),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        parse(text.as_bytes()).expect("a JSON text")
    }

    #[test]
    fn a_patch_merges_as_the_rfc_says() {
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut value = json(target);
            value.merge(&json(patch));
            assert_eq!(value, json(result), "{target} and {patch}");
        }
    }

    #[test]
    fn depth_counts_containers() {
        assert_eq!(json("1").depth(), 0);
        assert_eq!(json(r#"[{"a":[1]},[]]"#).depth(), 3);
    }
}
