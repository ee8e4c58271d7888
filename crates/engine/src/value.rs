//! What a key can hold. Data only: no syntax, no replies.
//!
//! Strings are the one type so far; each further type is a variant of [`Value`] and [`ValueRef`], and the compiler
//! then names every place (type name, copy, snapshot, digest, size) that must know it.

mod string;

pub(crate) use string::{StringForm, StringValue};

/// A value that is owned, outside or inside an object.
#[derive(Debug)]
pub(crate) enum Value {
    Str(StringValue),
}

/// A value to look at, wherever its bytes lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ValueRef<'a> {
    Str { bytes: &'a [u8], form: StringForm },
}

impl Value {
    pub(crate) fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Str(string) => ValueRef::Str { bytes: string.bytes(), form: string.form() },
        }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_size(&self) -> usize {
        match self {
            Value::Str(string) => string.heap_size(),
        }
    }
}

impl ValueRef<'_> {
    /// As `TYPE` names it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            ValueRef::Str { .. } => "string",
        }
    }

    /// As `OBJECT ENCODING` names it.
    pub(crate) fn encoding_name(&self) -> &'static str {
        match self {
            ValueRef::Str { bytes, form } => form.encoding_name(bytes),
        }
    }
}
