use proptest::prelude::*;

use super::*;

const LIMIT: Duration = Duration::from_secs(20);

fn event(called: u64, answered: u64, operation: Operation, recorded: Recorded) -> Event {
    Event { client: 0, called, answered, operation, recorded }
}

fn set(called: u64, answered: u64, value: &'static str) -> Event {
    event(called, answered, Operation::Set(value.into()), Recorded::Done)
}

fn get(called: u64, answered: u64, value: Option<&'static str>) -> Event {
    event(called, answered, Operation::Get, Recorded::Value(value.map(Bytes::from)))
}

fn linearizable(events: &[Event]) -> bool {
    match check(events, LIMIT) {
        Verdict::Linearizable => true,
        Verdict::Violation(_) => false,
        Verdict::Undecided => panic!("out of time"),
    }
}

#[test]
fn a_read_sees_the_last_write_that_was_answered() {
    assert!(linearizable(&[set(0, 1, "a"), set(2, 3, "b"), get(4, 5, Some("b"))]));
    assert!(!linearizable(&[set(0, 1, "a"), set(2, 3, "b"), get(4, 5, Some("a"))]));
    assert!(!linearizable(&[set(0, 1, "a"), get(2, 3, None)]));
}

#[test]
fn writes_side_by_side_have_any_order_but_only_one() {
    let writes = [set(0, 10, "a"), set(0, 10, "b")];
    for last in ["a", "b"] {
        assert!(linearizable(
            &[writes.as_slice(), &[get(11, 12, Some(last)), get(13, 14, Some(last))]].concat()
        ));
    }
    assert!(!linearizable(&[writes.as_slice(), &[get(11, 12, Some("a")), get(13, 14, Some("b"))]].concat()));
}

#[test]
fn a_value_that_was_seen_does_not_go_back() {
    let events = [set(0, 1, "a"), set(2, 20, "b"), get(3, 4, Some("b")), get(5, 6, Some("a"))];
    assert!(!linearizable(&events));
    assert!(linearizable(&events[..3]));
}

#[test]
fn an_unknown_write_happens_later_or_never() {
    let lost = event(2, 3, Operation::Set("b".into()), Recorded::Unknown);
    for tail in [
        vec![get(10, 11, Some("a"))],
        vec![get(10, 11, Some("b"))],
        vec![get(10, 11, Some("a")), get(12, 13, Some("b"))],
    ] {
        assert!(linearizable(&[vec![set(0, 1, "a"), lost.clone()], tail].concat()));
    }
    let twice = vec![get(10, 11, Some("b")), set(12, 13, "c"), get(14, 15, Some("b"))];
    assert!(!linearizable(&[vec![set(0, 1, "a"), lost], twice].concat()));
}

#[test]
fn an_increment_happens_exactly_once() {
    let add = |called, sum| event(called, called + 1, Operation::Increment(1), Recorded::Number(sum));
    assert!(linearizable(&[add(0, 1), add(2, 2), get(4, 5, Some("2"))]));
    assert!(!linearizable(&[add(0, 1), add(2, 1)]));
    assert!(!linearizable(&[add(0, 1), add(2, 3)]));
    let unknown = event(2, 3, Operation::Increment(1), Recorded::Unknown);
    assert!(linearizable(&[add(0, 1), unknown.clone(), add(4, 3)]));
    assert!(linearizable(&[add(0, 1), unknown.clone(), add(4, 2)]));
    assert!(!linearizable(&[add(0, 1), unknown, add(4, 4)]));
}

#[test]
fn appends_swaps_and_conditions_are_understood() {
    let append = event(0, 1, Operation::Append("ab".into()), Recorded::Number(2));
    let swap = event(2, 3, Operation::Swap(Some("x".into())), Recorded::Value(Some("ab".into())));
    let held = |at, expected: &'static str, held| {
        let operation = Operation::CompareAndSet { expected: Some(expected.into()), new: None };
        event(at, at + 1, operation, Recorded::Held(held))
    };
    assert!(linearizable(&[
        append.clone(),
        swap.clone(),
        held(4, "y", false),
        held(6, "x", true),
        get(8, 9, None)
    ]));
    assert!(!linearizable(&[append.clone(), swap.clone(), held(4, "y", true)]));
    assert!(!linearizable(&[append, swap, held(4, "x", false)]));
}

