//! Walks a document along the steps of a path.

use std::cell::Cell;

use super::{Selector, Step, filter::Filter};
use crate::value::json::{Json, Location};

/// How many values one command may look at.
pub(super) const VISITS_MAX: usize = 1 << 24;

/// The same where the place of each is remembered.
pub(super) const VISITS_LOCATED_MAX: usize = 1 << 22;

/// A path that leads to more values than may be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch;

/// What is remembered of the way to a value.
pub(super) trait Trail: Clone {
    fn to(&self, position: usize) -> Self;
}

impl Trail for () {
    fn to(&self, _: usize) {}
}

impl Trail for Location {
    fn to(&self, position: usize) -> Location {
        let mut location = self.clone();
        // Documents are texts of at most 512 MB: fewer elements than a u32 counts.
        location.push(position as u32);
        location
    }
}

/// One walk through a document.
pub(super) struct Walk<'j> {
    pub(super) root: &'j Json,
    visits_left: Cell<usize>,
}

impl<'j> Walk<'j> {
    pub(super) fn new(root: &'j Json, visits_max: usize) -> Walk<'j> {
        Walk { root, visits_left: Cell::new(visits_max) }
    }

    /// Follows the steps from each of `found`.
    pub(super) fn steps<T: Trail>(
        &self,
        steps: &[Step],
        mut found: Vec<(&'j Json, T)>,
    ) -> Result<Vec<(&'j Json, T)>, TooMuch> {
        for step in steps {
            let mut next = Vec::new();
            for (value, trail) in found {
                if step.deep {
                    self.deep(&step.selector, value, &trail, &mut next)?;
                } else {
                    self.select(&step.selector, value, &trail, &mut next)?;
                }
            }
            found = next;
        }
        Ok(found)
    }

    /// Counts values that are looked at.
    pub(super) fn visit(&self, count: usize) -> Result<(), TooMuch> {
        self.visits_left.set(self.visits_left.get().checked_sub(count).ok_or(TooMuch)?);
        Ok(())
    }

    /// Selects from a value and from everything in it: a value before what is in it.
    fn deep<T: Trail>(
        &self,
        selector: &Selector,
        value: &'j Json,
        trail: &T,
        found: &mut Vec<(&'j Json, T)>,
    ) -> Result<(), TooMuch> {
        self.select(selector, value, trail, found)?;
        for (position, child) in children(value).enumerate() {
            self.visit(1)?;
            if matches!(child, Json::Array(_) | Json::Object(_)) {
                self.deep(selector, child, &trail.to(position), found)?;
            }
        }
        Ok(())
    }

    fn select<T: Trail>(
        &self,
        selector: &Selector,
        value: &'j Json,
        trail: &T,
        found: &mut Vec<(&'j Json, T)>,
    ) -> Result<(), TooMuch> {
        self.visit(1)?;
        let mut add = |position: Option<usize>| {
            let Some(position) = position else { return Ok(()) };
            let Some(child) = value.child(position) else { return Ok(()) };
            self.visit(1)?;
            found.push((child, trail.to(position)));
            Ok(())
        };
        match selector {
            Selector::All => (0..children(value).len()).try_for_each(|position| add(Some(position))),
            Selector::Name(name) => add(named(value, name)),
            Selector::Names(names) => names.iter().try_for_each(|name| add(named(value, name))),
            Selector::Index(index) => add(indexed(value, *index)),
            Selector::Indexes(indexes) => indexes.iter().try_for_each(|index| add(indexed(value, *index))),
            Selector::Slice { start, end, step } => {
                slice(value, *start, *end, *step).try_for_each(|position| add(Some(position)))
            }
            Selector::Filter(filter) => self.filter(filter, value, trail, found),
        }
    }

    fn filter<T: Trail>(
        &self,
        filter: &Filter,
        value: &'j Json,
        trail: &T,
        found: &mut Vec<(&'j Json, T)>,
    ) -> Result<(), TooMuch> {
        for (position, child) in children(value).enumerate() {
            self.visit(1)?;
            if filter.admits(self, child)? {
                found.push((child, trail.to(position)));
            }
        }
        Ok(())
    }
}

/// The elements of an array or the values of an object, in order.
fn children(value: &Json) -> impl ExactSizeIterator<Item = &Json> {
    let length = match value {
        Json::Array(elements) => elements.len(),
        Json::Object(object) => object.len(),
        _ => 0,
    };
    (0..length).map(move |position| value.child(position).unwrap_or(&Json::Null))
}

fn named(value: &Json, name: &str) -> Option<usize> {
    match value {
        Json::Object(object) => object.position(name),
        _ => None,
    }
}

/// An index from the beginning, or from the end if it is negative: then one before the beginning is the beginning.
fn indexed(value: &Json, index: i64) -> Option<usize> {
    let Json::Array(elements) = value else { return None };
    let from_end = || (elements.len() as i64).saturating_add(index).max(0);
    let position = if index < 0 { from_end() } else { index };
    usize::try_from(position).ok().filter(|position| *position < elements.len())
}

fn slice(value: &Json, start: Option<i64>, end: Option<i64>, step: u64) -> impl Iterator<Item = usize> {
    let length = match value {
        Json::Array(elements) => elements.len() as i64,
        _ => 0,
    };
    let place =
        |index: i64| (if index < 0 { length.saturating_add(index) } else { index }).clamp(0, length) as usize;
    let range = place(start.unwrap_or(0))..place(end.unwrap_or(length));
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    let range = if step == 0 { 0..0 } else { range };
    range.step_by(step.max(1))
}
