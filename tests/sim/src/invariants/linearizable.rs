//! What clients saw of each key could have come from one register that does one thing after the other.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use meridian_testkit::{Event, Verdict, check};

use super::Violation;

/// How long the search may take for one key, of real time.
const LIMIT: Duration = Duration::from_secs(20);

/// Judges all keys; returns how many could not be decided in time.
pub(crate) fn judge(keys: &BTreeMap<Bytes, Vec<Event>>) -> Result<usize, Violation> {
    let mut undecided = 0;
    for (key, events) in keys {
        match check(events, LIMIT) {
            Verdict::Linearizable => {}
            Verdict::Undecided => undecided += 1,
            Verdict::Violation(open) => {
                let mut what = format!("key {} with {} events; stuck at", key.escape_ascii(), events.len());
                for event in open {
                    what.push_str(&format!("\n    {event}"));
                }
                what.push_str("\n  all of them:");
                let mut all: Vec<&Event> = events.iter().collect();
                all.sort_by_key(|event| event.called);
                for event in all {
                    what.push_str(&format!("\n    {event}"));
                }
                return Err(Violation::new("linearizable", what));
            }
        }
    }
    Ok(undecided)
}
