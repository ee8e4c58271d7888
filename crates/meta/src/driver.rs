//! Takes the steps that the planner names, while this replica leads the meta group.
//!
//! Wakes at events only: the map has changed, a node came or fell silent, a step is done. Steps of different shards run
//! side by side, one at a time for every shard. A step that failed is planned anew after a pause that grows. Another
//! leader of the meta group may repeat what this one has begun; every step allows that.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use meridian_proto::meta::{GroupRecord, PlaceReplicas, Placing, command::Kind};
use meridian_rt::clock::Instant;
use meridian_topology::{NodeId, ShardId};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    control::{Asked, Error, Leaders, Present, Shared},
    plan::{self, Step, View},
};

/// Steps under way at once; more would only wait for the same disks.
const STEPS_AT_ONCE: usize = 32;
/// Pause after a failed step: first, and at most.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LAST: Duration = Duration::from_secs(10);
/// How long a leader that was moved may take to report before the shard is planned anew.
const SETTLE: Duration = Duration::from_secs(2);

/// Drives in every term in which this replica leads.
pub(crate) async fn run(shared: &Shared, leaders: Arc<dyn Leaders>) {
    let mut leadership = shared.group.leadership();
    loop {
        let Ok(term) = leadership.wait_for(|leadership| leadership.ready).await.map(|now| now.term) else {
            return;
        };
        tracing::info!(term, "leading the meta group");
        let driver = Driver {
            shared,
            leaders: Arc::clone(&leaders),
            term,
            shards: BTreeMap::new(),
            jobs: JoinSet::new(),
        };
        if driver.lead(&mut leadership).await.is_none() {
            return;
        }
        tracing::info!(term, "no longer leading the meta group");
    }
}

struct Driver<'a> {
    shared: &'a Shared,
    leaders: Arc<dyn Leaders>,
    term: u64,
    /// Shards that are not to be planned now.
    shards: BTreeMap<ShardId, Pending>,
    jobs: JoinSet<Done>,
}

/// A shard for which a step is under way or was taken lately.
struct Pending {
    running: bool,
    /// Who will lead when the step is done, where it is about that.
    moving_to: Option<NodeId>,
    until: Instant,
    failures: u32,
}

struct Done {
    shard: ShardId,
    result: Result<GroupRecord, String>,
}

impl Driver<'_> {
    /// Returns when the term is over; `None` if the group is closed.
    async fn lead(mut self, leadership: &mut watch::Receiver<meridian_raft::Leadership>) -> Option<()> {
        let mut map = self.shared.machine.map();
        loop {
            {
                let now = leadership.borrow_and_update();
                if !now.ready || now.term != self.term {
                    return Some(());
                }
            }
            map.mark_unchanged();
            let wake_at = match self.step().await {
                Ok(wake_at) => wake_at,
                Err(error) => {
                    tracing::info!(%error, "a step of the control plane was not written down");
                    Some(Instant::now() + PAUSE_FIRST)
                }
            };
            tokio::select! {
                changed = leadership.changed() => changed.ok()?,
                changed = map.changed() => changed.ok()?,
                () = self.shared.presence_changed.notified() => {}
                Some(done) = self.jobs.join_next() => self.finished(done).await,
                () = sleep_until(wake_at) => {}
            }
        }
    }

    /// Starts what is to be done next. Returns when to look again if nothing happens before.
    async fn step(&mut self) -> Result<Option<Instant>, Error> {
        let now = Instant::now();
        let map = Arc::clone(&self.shared.machine.map().borrow());
        let Present { nodes: present, open, until: silent_at } = self.shared.present();
        self.shards.retain(|shard, pending| {
            let arrived = pending.moving_to.is_some()
                && map.shards.get(shard).is_some_and(|info| info.leader_hint == pending.moving_to);
            pending.running || (pending.until > now && !arrived) || pending.failures > 0
        });
        let waits = |pending: &&Pending| pending.running || pending.until > now;
        let busy: BTreeMap<_, _> = self
            .shards
            .iter()
            .filter(|(_, pending)| waits(pending))
            .map(|(shard, pending)| (*shard, pending.moving_to))
            .collect();
        let steps = plan::plan(&View { map: &map, present: &present, open: &open, busy: &busy });
        let mut placings = Vec::new();
        for step in steps {
            match step {
                Step::Place { shard, nodes } => {
                    let nodes = nodes.into_iter().map(|node| node.0).collect();
                    placings.push(Placing { shard: shard.0, nodes });
                }
                Step::ChangeVoters { shard, leader, voters } => {
                    let term = self.term;
                    self.begin(shard, None, |leaders| leaders.change_voters(term, leader, shard, &voters));
                }
                Step::MoveLeader { shard, leader, target } => {
                    self.begin(shard, Some(target), |leaders| leaders.move_leader(leader, shard, target));
                }
            }
        }
        if !placings.is_empty() {
            tracing::info!(shards = placings.len(), "placing replicas");
            self.shared.propose(Kind::PlaceReplicas(PlaceReplicas { placings })).await?;
        }
        let pauses = self.shards.values().filter(|pending| !pending.running && pending.until > now);
        Ok(pauses.map(|pending| pending.until).chain(silent_at).min())
    }

    fn begin(&mut self, shard: ShardId, moving_to: Option<NodeId>, ask: impl FnOnce(&dyn Leaders) -> Asked) {
        if self.jobs.len() >= STEPS_AT_ONCE {
            return;
        }
        let asked = ask(&*self.leaders);
        let failures = self.shards.get(&shard).map_or(0, |pending| pending.failures);
        self.shards.insert(shard, Pending { running: true, moving_to, until: Instant::now(), failures });
        self.jobs.spawn(async move { Done { shard, result: asked.await } });
    }

    /// Takes over the outcome of a step, and of all others that are done by now.
    async fn finished(&mut self, first: Result<Done, tokio::task::JoinError>) {
        let mut records = Vec::new();
        let mut next = Some(first);
        while let Some(done) = next {
            match done {
                Ok(done) => records.extend(self.note(done)),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            }
            next = self.jobs.try_join_next();
        }
        if let Err(error) = self.shared.record(records).await {
            // The next report says the same again.
            tracing::info!(%error, "the outcome of a step was not written down");
        }
    }

    fn note(&mut self, done: Done) -> Option<GroupRecord> {
        let pending = self.shards.get_mut(&done.shard)?;
        pending.running = false;
        match done.result {
            Ok(record) => {
                pending.failures = 0;
                if pending.moving_to.is_some() {
                    pending.until = Instant::now() + SETTLE;
                }
                Some(record)
            }
            Err(error) => {
                pending.moving_to = None;
                let pause = PAUSE_FIRST.saturating_mul(1 << pending.failures.min(10)).min(PAUSE_LAST);
                pending.until = Instant::now() + pause;
                pending.failures += 1;
                tracing::info!(shard = %done.shard, error, ?pause, "a step failed and will be planned anew");
                None
            }
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
