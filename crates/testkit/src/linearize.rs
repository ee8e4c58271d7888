//! Says whether what clients saw of one key could have come from a single register.
//!
//! The search of Wing and Gong with Lowe's memory of where it has been: repeatedly choose an operation that no other
//! unchosen one precedes, apply it to the value, and never come twice to the same place. What keeps it small:
//! - A read that agrees with the value is chosen at once, because it could be moved to the front of every solution.
//! - An operation of unknown outcome has no end, so nothing comes after it and it need not be chosen. It is chosen only
//!   where it changes the value and the next operation depends on the value; otherwise the solution holds without it.
//! - Of equal operations of unknown outcome the first called is chosen first.

use std::{
    cmp::Reverse,
    collections::HashSet,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use crate::{Operation, Recorded, history::Event};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Linearizable,
    /// No order explains what was seen. The events are those that stood open where the search got furthest.
    Violation(Vec<Event>),
    /// The time was over before the search was.
    Undecided,
}

/// Checks the events of one key, which was absent at the beginning, for at most `limit`.
pub fn check(events: &[Event], limit: Duration) -> Verdict {
    Search::new(events, Instant::now() + limit).run()
}

/// The value of the register.
type State = Option<Bytes>;

/// The events chosen so far, one bit each.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Chosen {
    /// All events before this one are chosen.
    first: usize,
    /// Bits of the events from `first` on, without zeros at the end: equal sets are equal.
    bits: Vec<u64>,
}

impl Chosen {
    fn contains(&self, index: usize) -> bool {
        index < self.first || {
            let at = index - self.first;
            self.bits.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
        }
    }

    fn insert(&mut self, index: usize) {
        let at = index - self.first;
        if self.bits.len() <= at / 64 {
            self.bits.resize(at / 64 + 1, 0);
        }
        self.bits[at / 64] |= 1 << (at % 64);
        // Whole words only, so that no bits have to be shifted.
        while self.bits.first() == Some(&u64::MAX) {
            self.bits.remove(0);
            self.first += 64;
        }
    }
}

/// Where the search is.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Place {
    known: Chosen,
    unknown: Chosen,
    state: State,
    /// The last event chosen was of unknown outcome: the next must depend on the value.
    assumed: bool,
}

/// An event, by where it stands in its list.
#[derive(Clone, Copy, PartialEq)]
enum Choice {
    Known(usize),
    Unknown(usize),
}

struct Search<'a> {
    /// Those with an answer, by the time they were called.
    known: Vec<&'a Event>,
    /// Those that may have changed the value at any time after they were called.
    unknown: Vec<&'a Event>,
    deadline: Instant,
    seen: HashSet<Place>,
    /// The most events chosen at once, and what was open there.
    furthest: (usize, Vec<Choice>),
}

impl<'a> Search<'a> {
    fn new(events: &'a [Event], deadline: Instant) -> Search<'a> {
        let (mut unknown, mut known): (Vec<_>, Vec<_>) =
            events.iter().partition(|event| event.recorded == Recorded::Unknown);
        unknown.retain(|event| event.operation != Operation::Get);
        known.sort_by_key(|event| (event.called, event.answered));
        unknown.sort_by_key(|event| event.called);
        Search { known, unknown, deadline, seen: HashSet::new(), furthest: (0, Vec::new()) }
    }

    fn run(mut self) -> Verdict {
        let start = Place::default();
        let Some(candidates) = self.candidates(&start, 0) else { return Verdict::Linearizable };
        let mut path = vec![(start, candidates)];
        let mut steps = 0_u32;
        while let Some((place, candidates)) = path.last_mut() {
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(256) && Instant::now() >= self.deadline {
                return Verdict::Undecided;
            }
            let Some(choice) = candidates.pop() else {
                path.pop();
                continue;
            };
            let Some(next) = self.step(place, choice) else { continue };
            if !self.seen.insert(next.clone()) {
                continue;
            }
            match self.candidates(&next, path.len()) {
                Some(candidates) => path.push((next, candidates)),
                None => return Verdict::Linearizable,
            }
        }
        Verdict::Violation(self.furthest.1.iter().map(|choice| self.event(*choice).clone()).collect())
    }

    fn event(&self, choice: Choice) -> &'a Event {
        match choice {
            Choice::Known(index) => self.known[index],
            Choice::Unknown(index) => self.unknown[index],
        }
    }

