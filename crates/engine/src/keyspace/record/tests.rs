//! Records keep what they are given, however it lies.

use proptest::prelude::*;

use super::*;
use crate::value::Variant;
use crate::{
    settings::Settings,
    value::{End, FieldExpiry, Hash, List, Set, SortedSet},
};

fn text(record: &Record) -> &[u8] {
    let ValueRef::Str { bytes, .. } = record.value() else { panic!("a string") };
    bytes
}

#[test]
fn a_blob_gives_back_its_parts() {
    for key_length in [0, 1, 16, 30, 31, 32, 254, 255, 256, 70_000] {
        let key = vec![b'k'; key_length];
        for expiry in [None, Some(77)] {
            let mut record = Record::string(&key, b"value", StringForm::Raw, expiry);
            assert_eq!((record.key(), record.expiry(), text(&record)), (&key[..], expiry, &b"value"[..]));
            for next in [Some(5), Some(6), None, None] {
                record.set_expiry(next);
                assert_eq!((record.key(), record.expiry(), text(&record)), (&key[..], next, &b"value"[..]));
            }
            record.set_string(b"other", StringForm::Auto, Some(9));
            record.set_string(b"longer text", StringForm::Auto, expiry);
            assert_eq!(
                (record.key(), record.expiry(), text(&record)),
                (&key[..], expiry, &b"longer text"[..])
            );
        }
    }
}

#[test]
fn a_growing_string_keeps_key_and_expiry() {
    let mut record = Record::string(b"key", b"", StringForm::Auto, Some(4));
    let mut model = Vec::new();
    for round in 0..100_u8 {
        model.extend_from_slice(&[round; 7]);
        assert_eq!(record.append(&[round; 7]), Some(model.len()));
        assert_eq!((record.key(), record.expiry(), text(&record)), (&b"key"[..], Some(4), &model[..]));
    }
    record.string_mut(0).unwrap()[3..6].copy_from_slice(b"xyz");
    record.string_mut(708).unwrap()[705..].copy_from_slice(b"end");
    assert_eq!(&text(&record)[3..6], b"xyz");
    assert_eq!(&text(&record)[700..], b"\0\0\0\0\0end");
    record.set_string(b"1", StringForm::Auto, None);
    assert!(matches!(record.body, Body::Blob(_)));
}

#[test]
fn a_blob_is_padded_with_zeros() {
    for length_min in [0, 2, 5, 256, 257, 1000] {
        let mut record = Record::string(b"key", b"abc", StringForm::Auto, Some(4));
        record.string_mut(length_min).unwrap()[1] = b'x';
        let mut model = b"axc".to_vec();
        model.resize(length_min.max(3), 0);
        assert_eq!((record.key(), record.expiry(), text(&record)), (&b"key"[..], Some(4), &model[..]));
        assert!(matches!(record.value(), ValueRef::Str { form: StringForm::Raw, .. }));
    }
}

#[test]
fn what_is_noted_of_uses_is_kept_apart() {
    let mut record = Record::string(b"key", b"abc", StringForm::Text, Some(4));
    record.set_used(0x67_89ab);
    assert_eq!(record.used(), 0x67_89ab);
    record.set_string(b"longer", StringForm::Text, None);
    assert_eq!(record.used(), 0x67_89ab);
    let record = record.renamed(b"key");
    assert_eq!((record.used(), record.copied(b"copy").used()), (0x67_89ab, 0));
    assert!(matches!(record.value(), ValueRef::Str { bytes: b"longer", form: StringForm::Text }));
    assert_eq!((record.key(), record.expiry()), (&b"key"[..], None));
}

/// Something that is done to a record and to a collection of its own.
#[derive(Clone, Debug)]
enum Step {
    Add(Vec<u8>),
    Remove(Vec<u8>),
    Expire(Option<u64>),
    Rename(Vec<u8>),
    Copy,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let text = || {
        prop_oneof![
            3 => (0..40_u32).prop_map(|number| number.to_string().into_bytes()),
            2 => "[a-d]{1,12}".prop_map(String::into_bytes),
            1 => "[ab]{50,70}".prop_map(String::into_bytes),
        ]
    };
    let step = prop_oneof![
        6 => text().prop_map(Step::Add),
        4 => text().prop_map(Step::Remove),
        1 => prop::option::of(1..1000_u64).prop_map(Step::Expire),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Rename),
        1 => Just(Step::Copy),
    ];
    prop::collection::vec(step, 1..80)
}

fn encoded(value: &ValueRef<'_>) -> Vec<u8> {
    let mut bytes = vec![value.kind()];
    value.encode(&mut bytes);
    bytes
}

