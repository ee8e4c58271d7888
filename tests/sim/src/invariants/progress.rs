//! Once all faults have ended, commands of every shard succeed again from everywhere, within a bound.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use meridian_topology::ShardId;

use super::Violation;

/// How long it may take from the end of the faults to the end of a command.
///
/// A stream that lost bytes is only given up when its keepalive or its deadline is over; then leaders are elected.
pub(crate) const BOUND: Duration = Duration::from_secs(6);

/// The last command that succeeded, by host and shard: when it was called.
#[derive(Debug, Default)]
pub(crate) struct Progress(BTreeMap<(String, ShardId), u64>);

impl Progress {
    /// A command that was called at `called` has succeeded.
    pub(crate) fn made(&mut self, host: &str, shard: ShardId, called: u64) {
        let latest = self.0.entry((host.to_owned(), shard)).or_default();
        *latest = called.max(*latest);
    }

    /// Who has had no success since `since`.
    pub(crate) fn missing(
        &self,
        hosts: &[String],
        shards: &[ShardId],
        since: u64,
    ) -> BTreeSet<(String, ShardId)> {
        let all = hosts.iter().flat_map(|host| shards.iter().map(move |shard| (host.clone(), *shard)));
        all.filter(|who| self.0.get(who).is_none_or(|latest| *latest < since)).collect()
    }
}

pub(crate) fn violation(missing: &BTreeSet<(String, ShardId)>) -> Violation {
    Violation::new("progress without faults", format!("none within {BOUND:?} for {missing:?}"))
}
