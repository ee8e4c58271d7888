//! Paths into documents, in both of RedisJSON's syntaxes: `$…` selects any number of values, everything else is a
//! legacy path, which commands answer with one value.
//!
//! [`parse`] reads a path, [`evaluate`] walks a document. Neither recurses deeper than [`NESTING_MAX`] and the depth of
//! a document, and a walk that visits too much ends with an error instead of filling memory.

mod evaluate;
mod filter;
mod parse;

pub(crate) use evaluate::TooMuch;
use evaluate::{VISITS_LOCATED_MAX, VISITS_MAX, Walk};
use filter::Filter;
pub(crate) use parse::PathFault;

use super::{Json, Location};

/// How deep brackets, parentheses and filters may stand in each other.
const NESTING_MAX: usize = 64;

/// A path that was read.
#[derive(Debug)]
pub(crate) struct Path {
    steps: Vec<Step>,
    legacy: bool,
    text: String,
}

/// From each value that was found to the next ones.
#[derive(Debug)]
struct Step {
    /// Not from the value alone but from everything in it.
    deep: bool,
    selector: Selector,
}

/// Which children of a value.
#[derive(Debug)]
enum Selector {
    All,
    Name(Box<str>),
    Names(Vec<Box<str>>),
    Index(i64),
    Indexes(Vec<i64>),
    Slice { start: Option<i64>, end: Option<i64>, step: u64 },
    Filter(Box<Filter>),
}

/// The end of a path that leads to at most one place, which need not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Last<'p> {
    Root,
    Name(&'p str),
    Index,
}

impl Path {
    /// Reads a path of either syntax.
    pub(crate) fn read(text: &[u8]) -> Result<Path, PathFault> {
        let Ok(text) = std::str::from_utf8(text) else { return Err(PathFault::not_utf8()) };
        let legacy = Path::is_legacy_text(text);
        let full = match text.as_bytes() {
            _ if !legacy => text.to_owned(),
            [b'.'] => "$".to_owned(),
            [b'.', ..] => format!("${text}"),
            _ => format!("$.{text}"),
        };
        let steps = parse::path(&full)?;
        Ok(Path { steps, legacy, text: full })
    }

    /// Whether a text is read as a path of the old syntax.
    pub(crate) fn is_legacy_text(text: &str) -> bool {
        !matches!(text.as_bytes(), [b'$'] | [b'$', b'.' | b'[', ..])
    }

    /// The root, as a legacy path.
    pub(crate) fn root() -> Path {
        Path { steps: Vec::new(), legacy: true, text: "$".to_owned() }
    }

    /// Whether it is of the old syntax.
    pub(crate) fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// Whether it is the root itself.
    pub(crate) fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// The path in the new syntax, as errors quote it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// All values it selects, in order; one that is reached on several ways comes several times.
    pub(crate) fn values<'j>(&self, document: &'j Json) -> Result<Vec<&'j Json>, TooMuch> {
        let walk = Walk::new(document, VISITS_MAX);
        let found = walk.steps(&self.steps, vec![(document, ())])?;
        Ok(found.into_iter().map(|(value, ())| value).collect())
    }

    /// Where the values stand that it selects, in order, each once.
    pub(crate) fn locations(&self, document: &Json) -> Result<Vec<Location>, TooMuch> {
        let walk = Walk::new(document, VISITS_LOCATED_MAX);
        let found = walk.steps(&self.steps, vec![(document, Location::new())])?;
        let mut locations: Vec<Location> = found.into_iter().map(|(_, location)| location).collect();
        if self.steps.len() > 1 || self.has_union() {
            let mut seen = std::collections::BTreeSet::new();
            locations.retain(|location| seen.insert(location.clone()));
        }
        Ok(locations)
    }

    /// The last step, if the path names one place whatever the document is; `None` if it does not.
    pub(crate) fn last(&self) -> Option<Last<'_>> {
        let is_single =
            |step: &Step| !step.deep && matches!(step.selector, Selector::Name(_) | Selector::Index(_));
        if !self.steps.iter().all(is_single) {
            return None;
        }
        Some(match self.steps.last().map(|step| &step.selector) {
            Some(Selector::Name(name)) => Last::Name(name),
            Some(_) => Last::Index,
            None => Last::Root,
        })
    }

    /// Where what its last step starts from stands.
    pub(crate) fn parents(&self, document: &Json) -> Result<Vec<Location>, TooMuch> {
        let walk = Walk::new(document, VISITS_LOCATED_MAX);
        let (_, steps) = self.steps.split_last().unwrap_or((&Step::ALL, &[]));
        let found = walk.steps(steps, vec![(document, Location::new())])?;
        Ok(found.into_iter().map(|(_, location)| location).collect())
    }

    fn has_union(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.selector, Selector::Names(_) | Selector::Indexes(_)))
    }
}

impl Step {
    const ALL: Step = Step { deep: false, selector: Selector::All };
}

#[cfg(test)]
mod tests;
