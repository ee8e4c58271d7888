//! From values to plain ones and back.

use super::Plain;
use crate::{
    settings::Settings,
    value::{
        End, FieldExpiry, Hash, List, Set, SortedSet, StringForm, StringValue, Value, ValueRef, Variant,
        json::{DEPTH_MAX, Document},
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

/// The plain form of a value, without what has expired; `None` for a type that has none yet.
pub(crate) fn plain(value: ValueRef<'_>, now_ms: u64) -> Option<Plain> {
    Some(match value {
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
        ValueRef::Json(document) => Plain::Json(document.root().clone()),
        #[allow(unreachable_patterns, reason = "streams have no plain form before they are here")]
        _ => return None,
    })
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
        Plain::Json(json) if json.depth() > DEPTH_MAX => return Err(NotRestored::Corrupt),
        Plain::Stream(_) => return Err(NotRestored::Corrupt),
        Plain::Json(json) => Document::new(json).into_value(),
    })
}
