//! Writes plain values, in the plainest encoding that Redis 7.0 reads: it packs what is small by itself.

use super::{Plain, PlainField, VERSION, VERSION_FIELD_EXPIRY, checksum::crc64, kind, module, stream};

/// The payload of a value.
pub(crate) fn write(value: &Plain) -> Vec<u8> {
    let mut out = Vec::new();
    let mut version = VERSION;
    match value {
        Plain::Text(text) => {
            out.push(kind::STRING);
            put_text(&mut out, text);
        }
        Plain::List(elements) => {
            out.push(kind::LIST);
            put_texts(&mut out, elements);
        }
        Plain::Set(members) => {
            out.push(kind::SET);
            put_texts(&mut out, members);
        }
        Plain::SortedSet(members) => {
            out.push(kind::ZSET_2);
            put_length(&mut out, members.len() as u64);
            // Redis writes the highest first and relies on no order.
            for (member, score) in members.iter().rev() {
                put_text(&mut out, member);
                out.extend(score.to_le_bytes());
            }
        }
        Plain::Hash(fields) => match fields.iter().filter_map(|(.., expiry)| *expiry).min() {
            None => {
                out.push(kind::HASH);
                put_length(&mut out, fields.len() as u64);
                put_fields(&mut out, fields, |_, _| {});
            }
            Some(earliest) => {
                version = VERSION_FIELD_EXPIRY;
                out.push(kind::HASH_METADATA);
                out.extend(earliest.to_le_bytes());
                put_length(&mut out, fields.len() as u64);
                put_fields(&mut out, fields, |out, expiry| {
                    put_length(out, expiry.map_or(0, |at_ms| at_ms - earliest + 1));
                });
            }
        },
        Plain::Stream(stream) => {
            out.push(kind::STREAM_LISTPACKS_2);
            stream::write(&mut out, stream);
        }
        Plain::Json(json) => {
            out.push(kind::MODULE_2);
            put_length(&mut out, module::json(module::FORM));
            put_length(&mut out, module::STRING);
            put_text(&mut out, &json.text());
            put_length(&mut out, module::END);
        }
    }
    out.extend(version.to_le_bytes());
    let crc = crc64(&out);
    out.extend(crc.to_le_bytes());
    out
}

fn put_fields(out: &mut Vec<u8>, fields: &[PlainField], mut before: impl FnMut(&mut Vec<u8>, Option<u64>)) {
    for (name, value, expiry) in fields {
        before(out, *expiry);
        put_text(out, name);
        put_text(out, value);
    }
}

fn put_texts(out: &mut Vec<u8>, texts: &[Vec<u8>]) {
    put_length(out, texts.len() as u64);
    for text in texts {
        put_text(out, text);
    }
}

pub(super) fn put_length(out: &mut Vec<u8>, length: u64) {
    match length {
        0..0x40 => out.push(length as u8),
        0x40..0x4000 => out.extend([0x40 | (length >> 8) as u8, length as u8]),
        0x4000..=0xffff_ffff => {
            out.push(0x80);
            out.extend((length as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend(length.to_be_bytes());
        }
    }
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_length(out, text.len() as u64);
    out.extend_from_slice(text);
}
