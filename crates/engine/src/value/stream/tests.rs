//! Streams against a plain list of entries.

use proptest::prelude::*;

use super::*;

type Pair = (Vec<u8>, Vec<u8>);

#[derive(Clone, Debug)]
enum Step {
    Add(NewId, Vec<Pair>),
    Remove(usize),
    Trim(Trim),
}

fn pairs() -> impl Strategy<Value = Vec<Pair>> {
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..80),
        Just(vec![b'x'; 300]),
    ];
    let field = prop_oneof![Just(b"a".to_vec()), Just(b"b".to_vec()), Just(b"7".to_vec())];
    prop::collection::vec((field, value), 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    let id = prop_oneof![
        4 => Just(NewId::Auto),
        1 => (0_u64..2000).prop_map(NewId::AutoNumber),
        1 => (0_u64..2000, 0_u64..3).prop_map(|(ms, seq)| NewId::Exactly(StreamId::new(ms, seq))),
    ];
    let by = prop_oneof![
        (0_u64..40).prop_map(TrimBy::Length),
        (0_u64..2000).prop_map(|ms| TrimBy::Id(StreamId::new(ms, 0))),
    ];
    prop_oneof![
        8 => (id, pairs()).prop_map(|(id, pairs)| Step::Add(id, pairs)),
        2 => (0_usize..60).prop_map(Step::Remove),
        1 => (by, any::<bool>(), 0_u64..30).prop_map(|(by, is_approximate, limit)| Step::Trim(Trim {
            by,
            is_approximate,
            limit: if is_approximate { limit } else { 0 },
            references: References::Keep,
        })),
    ]
}

fn entries<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<(StreamId, Vec<Pair>)> {
    let owned = |entry: Entry<'_>| {
        (entry.id, entry.fields.map(|(field, value)| (field.to_vec(), value.to_vec())).collect())
    };
    entries.map(owned).collect()
}

const LIMITS: NodeLimits = NodeLimits { entries: 5, bytes: 600 };

proptest! {
    #[test]
    fn a_stream_is_a_list_of_entries(steps in prop::collection::vec(step(), 1..120)) {
        let mut stream = Box::new(Stream::default());
        let mut model: Vec<(StreamId, Vec<Pair>)> = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Add(id, pairs) => {
                    let given: Vec<[&[u8]; 2]> = pairs.iter().map(|(f, v)| [&f[..], &v[..]]).collect();
                    if let Ok(id) = stream.add(id, &given, n as u64 * 10, LIMITS) {
                        prop_assert!(model.last().is_none_or(|(last, _)| *last < id));
                        model.push((id, pairs));
                    }
                }
                Step::Remove(at) => {
                    let id = model.get(at).map_or(StreamId::new(5, 9), |(id, _)| *id);
                    let known = model.iter().position(|(known, _)| *known == id);
                    let removal = stream.remove(id, References::Keep);
                    prop_assert_eq!(removal == Removal::Removed, known.is_some());
                    known.map(|at| model.remove(at));
                }
                Step::Trim(trim) => {
                    let removed = stream.trim(trim);
                    let most = match trim.by {
                        TrimBy::Length(length) => model.len().saturating_sub(length as usize),
                        TrimBy::Id(id) => model.iter().filter(|(known, _)| *known < id).count(),
                    };
                    prop_assert!(removed == most || (trim.is_approximate && removed < most));
                    model.drain(..removed);
                }
            }
            prop_assert_eq!(stream.len(), model.len());
            prop_assert_eq!(stream.first_id(), model.first().map_or(StreamId::MIN, |(id, _)| *id));
        }
        prop_assert_eq!(entries(stream.range(StreamId::MIN, StreamId::MAX)), model.clone());
        let (start, end) = (StreamId::new(100, 0), StreamId::new(700, 1));
        let inside: Vec<_> = model.into_iter().filter(|(id, _)| (start..=end).contains(id)).collect();
        prop_assert_eq!(entries(stream.range(start, end)), inside.clone());
        let mut backwards = entries(stream.range_backwards(start, end));
        backwards.reverse();
        prop_assert_eq!(backwards, inside);
        reads_back(&stream)?;
    }
}

/// A snapshot holds everything, and nothing that was cut or changed is taken for one.
fn reads_back(stream: &Stream) -> Result<(), TestCaseError> {
    let mut bytes = Vec::new();
    stream.encode_all(&mut bytes);
    let restored = Stream::decode_all(&mut Input::new(&bytes)).expect("it was just written");
    let mut again = Vec::new();
    restored.encode_all(&mut again);
    prop_assert_eq!(&again, &bytes);
    prop_assert_eq!(restored.first_id(), stream.first_id());
    let sizes = |stream: &Stream| stream.nodes.iter().map(Node::listpack_bytes).collect::<Vec<_>>();
    prop_assert_eq!(sizes(&restored), sizes(stream));
    for cut in 0..bytes.len() {
        prop_assert!(Stream::decode_all(&mut Input::new(&bytes[..cut])).is_err());
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x81;
        // It may still be a stream, but reading and walking it must end.
        if let Ok(stream) = Stream::decode_all(&mut Input::new(&damaged)) {
            let forwards = stream.range(StreamId::MIN, StreamId::MAX).count();
            prop_assert_eq!(forwards, stream.range_backwards(StreamId::MIN, StreamId::MAX).count());
        }
    }
    Ok(())
}

