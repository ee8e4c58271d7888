//! The formats of entries and snapshots, byte by byte. A change here is a new version, and the old one stays readable.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod support;

use meridian_engine::{
    Engine, Restorer,
    entry::{Builder, Header, SectionHead},
};
use meridian_topology::DatabaseId;
use support::{apply, call, read, rest_of_snapshot, words};

const ENTRY: &str = "01e803000000000000070000000000000000000000050000000000000001000000000000000000000000000000\
    020000003b0000001f000000020000000400000001000000610100000031020000005058030000003530301400\
    00000c0000000200000001000000620300000078797a";
const SNAPSHOT: &str = "014d534e5002e803000000000000010000000000000000010502e80701010211050000002b4f4b0d0a040000003a\
    330d0a020000000000e40c0100000001000162000378797a020000000000873c0100000001010161dc05000000\
    000000000131030200000000000000";
/// As version 1 had it: without settings.
const SNAPSHOT_1: &str = "014d534e5001e8030000000000000100000000000000010502e80701010211050000002b4f4b0d0a040000003a\
    330d0a020000000000e40c0100000001000162000378797a020000000000873c0100000001010161dc05000000\
    000000000131030200000000000000";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn golden_entry() -> bytes::Bytes {
    let mut builder = Builder::new(Header { time_ms: 1000, seed: 7 });
    let calls = [call(&words("SET a 1 PX 500")), call(&words("APPEND b xyz"))];
    let head = SectionHead {
        database: DatabaseId(0),
        session: 5,
        first_sequence: 1,
        watermark: 0,
        count: calls.len() as u32,
    };
    builder.section(head, &calls.concat());
    builder.finish()
}

#[test]
fn entries_are_written_as_ever() {
    assert_eq!(hex(&golden_entry()), ENTRY);
}

#[test]
fn snapshots_are_written_and_read_as_ever() {
    let mut engine = Engine::new(1);
    apply(&mut engine, &bytes(ENTRY));
    engine.begin_snapshot();
    let mut chunks = Vec::new();
    rest_of_snapshot(&mut engine, usize::MAX, &mut chunks);
    assert_eq!(hex(&chunks.concat()), SNAPSHOT);
    for snapshot in [SNAPSHOT, SNAPSHOT_1] {
        let mut restorer = Restorer::new(1);
        restorer.feed(&bytes(snapshot)).unwrap();
        let restored = restorer.finish().unwrap();
        assert_eq!(restored.digest(), engine.digest());
        assert_eq!(read(&restored, 1000, "GET b").unwrap(), "$3\r\nxyz\r\n");
        assert_eq!((restored.session_sequence(5), restored.next_expiry_ms()), (Some(2), Some(1500)));
    }
}
