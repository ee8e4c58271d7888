use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Model = BTreeMap<Vec<u8>, f64>;

fn sorted(model: &Model) -> Vec<(Vec<u8>, f64)> {
    let mut all: Vec<_> = model.iter().map(|(member, score)| (member.clone(), *score)).collect();
    all.sort_by(|left, right| order((left.1, &left.0), (right.1, &right.0)));
    all
}

fn contents(set: &SortedSet, range: Range<usize>, reverse: bool) -> Vec<(Vec<u8>, f64)> {
    let mut all = Vec::new();
    set.visit(range, reverse, |member, score| {
        all.push((member.to_vec(), score));
        true
    });
    all
}

fn check(set: &SortedSet, model: &Model) {
    let mut expected = sorted(model);
    assert_eq!(set.len(), model.len());
    assert_eq!(contents(set, 0..usize::MAX, false), expected);
    for (rank, (member, score)) in expected.iter().enumerate().step_by(7) {
        assert_eq!(set.rank(member), Some(rank));
        assert_eq!(set.score(member), Some(*score));
        assert_eq!(set.at(rank), Some((&member[..], *score)));
    }
    let mut scanned = Vec::new();
    let mut cursor = 0;
    loop {
        let (chunk, next) = set.scan(cursor, 10);
        scanned.extend(chunk.into_iter().map(|(member, score)| (member.to_vec(), score)));
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    scanned.sort_by(|left, right| order((left.1, &left.0), (right.1, &right.0)));
    assert_eq!(scanned, expected);
    expected.reverse();
    assert_eq!(contents(set, 0..usize::MAX, true), expected);
}

fn scores() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-3_i32..4).prop_map(f64::from),
        1 => any::<i32>().prop_map(f64::from),
        1 => any::<f64>().prop_filter("no NaN", |score| !score.is_nan()),
        1 => Just(f64::INFINITY),
        1 => Just(-0.0),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_sorted_set_is_sorted(
        entries in 0..200_i64,
        steps in prop::collection::vec((0..8_u8, 0..600_u32, scores(), 0..90_usize), 1..800),
    ) {
        let mut settings = Settings::new(7);
        settings.values_mut().zset_max_listpack_entries = entries;
        let (mut set, mut model) = (SortedSet::default(), Model::new());
        for (at, (what, number, score, count)) in steps.into_iter().enumerate() {
            let member = format!("m{number}").into_bytes();
            match what {
                0..6 => {
                    set.set(&member, score, &settings);
                    model.insert(member, score);
                }
                6 => prop_assert_eq!(set.remove(&member), model.remove(&member).is_some()),
                _ => {
                    let start = number as usize % (model.len() + 1);
                    let end = (start + count).min(model.len());
                    for (member, _) in &sorted(&model)[start..end] {
                        model.remove(member);
                    }
                    set.remove_range(start..end);
                }
            }
            if at % 50 == 0 {
                check(&set, &model);
            }
        }
        check(&set, &model);
        if !model.is_empty() {
            let mut bytes = Vec::new();
            set.encode(&mut bytes);
            let again = SortedSet::decode(&mut Input::new(&bytes)).expect("what was written");
            check(&again, &model);
            let mut bytes_again = Vec::new();
            again.encode(&mut bytes_again);
            prop_assert_eq!(bytes, bytes_again);
        }
    }

    #[test]
    fn damaged_bytes_are_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = SortedSet::decode(&mut Input::new(&bytes));
    }
}

#[test]
fn a_large_set_keeps_ranks() {
    let settings = Settings::new(3);
    let mut set = SortedSet::default();
    let count = 30_000_u32;
    for number in 0..count {
        let scattered = number.wrapping_mul(2_654_435_761) % count;
        set.set(scattered.to_string().as_bytes(), f64::from(scattered / 10), &settings);
    }
    let len = set.len();
    for rank in (0..len).step_by(997) {
        let member = set.at(rank).expect("it is there").0.to_vec();
        assert_eq!(set.rank(&member), Some(rank));
    }
    set.remove_range(10..len - 10);
    assert_eq!(set.len(), 20);
    assert_eq!(set.encoding_name(&settings), "skiplist");
    assert!(set.heap_size() < 20_000, "{}", set.heap_size());
}