/// Does the steps to a record and to a collection.
fn follow<T: Collection + Default>(
    steps: Vec<Step>,
    add: impl Fn(&mut T, &[u8]),
    remove: impl Fn(&mut T, &[u8]),
) -> Result<(), TestCaseError> {
    let (mut key, mut expiry, mut model) = (b"key".to_vec(), None, T::default());
    add(&mut model, b"first");
    let mut record = Record::new(&key, model.clone().into_value(), expiry);
    for step in steps {
        match step {
            Step::Add(text) => {
                add(&mut model, &text);
                record.change_collection(|collection: &mut T| add(collection, &text)).unwrap();
            }
            Step::Remove(text) => {
                remove(&mut model, &text);
                let changed = record.change_collection(|collection: &mut T| remove(collection, &text));
                prop_assert_eq!(changed.unwrap().1, model.is_empty());
            }
            Step::Expire(at_ms) => {
                expiry = at_ms;
                record.set_expiry(expiry);
            }
            Step::Rename(other) => {
                key = other;
                record = record.renamed(&key);
            }
            Step::Copy => record = record.copied(&key),
        }
        prop_assert_eq!((record.key(), record.expiry()), (&key[..], expiry));
        prop_assert!(record.is::<T>() && record.part_due() == model.next_due());
        let whole = model.clone().into_value();
        prop_assert_eq!(encoded(&record.value()), encoded(&whole.as_ref()));
        let seen = record.collection::<T>().unwrap().clone().into_value();
        prop_assert_eq!(encoded(&seen.as_ref()), encoded(&whole.as_ref()));
        let is_small = whole.small_parts().is_some_and(|(_, _, bytes)| bytes.len() <= SMALL_AGAIN_BYTES);
        prop_assert!(!is_small || matches!(record.body, Body::Blob(_)), "small, and no blob");
        prop_assert_eq!((record.append(b"x"), record.string_mut(300).is_some()), (None, false));
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_hash_is_kept(steps in steps()) {
        let settings = Settings::new(1);
        let add = |hash: &mut Hash, name: &[u8]| {
            let expiry = if name.starts_with(b"aa") { FieldExpiry::At(77) } else { FieldExpiry::Keep };
            hash.set(name, b"value", expiry, &settings);
        };
        follow(steps, add, |hash, name| { hash.remove(name); })?;
    }

    #[test]
    fn a_set_is_kept(steps in steps()) {
        let settings = Settings::new(1);
        follow(steps, |set: &mut Set, member| { set.add(member, &settings); }, |set, member| { set.remove(member); })?;
    }

    #[test]
    fn a_set_of_integers_is_kept(numbers in prop::collection::vec(any::<i16>(), 1..90)) {
        let settings = Settings::new(1);
        let mut model = Set::default();
        model.add(b"7", &settings);
        let mut record = Record::new(b"key", model.clone().into_value(), None);
        for number in numbers {
            let text = number.to_string();
            let added = model.add(text.as_bytes(), &settings);
            let changed = record.change_collection(|set: &mut Set| set.add(text.as_bytes(), &settings));
            prop_assert_eq!(changed, Some((added, false)));
            let whole = model.clone().into_value();
            prop_assert_eq!(encoded(&record.value()), encoded(&whole.as_ref()));
        }
    }

    #[test]
    fn a_list_is_kept(steps in steps()) {
        let settings = Settings::new(1);
        let add = |list: &mut List, text: &[u8]| {
            list.prepare(&[text], &settings);
            list.push(if text.len() > 5 { End::Front } else { End::Back }, text);
        };
        let remove = |list: &mut List, text: &[u8]| {
            list.remove_equal(text, 2, End::Front);
            list.settle(&settings);
        };
        follow(steps, add, remove)?;
    }

    #[test]
    fn a_sorted_set_is_kept(steps in steps()) {
        let settings = Settings::new(1);
        let add = |set: &mut SortedSet, member: &[u8]| set.set(member, member.len() as f64 / 2.0, &settings);
        follow(steps, add, |set, member| { set.remove(member); })?;
    }
}

#[test]
fn another_type_is_left_alone() {
    let settings = Settings::new(1);
    let mut set = Set::default();
    set.add(b"member", &settings);
    let mut record = Record::new(b"key", set.into_value(), None);
    assert!(record.collection::<Hash>().is_none() && !record.is::<Hash>());
    assert!(record.change_collection(|_: &mut Hash| ()).is_none());
    let mut string = Record::string(b"key", b"\x31value", StringForm::Text, None);
    assert!(string.collection::<Set>().is_none());
    assert!(string.change_collection(|_: &mut Set| ()).is_none());
    record.set_string(b"text", StringForm::Auto, Some(5));
    assert_eq!((text(&record), record.expiry()), (&b"text"[..], Some(5)));
    assert!(!record.is::<Set>());
}
