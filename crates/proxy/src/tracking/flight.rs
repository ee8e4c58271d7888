//! Commands of a client between the moment before they are sent and that when their replies are put out.

use std::{collections::BTreeSet, fmt, sync::Arc};

use bytes::Bytes;
use meridian_command::ReplyWriter;

use super::{Tracked, Tracking};

/// What a client must no longer use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    Keys(Vec<Bytes>),
    All,
}

impl Invalid {
    pub(super) fn write(&self, reply: &mut ReplyWriter<'_>) {
        match self {
            Invalid::Keys(keys) => {
                reply.array(keys.len());
                keys.iter().for_each(|key| reply.bulk(key));
            }
            Invalid::All => reply.null(),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) number: u64,
    reads: BTreeSet<Bytes>,
    /// Keys that scripts read are added once the shard tells them.
    scripts: bool,
    /// What is told behind the replies.
    after: Vec<Invalid>,
}

impl Flight {
    pub(super) fn new(number: u64, reads: Vec<Bytes>, scripts: bool) -> Flight {
        Flight { number, reads: reads.into_iter().collect(), scripts, after: Vec::new() }
    }

    pub(super) fn is_reading(&self, key: &Bytes) -> bool {
        self.reads.contains(key)
    }

    /// Adds keys that a script has read; whether any may be.
    pub(super) fn add_reads(&mut self, keys: &[Bytes]) -> bool {
        if self.scripts {
            self.reads.extend(keys.iter().cloned());
        }
        self.scripts
    }

    /// What of that the replies under way may hold.
    pub(super) fn part_of(&self, invalid: &Invalid) -> Option<Invalid> {
        match invalid {
            Invalid::All => (self.scripts || !self.reads.is_empty()).then_some(Invalid::All),
            Invalid::Keys(keys) => {
                let read: Vec<Bytes> = keys.iter().filter(|key| self.reads.contains(*key)).cloned().collect();
                (!read.is_empty()).then_some(Invalid::Keys(read))
            }
        }
    }

    pub(super) fn tell_after(&mut self, invalid: Invalid) {
        if self.after.last() != Some(&invalid) {
            self.after.push(invalid);
        }
    }

    pub(super) fn land(self) -> Vec<Invalid> {
        self.after
    }
}

/// A flight under way; dropped, it has landed, and the client is told what became invalid meanwhile.
pub(crate) struct Flying {
    tracking: Arc<Tracking>,
    tracked: Arc<Tracked>,
    number: u64,
    /// What is to be told, once the flight has touched down.
    after: Option<Vec<Invalid>>,
}

impl Flying {
    pub(super) fn new(tracking: Arc<Tracking>, tracked: Arc<Tracked>, number: u64) -> Flying {
        Flying { tracking, tracked, number, after: None }
    }

    /// The replies stand in the buffer. To be called while nothing else can get there: what is told from now on comes
    /// behind them, and need not be told again.
    pub(crate) fn touch_down(&mut self) {
        self.after.get_or_insert_with(|| self.tracked.end_flight(self.number));
    }
}

impl fmt::Debug for Flying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flying").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        self.touch_down();
        for invalid in self.after.take().unwrap_or_default() {
            self.tracking.deliver(&self.tracked, &invalid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&'static str]) -> Vec<Bytes> {
        names.iter().map(|name| Bytes::from_static(name.as_bytes())).collect()
    }

    #[test]
    fn only_what_the_replies_may_hold_is_told_again() {
        let mut flight = Flight::new(1, keys(&["a", "b"]), false);
        let invalid = Invalid::Keys(keys(&["b", "c"]));
        assert_eq!(flight.part_of(&invalid), Some(Invalid::Keys(keys(&["b"]))));
        assert_eq!(flight.part_of(&Invalid::Keys(keys(&["c"]))), None);
        assert!(!flight.add_reads(&keys(&["c"])), "no script was called");
        assert_eq!(flight.part_of(&Invalid::All), Some(Invalid::All));
        assert_eq!(Flight::new(1, Vec::new(), false).part_of(&Invalid::All), None);
    }

    #[test]
    fn keys_of_scripts_join_once_they_are_told() {
        let mut flight = Flight::new(1, Vec::new(), true);
        let invalid = Invalid::Keys(keys(&["a"]));
        assert_eq!(flight.part_of(&invalid), None);
        assert!(flight.add_reads(&keys(&["a"])));
        assert_eq!(flight.part_of(&invalid), Some(invalid));
    }

    #[test]
    fn several_shards_flush_once() {
        let mut flight = Flight::new(1, Vec::new(), false);
        for _ in 0..4 {
            flight.tell_after(Invalid::All);
        }
        assert_eq!(flight.land(), [Invalid::All]);
    }
}
