//! The times that failure detection and leases are made of.

use std::time::Duration;

/// How often leaders are heard, and how long silence is tolerated. The same on every replica of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How often a leader that has nothing to send is heard nevertheless.
    pub heartbeat: Duration,
    /// How long an answer to a vote may take. Longer than two heartbeats, shorter than `election_max`.
    pub election_min: Duration,
    /// A leader's lease: nobody else is elected for so long after a majority last heard the leader.
    pub election_max: Duration,
    /// Once a lease is over the voters stand for election one after the other, so far apart.
    /// Longer than an election takes: two round trips and two syncs.
    pub stagger: Duration,
    /// A stream between two nodes whose messages are not received for so long is broken off.
    pub receipt: Duration,
}

impl Default for Timing {
    /// For nodes in one region: a lost leader is replaced within half a second.
    fn default() -> Self {
        Timing {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(350),
            election_max: Duration::from_millis(400),
            stagger: Duration::from_millis(40),
            receipt: Duration::from_millis(1000),
        }
    }
}

impl Timing {
    /// For replicas whose messages take `round_trip` there and back.
    pub fn for_round_trip(round_trip: Duration) -> Self {
        let local = Timing::default();
        Timing {
            heartbeat: local.heartbeat + round_trip,
            election_min: local.election_min + round_trip * 4,
            election_max: local.election_max + round_trip * 5,
            stagger: local.stagger + round_trip * 2,
            receipt: local.receipt + round_trip * 4,
        }
    }

    /// How long the leader may answer reads after a majority last heard it: shorter than the followers' lease, by
    /// what two clocks may drift apart in that time.
    pub(crate) fn read_lease(&self) -> Duration {
        self.election_max * 9 / 10
    }

    /// A follower that was not heard for so long is not to lead: three heartbeats.
    pub(crate) fn silence(&self) -> Duration {
        self.heartbeat * 3
    }

    /// How far apart one voter's attempts are.
    pub(crate) fn retry(&self, voters: usize) -> Duration {
        self.stagger * u32::try_from(voters.max(3) + 1).unwrap_or(u32::MAX)
    }
}
