//! Conditions in paths: `[?(@.price < 10 && @.name =~ "^a")]`.

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};

use super::{
    Step,
    evaluate::{TooMuch, Walk},
};
use crate::value::json::Json;

/// What a pattern may take in memory.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// What making a pattern out of a value costs, as values looked at.
const PATTERN_VISITS: usize = 4096;

/// A condition on a value.
#[derive(Debug)]
pub(super) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Not(Box<Filter>),
    /// There is such a value.
    Exists(Operand),
    Compare(Operand, Comparison, Operand),
    Matches(Operand, Operand),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// One side of a comparison.
#[derive(Debug)]
pub(super) enum Operand {
    Literal(Json),
    /// From the value that is tested.
    Here(Vec<Step>),
    /// From the root of the document.
    Root(Vec<Step>),
    /// A text on the right of `=~`; without the pattern if it is none.
    Pattern(Option<Regex>),
}

/// A pattern of bounded size, or nothing if the text is none.
pub(super) fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX).build().ok()
}

impl Filter {
    pub(super) fn admits<'j>(&self, walk: &Walk<'j>, value: &'j Json) -> Result<bool, TooMuch> {
        Ok(match self {
            Filter::Any(filters) => {
                for filter in filters {
                    if filter.admits(walk, value)? {
                        return Ok(true);
                    }
                }
                false
            }
            Filter::All(filters) => {
                for filter in filters {
                    if !filter.admits(walk, value)? {
                        return Ok(false);
                    }
                }
                true
            }
            Filter::Not(filter) => !filter.admits(walk, value)?,
            Filter::Exists(Operand::Literal(literal)) => !matches!(literal, Json::Bool(false) | Json::Null),
            Filter::Exists(operand) => !operand.values(walk, value)?.is_empty(),
            Filter::Compare(left, how, right) => {
                let (left, right) = (left.values(walk, value)?, right.values(walk, value)?);
                walk.visit(left.len().saturating_mul(right.len()))?;
                left.iter().any(|a| right.iter().any(|b| how.holds(a, b)))
            }
            Filter::Matches(text, Operand::Pattern(pattern)) => {
                let Some(pattern) = pattern else { return Ok(false) };
                text.values(walk, value)?.iter().any(|text| is_match(pattern, text))
            }
            Filter::Matches(text, from) => {
                let texts = text.values(walk, value)?;
                for source in from.values(walk, value)? {
                    walk.visit(PATTERN_VISITS)?;
                    if let Json::Text(source) = source
                        && let Some(pattern) = pattern(source)
                        && texts.iter().any(|text| is_match(&pattern, text))
                    {
                        return Ok(true);
                    }
                }
                false
            }
        })
    }
}

impl Operand {
    fn values<'a, 'j: 'a>(&'a self, walk: &Walk<'j>, value: &'j Json) -> Result<Vec<&'a Json>, TooMuch> {
        let (steps, from) = match self {
            Operand::Literal(literal) => return Ok(vec![literal]),
            Operand::Pattern(_) => return Ok(Vec::new()),
            Operand::Here(steps) => (steps, value),
            Operand::Root(steps) => (steps, walk.root),
        };
        let found = walk.steps(steps, vec![(from, ())])?;
        Ok(found.into_iter().map(|(value, ())| value).collect())
    }
}

fn is_match(pattern: &Regex, value: &Json) -> bool {
    matches!(value, Json::Text(text) if pattern.is_match(text))
}

impl Comparison {
    fn holds(self, left: &Json, right: &Json) -> bool {
        let order = order(left, right);
        match self {
            Comparison::Equal => order == Some(Ordering::Equal) || left == right,
            Comparison::Unequal => order != Some(Ordering::Equal) && left != right,
            Comparison::Less => order == Some(Ordering::Less),
            Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

/// How two values stand to each other, if they are of kinds that have an order.
fn order(left: &Json, right: &Json) -> Option<Ordering> {
    match (left, right) {
        (Json::Int(a), Json::Int(b)) => Some(a.cmp(b)),
        (Json::Text(a), Json::Text(b)) => Some(a.cmp(b)),
        (Json::Bool(a), Json::Bool(b)) => Some(a.cmp(b)),
        (Json::BigInt(a), Json::BigInt(b)) => Some(a.cmp(b)),
        (Json::Int(_), Json::BigInt(_)) => Some(Ordering::Less),
        (Json::BigInt(_), Json::Int(_)) => Some(Ordering::Greater),
        _ => left.number()?.partial_cmp(&right.number()?),
    }
}
