use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn contents(list: &List) -> VecDeque<Vec<u8>> {
    let mut all = VecDeque::new();
    list.walk(0..usize::MAX, |_, item| all.push_back(item.text().to_vec()));
    all
}

fn texts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (-200_i64..70_000).prop_map(|number| number.to_string().into_bytes()),
        4 => "[ab]{0,2}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..200),
        1 => (0..5000_usize).prop_map(|length| vec![b'x'; length]),
    ]
}

fn check(list: &List, model: &VecDeque<Vec<u8>>) {
    assert_eq!(&contents(list), model);
    assert_eq!(list.len(), model.len());
    assert_eq!(list.is_empty(), model.is_empty());
    let expected: usize = model.iter().map(|text| listpack_entry_bytes(Item::of(text))).sum();
    assert_eq!(list.listpack_bytes(), expected + LISTPACK_FRAME);
    if let Body::Long(chain) = &list.0 {
        assert!(chain.is_counted());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_list_is_a_list(
        steps in prop::collection::vec((0..9_u8, any::<prop::sample::Index>(), texts(), 1..40_usize), 1..80),
    ) {
        let settings = Settings::new(1);
        let (mut list, mut model) = (List::default(), VecDeque::<Vec<u8>>::new());
        for (what, at, text, count) in steps {
            let index = at.index(model.len() + 1);
            match what {
                0 => for _ in 0..count {
                    list.prepare(&[&text], &settings);
                    list.push(End::Front, &text);
                    model.push_front(text.clone());
                },
                1 => for _ in 0..count {
                    list.prepare(&[&text], &settings);
                    list.push(End::Back, &text);
                    model.push_back(text.clone());
                },
                2 | 3 => {
                    list.prepare(&[&text], &settings);
                    list.insert(index, &text);
                    model.insert(index, text);
                }
                4 if index < model.len() => {
                    list.prepare(&[&text], &settings);
                    list.set(index, &text);
                    model[index] = text;
                }
                5 if index < model.len() => {
                    let end = (index + count).min(model.len());
                    list.remove(index..end);
                    model.drain(index..end);
                }
                6 => {
                    let mut popped = Vec::new();
                    list.pop(End::Back, count, |text| popped.push(text.to_vec()));
                    let expected: Vec<_> = (0..count).map_while(|_| model.pop_back()).collect();
                    prop_assert_eq!(popped, expected);
                }
                7 => {
                    let mut left = count;
                    list.remove_equal(&text, count, End::Front);
                    model.retain(|have| *have != text || left == 0 || { left -= 1; false });
                }
                8 => {
                    let removed = list.remove_equal(&text, count, End::Back);
                    for _ in 0..removed {
                        let at = model.iter().rposition(|have| *have == text);
                        model.remove(at.expect("it was said to be there"));
                    }
                    prop_assert!(removed == count || !model.contains(&text));
                }
                _ => {}
            }
            list.settle(&settings);
            check(&list, &model);
            if let Some(text) = model.get(index) {
                prop_assert_eq!(list.get(index).map(|item| item.text().to_vec()), Some(text.clone()));
            }
        }
        if !model.is_empty() {
            let mut bytes = Vec::new();
            list.encode(&mut bytes);
            let again = List::decode(&mut Input::new(&bytes)).expect("what was written");
            check(&again, &model);
            prop_assert_eq!(again.is_listpack(), list.is_listpack());
        }
    }

    #[test]
    fn damaged_bytes_are_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = List::decode(&mut Input::new(&bytes));
    }
}

#[test]
fn the_encoding_changes_at_the_thresholds_of_redis() {
    let settings = Settings::new(1);
    let mut list = List::default();
    let text = [b'x'; 100];
    let mut count = 0;
    while list.is_listpack() {
        list.prepare(&[&text], &settings);
        list.push(End::Back, &text);
        count += 1;
    }
    // 103 bytes each behind a frame of 7: 79 of them and 100 bytes more are over 8192.
    assert_eq!(count, 80);
    while !list.is_listpack() {
        list.pop(End::Front, 1, |_| {});
        list.settle(&settings);
    }
    assert_eq!(list.len(), 39);
}
