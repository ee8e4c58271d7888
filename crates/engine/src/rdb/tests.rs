//! Payloads of our own read back, and damaged ones do no harm.

use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        any::<i64>().prop_map(input::decimal),
        Just(vec![b'x'; 300]),
    ]
}

fn distinct() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::btree_set(text(), 1..30).prop_map(|texts| texts.into_iter().collect())
}

fn stream() -> impl Strategy<Value = PlainStream> {
    let entry = ((0_u64..9, 1_u64..9), prop::collection::vec([text(), text()], 1..4));
    let pending =
        prop::collection::btree_map((0_u64..9, 0_u64..9), (any::<u64>(), 0_u64..9, 0_usize..2), 0..5);
    (prop::collection::btree_map(entry.0, entry.1, 0..220), pending, any::<Option<u32>>()).prop_map(
        |(entries, pending, read)| {
            let entries: Vec<_> =
                entries.into_iter().map(|(id, pairs)| (id, pairs.into_iter().flatten().collect())).collect();
            let pending = pending.into_iter().map(|(id, (delivered_ms, deliveries, consumer))| {
                PlainPending { id, delivered_ms, deliveries, consumer }
            });
            let consumer =
                |name: &[u8]| PlainConsumer { name: name.to_vec(), seen_ms: 7, active_ms: Some(7) };
            let group = PlainGroup {
                name: b"group".to_vec(),
                last_id: (3, 4),
                entries_read: read.map(u64::from),
                pending: pending.collect(),
                consumers: vec![consumer(b"one"), consumer(b"two")],
            };
            let (last_id, max_deleted_id) = ((99, u64::MAX), (50, 1));
            let entries_added = entries.len() as u64 + 9;
            PlainStream { entries, last_id, max_deleted_id, entries_added, groups: vec![group] }
        },
    )
}

fn plain() -> impl Strategy<Value = Plain> {
    let field = (text(), prop::option::of(1_000_u64..5_000));
    prop_oneof![
        text().prop_map(Plain::Text),
        prop::collection::vec(text(), 1..30).prop_map(Plain::List),
        distinct().prop_map(Plain::Set),
        prop::collection::btree_map(text(), field, 1..20).prop_map(|fields| {
            Plain::Hash(fields.into_iter().map(|(name, (value, expiry))| (name, value, expiry)).collect())
        }),
        distinct().prop_map(|members| {
            Plain::SortedSet(
                members.into_iter().enumerate().map(|(at, member)| (member, -(at as f64))).collect(),
            )
        }),
        stream().prop_map(Plain::Stream),
        Just(Plain::Json(crate::value::json::parse(b"{\"a\":[1,2.5,null]}").expect("JSON"))),
    ]
}

/// With the footer that belongs to it.
fn sealed(mut value: Vec<u8>) -> Vec<u8> {
    value.extend(VERSION_MAX.to_le_bytes());
    let crc = checksum::crc64(&value);
    value.extend(crc.to_le_bytes());
    value
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in plain()) {
        let mut read = read(&write(&value)).expect("our own payload");
        if let Plain::SortedSet(members) = &mut read {
            members.reverse();
        }
        prop_assert_eq!(read, value);
    }

    #[test]
    fn damage_does_no_harm(value in plain(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut payload = write(&value);
        payload.truncate(payload.len() - FOOTER);
        let at = at.index(payload.len());
        if cut {
            payload.truncate(at);
        } else {
            payload[at] = byte;
        }
        let _ = read(&sealed(payload));
    }

    #[test]
    fn any_bytes_do_no_harm(kind in 0_u8..30, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut payload = vec![kind];
        payload.extend(bytes);
        let _ = read(&sealed(payload));
    }
}

#[test]
fn a_footer_must_be_right() {
    let good = write(&Plain::Text(b"x".to_vec()));
    assert_eq!(read(&good), Ok(Plain::Text(b"x".to_vec())));
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(read(&bad), Err(Corrupt::Footer));
    }
    assert_eq!(read(&good[..9]), Err(Corrupt::Footer));
    assert_eq!(read(b""), Err(Corrupt::Footer));
    assert_eq!(read(&sealed(vec![kind::SET, 0x80, 0xff, 0xff, 0xff, 0xff])), Err(Corrupt::Value));
}
