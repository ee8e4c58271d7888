//! Nothing acknowledged is lost, nothing happens twice, nothing happens that was said not to have happened.
//!
//! Clients append unique tokens to a journal; at the end the journal says what happened, and in which order.

use std::collections::BTreeMap;

use super::Violation;
use crate::history::{Appended, Fate};

const NAME: &str = "acknowledged stays, once";

/// Judges one journal: the tokens in the order in which they stand in it, and what clients know.
pub(crate) fn judge(key: &str, journal: &str, appended: &[Appended]) -> Result<(), Violation> {
    let tokens: Vec<&str> = journal.split_terminator(';').collect();
    let mut places = BTreeMap::new();
    for (place, token) in tokens.iter().enumerate() {
        if let Some(before) = places.insert(*token, place) {
            let what = format!("{key}: {token} stands at {before} and at {place}");
            return Err(Violation::new(NAME, what));
        }
    }
    let mut acknowledged: Vec<(&Appended, u64, usize)> = Vec::new();
    for append in appended {
        match (append.fate, places.remove(append.token.as_str())) {
            (Fate::Done(at), Some(place)) => acknowledged.push((append, at, place)),
            (Fate::Done(at), None) => {
                let what = format!("{key}: {} was acknowledged at {at} and is gone", append.token);
                return Err(Violation::new(NAME, what));
            }
            (Fate::NotDone, Some(place)) => {
                let what = format!("{key}: {} was refused and stands at {place}", append.token);
                return Err(Violation::new(NAME, what));
            }
            (Fate::NotDone, None) | (Fate::Unknown, _) => {}
        }
    }
    if let Some((token, place)) = places.into_iter().next() {
        return Err(Violation::new(NAME, format!("{key}: nobody appended {token}, at {place}")));
    }
    in_order(key, acknowledged)
}

/// What was called after another's acknowledgement stands behind it.
fn in_order(key: &str, mut acknowledged: Vec<(&Appended, u64, usize)>) -> Result<(), Violation> {
    acknowledged.sort_by_key(|(_, _, place)| *place);
    // Walking backwards, the earliest acknowledgement among those that stand further back.
    let mut earliest: Option<(u64, &Appended)> = None;
    for (append, at, _) in acknowledged.into_iter().rev() {
        if let Some((behind_at, behind)) = earliest
            && behind_at < append.called
        {
            let what = format!(
                "{key}: {} was done before {} was begun, and stands behind it",
                behind.token, append.token
            );
            return Err(Violation::new(NAME, what));
        }
        if earliest.is_none_or(|(behind_at, _)| at < behind_at) {
            earliest = Some((at, append));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(token: &str, called: u64, fate: Fate) -> Appended {
        Appended { token: token.to_owned(), called, fate }
    }

    #[test]
    fn losses_doubles_lies_and_disorder_are_found() {
        let a = appended("a", 1, Fate::Done(2));
        let b = appended("b", 3, Fate::Done(4));
        let refused = appended("r", 5, Fate::NotDone);
        let unknown = appended("u", 5, Fate::Unknown);
        let all = [a, b, refused, unknown];
        assert_eq!(judge("k", "a;b;", &all), Ok(()));
        assert_eq!(judge("k", "u;a;b;", &all), Ok(()));
        for wrong in ["a;", "b;a;", "a;b;a;", "a;b;r;", "a;b;x;", "a;b;u;u;"] {
            assert!(judge("k", wrong, &all).is_err(), "{wrong}");
        }
    }
}
