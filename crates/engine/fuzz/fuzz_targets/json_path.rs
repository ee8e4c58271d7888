//! Any path into a document, read and written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meridian_fuzz::Shard;

const DOCUMENT: &[u8] = br#"{"a":[1,2.5,{"b":"text","c":[null,true]}],"b":{"a":{"a":7}},"":"x","d e":[[[]]]}"#;

fuzz_target!(|path: &[u8]| {
    let mut shard = Shard::default();
    shard.call(&[b"JSON.SET", b"k", b"$", DOCUMENT]);
    for name in [&b"JSON.GET"[..], b"JSON.TYPE", b"JSON.RESP", b"JSON.TOGGLE", b"JSON.ARRPOP"] {
        shard.call(&[name, b"k", path]);
    }
    shard.call(&[b"JSON.SET", b"k", path, b"[1]"]);
    shard.call(&[b"JSON.MERGE", b"k", path, b"{\"a\":null,\"n\":1}"]);
    shard.call(&[b"JSON.NUMINCRBY", b"k", path, b"1"]);
    shard.call(&[b"JSON.DEL", b"k", path]);
});
