//! Reads JSON texts. Faults are told in the words of serde_json, which are those of RedisJSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Json, Member, Object};

/// Reads a text that is one value; says what is wrong with it otherwise.
pub(crate) fn parse(text: &[u8]) -> Result<Json, String> {
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(Build)
    }
}

struct Build;

impl<'de> Visitor<'de> for Build {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::BigInt(value), Json::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element()? {
            array.push(element);
        }
        array.shrink_to_fit();
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = entries.next_entry::<Box<str>, Json>()? {
            members.push(Member { name, value });
        }
        members.shrink_to_fit();
        Ok(Json::Object(Box::new(Object::from_members(members))))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::DEPTH_MAX, *};

    #[test]
    fn numbers_keep_their_kind() {
        for (text, value) in [
            ("0", Json::Int(0)),
            ("-9223372036854775808", Json::Int(i64::MIN)),
            ("9223372036854775807", Json::Int(i64::MAX)),
            ("9223372036854775808", Json::BigInt(1 << 63)),
            ("18446744073709551615", Json::BigInt(u64::MAX)),
            ("18446744073709551616", Json::Float(18_446_744_073_709_551_616.0)),
            ("1.0", Json::Float(1.0)),
            ("1e2", Json::Float(100.0)),
            ("0.1", Json::Float(0.1)),
        ] {
            assert_eq!(parse(text.as_bytes()), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for (text, fault) in [
            ("", "EOF while parsing a value at line 1 column 0"),
            ("x", "expected value at line 1 column 1"),
            ("NaN", "expected value at line 1 column 1"),
            ("{\"a\":1,}", "trailing comma at line 1 column 8"),
            ("1 2", "trailing characters at line 1 column 3"),
            ("1e999", "number out of range at line 1 column 5"),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(fault.to_owned()), "{text}");
        }
        assert!(parse(b"\"\xff\"").is_err());
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let deepest = parse(nested(DEPTH_MAX).as_bytes()).expect("as deep as may be");
        assert_eq!(deepest.depth(), DEPTH_MAX);
        let fault = parse(nested(DEPTH_MAX + 1).as_bytes()).expect_err("too deep");
        assert!(fault.starts_with("recursion limit exceeded"), "{fault}");
    }
}