    /// Where a choice leads to; `None` if it contradicts what was answered, or is not worth to be followed.
    fn step(&self, place: &Place, choice: Choice) -> Option<Place> {
        let event = self.event(choice);
        let blind = matches!(
            (&event.operation, &event.recorded),
            (Operation::Set(_), _) | (Operation::Swap(_), Recorded::Unknown)
        );
        if place.assumed && blind {
            return None;
        }
        let state = apply(&place.state, event)?;
        let mut next = Place { state, assumed: false, ..place.clone() };
        match choice {
            Choice::Known(index) => next.known.insert(index),
            Choice::Unknown(_) if next.state == place.state => return None,
            Choice::Unknown(index) => {
                next.unknown.insert(index);
                next.assumed = true;
            }
        }
        Some(next)
    }

    /// What can be chosen next, the best last; `None` if everything that must be chosen is.
    fn candidates(&mut self, place: &Place, depth: usize) -> Option<Vec<Choice>> {
        let mut open = Vec::new();
        let mut horizon = u64::MAX;
        for (index, event) in self.known.iter().enumerate().skip(place.known.first) {
            if event.called > horizon {
                break;
            }
            if !place.known.contains(index) {
                horizon = horizon.min(event.answered);
                open.push(index);
            }
        }
        if open.is_empty() {
            return None;
        }
        if depth >= self.furthest.0 {
            self.furthest = (depth, open.iter().copied().map(Choice::Known).collect());
        }
        let agrees = |index: &&usize| apply(&place.state, self.known[**index]).is_some();
        let harmless = |index: &&usize| self.known[**index].operation == Operation::Get && agrees(index);
        if let Some(read) = open.iter().find(harmless) {
            return Some(vec![Choice::Known(*read)]);
        }
        let mut candidates: Vec<Choice> = self.assumptions(place, horizon).map(Choice::Unknown).collect();
        open.sort_by_key(|index| Reverse(self.known[*index].answered));
        candidates.extend(open.iter().filter(agrees).copied().map(Choice::Known));
        Some(candidates)
    }

    /// The events of unknown outcome that can have happened before `horizon`, the first of each kind.
    fn assumptions(&self, place: &Place, horizon: u64) -> impl Iterator<Item = usize> {
        let mut kinds: Vec<&Operation> = Vec::new();
        let mut found = Vec::new();
        for (index, event) in self.unknown.iter().enumerate().skip(place.unknown.first) {
            if event.called > horizon {
                break;
            }
            if !place.unknown.contains(index) && !kinds.contains(&&event.operation) {
                kinds.push(&event.operation);
                found.push(index);
            }
        }
        found.into_iter().rev()
    }
}

/// The value after `event`, or `None` if it cannot have happened to this value with what was answered.
fn apply(state: &State, event: &Event) -> Option<State> {
    let (next, answer) = perform(state, &event.operation)?;
    let agrees = event.recorded == Recorded::Unknown || event.recorded == answer;
    agrees.then_some(next)
}

/// What a register does: its next value and its answer. `None` if it would answer with an error.
fn perform(state: &State, operation: &Operation) -> Option<(State, Recorded)> {
    Some(match operation {
        Operation::Get => (state.clone(), Recorded::Value(state.clone())),
        Operation::Set(value) => (Some(value.clone()), Recorded::Done),
        Operation::Swap(value) => (value.clone(), Recorded::Value(state.clone())),
        Operation::Increment(by) => {
            let old: i64 = match state {
                Some(value) => std::str::from_utf8(value).ok()?.parse().ok()?,
                None => 0,
            };
            let sum = old.checked_add(*by)?;
            (Some(sum.to_string().into()), Recorded::Number(sum))
        }
        Operation::Append(tail) => {
            let mut value = BytesMut::from(state.as_deref().unwrap_or_default());
            value.extend_from_slice(tail);
            let length = i64::try_from(value.len()).ok()?;
            (Some(value.freeze()), Recorded::Number(length))
        }
        Operation::CompareAndSet { expected, new } if expected == state => {
            (new.clone(), Recorded::Held(true))
        }
        Operation::CompareAndSet { .. } => (state.clone(), Recorded::Held(false)),
    })
}

#[cfg(test)]
mod tests;
