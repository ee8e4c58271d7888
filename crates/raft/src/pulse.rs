//! One clock for all replicas of a node: the heartbeats of those that lead, the candidacies of those that follow.
//!
//! openraft has a timer per group; its ticks cost more than the heartbeats themselves when nothing happens, and spread
//! the heartbeats of the groups over time so that each is a message of its own. Here all groups beat together.
//!
//! A candidacy asks first whether it would succeed (a preliminary vote), and voters refuse while a leader's lease
//! lasts. So standing for election too early costs nothing but the messages, and no randomness is needed: the voters
//! stand one after the other, in an order that depends on the shard, so that a lost node's shards spread over the
//! others.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use meridian_rt::clock::Instant;
use openraft::ServerState;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{host::Groups, replica::Replica, timing::Timing};

/// A voter's lease starts when it has dealt with a message, a little after we see it.
const LEASE_SLACK: Duration = Duration::from_millis(5);

/// How often a replica has stood for election since it last heard a leader.
#[derive(Default)]
struct Attempts {
    since: Option<Instant>,
    count: u32,
}

/// Beats until `stop`.
pub(crate) async fn run(groups: Arc<Groups>, timing: Timing, stop: CancellationToken) {
    let mut attempts: BTreeMap<u32, Attempts> = BTreeMap::new();
    let mut beat = tokio::time::interval(timing.heartbeat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next_candidacy: Option<Instant> = None;
    loop {
        let candidacy = async {
            match next_candidacy {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let beats = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = beat.tick() => true,
            () = candidacy => false,
            () = groups.changed.notified() => false,
        };
        let now = Instant::now();
        next_candidacy = None;
        let replicas = groups.all();
        attempts.retain(|shard, _| replicas.iter().any(|replica| replica.shard.0 == *shard));
        for replica in &replicas {
            if beats && leads(replica) {
                replica.heartbeat();
            }
            let attempts = attempts.entry(replica.shard.0).or_default();
            if let Some(due) = stand(replica, attempts, timing, now) {
                next_candidacy = Some(next_candidacy.map_or(due, |next| next.min(due)));
            }
        }
    }
}

fn leads(replica: &Replica) -> bool {
    replica.with_metrics(|metrics| metrics.state == ServerState::Leader)
}

/// Stands for election if it is time, and says when it will be time next.
fn stand(replica: &Replica, attempts: &mut Attempts, timing: Timing, now: Instant) -> Option<Instant> {
    let (voters, last_leader) = replica.with_metrics(|metrics| {
        let eligible = metrics.state != ServerState::Leader && metrics.running_state.is_ok();
        let voters: BTreeSet<u64> = if eligible {
            metrics.membership_config.membership().voter_ids().collect()
        } else {
            BTreeSet::new()
        };
        (voters, metrics.current_leader)
    });
    if !voters.contains(&replica.node.0) {
        return None;
    }
    let heard = replica.heard.at();
    if attempts.since != Some(heard) {
        *attempts = Attempts { since: Some(heard), count: 0 };
    }
    let rank = rank(&voters, last_leader, replica.node.0, replica.shard.0);
    let alone = voters.len() == 1;
    let first = if alone { heard } else { heard + timing.election_max + LEASE_SLACK + timing.stagger * rank };
    let due = (first + timing.retry(voters.len()) * attempts.count).max(replica.heard.quiet_until());
    if now < due {
        return Some(due);
    }
    attempts.count += 1;
    tracing::info!(shard = %replica.shard, rank, attempt = attempts.count, "no leader heard: standing for election");
    replica.stand();
    Some(first.max(now) + timing.retry(voters.len()))
}

/// Which of the voters that may be alive stands first: a turn that starts elsewhere for every shard.
fn rank(voters: &BTreeSet<u64>, last_leader: Option<u64>, node: u64, shard: u32) -> u32 {
    let others: Vec<u64> = voters.iter().copied().filter(|voter| Some(*voter) != last_leader).collect();
    let count = others.len() as u64;
    match others.iter().position(|voter| *voter == node) {
        Some(position) => ((position as u64 + u64::from(shard)) % count) as u32,
        // The last leader itself, after a restart: after all others.
        None => count as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_have_different_ranks_and_shards_start_elsewhere() {
        let voters: BTreeSet<u64> = [1, 2, 3].into();
        let ranks = |shard| [1, 2, 3].map(|node| rank(&voters, Some(1), node, shard));
        assert_eq!(ranks(0), [2, 0, 1]);
        assert_eq!(ranks(1), [2, 1, 0]);
        let unknown = |shard| [1, 2, 3].map(|node| rank(&voters, None, node, shard));
        assert_eq!(unknown(0), [0, 1, 2]);
        assert_eq!(unknown(2), [2, 0, 1]);
    }
}
