//! Any text where a cursor is wanted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meridian_fuzz::Shard;

fuzz_target!(|cursor: &[u8]| {
    let mut shard = Shard::default();
    shard.call(&[b"HSET", b"h", b"a", b"1"]);
    shard.call(&[b"SADD", b"s", b"a"]);
    shard.call(&[b"ZADD", b"z", b"1", b"a"]);
    // As the router does: SCAN is told the last slot of the run.
    shard.call(&[b"SCAN", b"16383", cursor]);
    shard.call(&[b"HSCAN", b"h", cursor]);
    shard.call(&[b"SSCAN", b"s", cursor]);
    shard.call(&[b"ZSCAN", b"z", cursor]);
});
