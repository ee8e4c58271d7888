//! Any text where an id of a stream is wanted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meridian_fuzz::Shard;

fuzz_target!(|id: &[u8]| {
    let mut shard = Shard::default();
    shard.call(&[b"XADD", b"k", b"5-5", b"a", b"1"]);
    shard.call(&[b"XADD", b"k", id, b"a", b"1"]);
    shard.call(&[b"XRANGE", b"k", id, b"+"]);
    shard.call(&[b"XREVRANGE", b"k", b"+", id]);
    shard.call(&[b"XGROUP", b"CREATE", b"k", b"g", id]);
    shard.call(&[b"XDEL", b"k", id]);
    shard.call(&[b"XTRIM", b"k", b"MINID", id]);
    shard.call(&[b"XSETID", b"k", id]);
});