fn stream_of(count: u64) -> Stream {
    let mut stream = Stream::default();
    for ms in 1..=count {
        stream
            .add(NewId::Exactly(StreamId::new(ms, 0)), &[[b"f", b"v"]], 0, LIMITS)
            .expect("ids are in order");
    }
    stream
}

#[test]
fn what_a_group_needs_stays_if_it_is_to() {
    let mut stream = stream_of(20);
    stream.make_group(b"g", Group::new(StreamId::MIN, None));
    let (owner, _) = stream.change_group(b"g", |group| group.find_or_make(b"c", 1)).expect("made");
    stream.deliver(b"g", owner, 12, Some(1), |_| {});
    // Read, but two of them not acknowledged.
    for ms in (1..=12).filter(|ms| ![3, 9].contains(ms)) {
        stream.change_group(b"g", |group| group.acknowledge(StreamId::new(ms, 0)));
    }
    assert_eq!(stream.remove(StreamId::new(3, 0), References::Acked), Removal::Needed);
    assert_eq!(stream.remove(StreamId::new(15, 0), References::Acked), Removal::Needed);
    assert_eq!(stream.remove(StreamId::new(4, 0), References::Acked), Removal::Removed);
    let by = TrimBy::Length(5);
    let trim = Trim { by, is_approximate: false, limit: 0, references: References::Acked };
    // Of the 14 oldest: 3 and 9 are pending, 13 to 15 not read.
    assert_eq!(stream.trim(trim), 9);
    let left: Vec<u64> = stream.range(StreamId::MIN, StreamId::MAX).map(|entry| entry.id.ms).collect();
    assert_eq!(left, [3, 9, 13, 14, 15, 16, 17, 18, 19, 20]);
    let trim = Trim { by: TrimBy::Id(StreamId::new(10, 0)), references: References::Delete, ..trim };
    assert_eq!(stream.trim(trim), 2);
    assert_eq!(stream.group(b"g").map(Group::pending_count), Some(0));
}

#[test]
fn entries_of_other_consumers_are_passed_on() {
    let mut stream = stream_of(4);
    stream.make_group(b"g", Group::new(StreamId::MIN, Some(0)));
    let ids = stream
        .change_group(b"g", |group| [&b"one"[..], b"two", b"one"].map(|name| group.find_or_make(name, 1).0));
    let [one, two, same] = ids.expect("made");
    assert_eq!(one, same);
    stream.deliver(b"g", one, 3, Some(5), |_| {});
    stream.change_group(b"g", |group| {
        group.deliver(StreamId::new(2, 0), Pending { delivered_ms: 9, deliveries: 2, owner: two });
        assert_eq!(group.consumer(one).pending_count(), 2);
        assert_eq!(group.remove_consumer(b"one"), Some(2));
        assert_eq!((group.pending_count(), group.find(b"one")), (1, None));
        assert_eq!(group.find_or_make(b"three", 9).0, one);
    });
    let group = stream.group(b"g").expect("made");
    assert_eq!((group.entries_read, stream.lag(group)), (Some(3), Some(1)));
    let bytes = stream.group_bytes;
    assert!(stream.remove_group(b"g"));
    assert!(bytes > 0 && stream.group_bytes == 0);
}

#[test]
fn the_radix_tree_is_counted_as_it_would_be() {
    let count = |keys: &[u128]| radix_nodes(keys, 0);
    assert_eq!(count(&[]), 1);
    assert_eq!(count(&[7]), 2);
    // A run, the parting, two ends.
    assert_eq!(count(&[7, 8]), 4);
    // A run, the parting, and for each a run and its end.
    assert_eq!(count(&[0x0100, 0x0200]), 6);
}

#[test]
fn entries_of_every_length_read_back() {
    for length in 0..400 {
        let mut stream = Stream::default();
        let value = vec![b'x'; length];
        for _ in 0..3 {
            stream.add(NewId::Auto, &[[b"a", &value]], 10, LIMITS).expect("there is room");
        }
        let mut bytes = Vec::new();
        stream.encode_all(&mut bytes);
        let restored = Stream::decode_all(&mut Input::new(&bytes));
        assert_eq!(restored.map(|stream| stream.len()), Ok(3), "length {length}");
    }
}