#[test]
fn many_unknown_increments_do_not_multiply() {
    let unknown = |at| event(at, at + 1, Operation::Increment(1), Recorded::Unknown);
    let mut events: Vec<Event> = (0..200).map(unknown).collect();
    events.push(get(1000, 1001, Some("150")));
    assert!(linearizable(&events));
    events.push(get(1002, 1003, Some("149")));
    assert!(!linearizable(&events));
}

#[test]
fn a_violation_names_what_stood_open() {
    let wrong = get(4, 5, Some("z"));
    assert_eq!(check(&[set(0, 1, "a"), wrong.clone()], LIMIT), Verdict::Violation(vec![wrong]));
}

#[test]
fn a_long_history_is_checked_quickly() {
    let mut events = Vec::new();
    for index in 0..1500_u64 {
        // Four writers overlap, then two readers; now and then an outcome is unknown.
        let round = index * 10;
        for writer in 0..4 {
            let value = Bytes::from(format!("{index}-{writer}"));
            let unknown = writer == 3 && index.is_multiple_of(100);
            let recorded = if unknown { Recorded::Unknown } else { Recorded::Done };
            events.push(event(round, round + 5, Operation::Set(value), recorded));
        }
        for reader in 0..2 {
            let seen = Recorded::Value(Some(format!("{index}-1").into()));
            events.push(event(round + 6 + reader, round + 9, Operation::Get, seen));
        }
    }
    let began = Instant::now();
    assert!(linearizable(&events));
    assert!(began.elapsed() < LIMIT / 2, "{:?}", began.elapsed());
}

/// Tries every order of every choice among the unknown.
fn by_force(events: &[Event], chosen: u32, state: &State) -> bool {
    let open = |index: usize| chosen >> index & 1 == 0;
    let known = |index: usize| events[index].recorded != Recorded::Unknown;
    if (0..events.len()).all(|index| !open(index) || !known(index)) {
        return true;
    }
    (0..events.len()).filter(|index| open(*index)).any(|index| {
        let first = (0..events.len())
            .filter(|other| open(*other) && known(*other))
            .all(|other| events[other].answered >= events[index].called);
        let next = apply(state, &events[index]);
        first && next.is_some_and(|state| by_force(events, chosen | 1 << index, &state))
    })
}

prop_compose! {
    fn small_event()(
        called in 0_u64..20,
        takes in 0_u64..8,
        kind in 0..6,
        value in 0_u8..3,
        seen in 0_u8..4,
        unknown in prop::bool::weighted(0.15),
    ) -> Event {
        let text = |number: u8| Bytes::from(number.to_string());
        let old = (seen > 0).then(|| text(seen - 1));
        let (operation, recorded) = match kind {
            0 | 1 => (Operation::Get, Recorded::Value(old)),
            2 => (Operation::Set(text(value)), Recorded::Done),
            3 => (Operation::Increment(1), Recorded::Number(i64::from(seen))),
            4 => (Operation::Swap(Some(text(value))), Recorded::Value(old)),
            _ => (
                Operation::CompareAndSet { expected: old, new: Some(text(value)) },
                Recorded::Held(seen % 2 == 0),
            ),
        };
        event(called, called + takes, operation, if unknown { Recorded::Unknown } else { recorded })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_search_finds_what_force_finds(events in prop::collection::vec(small_event(), 0..7)) {
        prop_assert_eq!(linearizable(&events), by_force(&events, 0, &None));
    }

    #[test]
    fn what_a_register_did_is_linearizable(
        commands in prop::collection::vec((small_event(), 0_u64..6, 0_u64..6), 0..60),
    ) {
        let mut state = None;
        let mut events = Vec::new();
        for (index, (mut event, before, after)) in commands.into_iter().enumerate() {
            let at = 10 + 2 * index as u64;
            let Some((next, answer)) = perform(&state, &event.operation) else { continue };
            state = next;
            if event.recorded != Recorded::Unknown {
                event.recorded = answer;
            }
            events.push(Event { called: at - before, answered: at + after, ..event });
        }
        prop_assert!(linearizable(&events));
    }
}
