//! RESTORE of any value, with the footer that belongs to it, and everything that reads it afterwards.

#![no_main]

use libfuzzer_sys::fuzz_target;
use meridian_fuzz::Shard;

/// The CRC-64 of Redis' snapshots.
fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u64::from(*byte), |crc: u64, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0x95ac_9329_ac4b_c9b5 } else { 0 }
        })
    })
}

fuzz_target!(|value: &[u8]| {
    let mut payload = value.to_vec();
    payload.extend([12, 0]);
    payload.extend(crc64(&payload).to_le_bytes());
    let mut shard = Shard::default();
    shard.call(&[b"RESTORE", b"k", b"0", &payload]);
    for call in [&[b"DUMP".as_slice(), b"k"][..], &[b"OBJECT", b"ENCODING", b"k"], &[b"COPY", b"k", b"l"]] {
        shard.call(call);
    }
});
