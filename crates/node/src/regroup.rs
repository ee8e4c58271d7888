//! Changes of a group that its leader carries out: who votes, and who leads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use meridian_meta::control::{Asked, Leaders};
use meridian_proto::{
    admin::{ChangeReplicasRequest, TransferLeaderRequest},
    convert::bytes_of_u128,
    meta::GroupRecord,
};
use meridian_raft::{Group, Leadership, MembershipError, Role};
use meridian_topology::{ClusterId, NodeId, ShardId};
use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tonic::Status;

use crate::{
    hosting::Hosting,
    peers::{Peers, within},
    report::record,
};

/// How long a change of voters may take, the catching up of new ones included. The driver asks again after it; what the
/// new replica has received by then counts.
const CHANGE: Duration = Duration::from_secs(60);
/// How long a transfer of leadership may take.
const TRANSFER: Duration = Duration::from_secs(10);
/// A new replica becomes a voter when it lacks no more than so many entries.
const LAG_MAX: u64 = 256;
/// How often a new replica's progress is looked at: first, and at most.
const LOOK_FIRST: Duration = Duration::from_millis(1);
const LOOK_LAST: Duration = Duration::from_millis(100);

/// Makes exactly `voters` the members of a group that this node leads.
pub(crate) async fn change_voters(
    node: NodeId,
    shard: ShardId,
    group: &Group,
    voters: &BTreeSet<NodeId>,
) -> Result<GroupRecord, Status> {
    let refused = |error: MembershipError| Status::unavailable(error.to_string());
    let status = group.status();
    let known = |voter: &&NodeId| status.voters.contains(voter) || status.learners.contains(voter);
    for new in voters.iter().filter(|voter| !known(voter)) {
        group.add_learner(*new).await.map_err(refused)?;
    }
    caught_up(group, voters).await?;
    // A change that an earlier leader began and did not finish is finished by the same request.
    let status = group.status();
    if status.changing || status.voters != *voters {
        group.change_voters(voters.clone()).await.map_err(refused)?;
    }
    for learner in group.status().learners {
        if !voters.contains(&learner) {
            group.remove_learner(learner).await.map_err(refused)?;
        }
    }
    tracing::info!(%shard, ?voters, "voters changed");
    // From what was agreed on, not from how far this replica's view of it is.
    let agreed = voters.iter().map(|voter| voter.0).collect();
    Ok(GroupRecord { voters: agreed, learners: Vec::new(), only: true, ..record(node, shard, group) })
}

/// Lets one change of a group at a time through, and none of a meta leader that has been succeeded: what it believes the
/// group to become is no longer what the map will say.
#[derive(Default)]
pub(crate) struct Fences {
    shards: Mutex<BTreeMap<ShardId, Arc<AsyncMutex<u64>>>>,
}

/// Held while a change is under way.
pub(crate) type Passed = OwnedMutexGuard<u64>;

impl Fences {
    /// Waits for the change before this one.
    pub(crate) async fn pass(&self, shard: ShardId, meta_term: u64) -> Result<Passed, Status> {
        let fence = Arc::clone(self.shards.lock().entry(shard).or_default());
        let mut latest = fence.lock_owned().await;
        if meta_term < *latest {
            return Err(Status::failed_precondition(format!(
                "a meta leader of term {latest} has asked since"
            )));
        }
        *latest = meta_term;
        Ok(latest)
    }
}

/// Waits until every one of `voters` has nearly all of the log.
async fn caught_up(group: &Group, voters: &BTreeSet<NodeId>) -> Result<(), Status> {
    let mut pause = LOOK_FIRST;
    loop {
        let status = group.status();
        if status.role != Role::Leader {
            return Err(Status::unavailable("the leadership was lost"));
        }
        let near = |voter: &NodeId| {
            let matched = status.matched.get(voter).copied().unwrap_or_default();
            status.voters.contains(voter) || matched + LAG_MAX >= status.last_index && matched > 0
        };
        if voters.iter().all(near) {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LOOK_LAST);
    }
}

/// Hands the leadership over to `target` and waits until it leads.
pub(crate) async fn transfer(shard: ShardId, group: &Group, target: NodeId) -> Result<GroupRecord, Status> {
    group.transfer(target).await.map_err(|error| Status::failed_precondition(error.to_string()))?;
    let Leadership { leader, term, .. } = *group.leadership().borrow();
    match leader {
        Some(leader) if leader == target => {
            tracing::info!(%shard, %leader, "leadership handed over");
            Ok(GroupRecord { term, ..record(target, shard, group) })
        }
        other => Err(Status::aborted(format!("{other:?} was elected instead"))),
    }
}

/// Asks shards' leaders, wherever they are.
pub(crate) struct Messenger {
    cluster: ClusterId,
    node: NodeId,
    peers: Arc<Peers>,
    /// Set once the node hosts replicas.
    hosting: OnceLock<Weak<Hosting>>,
}

impl Messenger {
    pub(crate) fn new(cluster: ClusterId, node: NodeId, peers: Arc<Peers>) -> Messenger {
        Messenger { cluster, node, peers, hosting: OnceLock::new() }
    }

    /// Where this node's own replicas are found.
    pub(crate) fn attach(&self, hosting: &Arc<Hosting>) {
        // Attached once, by whoever made both.
        let _ = self.hosting.set(Arc::downgrade(hosting));
    }

    fn hosting(&self) -> Result<Arc<Hosting>, String> {
        self.hosting.get().and_then(Weak::upgrade).ok_or_else(|| "this node is stopping".to_owned())
    }
}

fn open_group(hosting: &Hosting, shard: ShardId) -> Result<Group, String> {
    hosting.group(shard).ok_or_else(|| format!("shard {shard} is not open here"))
}

fn text(status: Status) -> String {
    status.message().to_owned()
}

fn group_of(record: Option<GroupRecord>) -> Result<GroupRecord, String> {
    record.ok_or_else(|| "the answer says nothing of the group".to_owned())
}

impl Leaders for Messenger {
    fn change_voters(&self, term: u64, leader: NodeId, shard: ShardId, voters: &BTreeSet<NodeId>) -> Asked {
        if leader == self.node {
            let (hosting, voters) = (self.hosting(), voters.clone());
            let change = async move {
                let hosting = hosting?;
                let group = open_group(&hosting, shard)?;
                let _passed = hosting.fences.pass(shard, term).await.map_err(text)?;
                change_voters(leader, shard, &group, &voters).await.map_err(text)
            };
            return Box::pin(async move {
                tokio::time::timeout(CHANGE, change).await.unwrap_or_else(|_| Err("took too long".to_owned()))
            });
        }
        let client = self.peers.node(leader);
        let request = ChangeReplicasRequest {
            shard: shard.0,
            voters: voters.iter().map(|node| node.0).collect(),
            cluster: bytes_of_u128(self.cluster.0),
            meta_term: term,
        };
        Box::pin(async move {
            let answer =
                within(CHANGE, client.map_err(text)?.change_replicas(request)).await.map_err(text)?;
            group_of(answer.group)
        })
    }

    fn move_leader(&self, leader: NodeId, shard: ShardId, target: NodeId) -> Asked {
        if leader == self.node {
            let hosting = self.hosting();
            return Box::pin(async move {
                let group = open_group(&*hosting?, shard)?;
                transfer(shard, &group, target).await.map_err(text)
            });
        }
        let client = self.peers.node(leader);
        let cluster = bytes_of_u128(self.cluster.0);
        let request = TransferLeaderRequest { shard: shard.0, target: target.0, cluster };
        Box::pin(async move {
            let answer =
                within(TRANSFER, client.map_err(text)?.transfer_leader(request)).await.map_err(text)?;
            group_of(answer.group)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_meta_leader_that_was_succeeded_changes_nothing() {
        let fences = Fences::default();
        let shard = ShardId(3);
        let held = fences.pass(shard, 5).await.unwrap();
        assert!(fences.pass(ShardId(4), 1).await.is_ok());
        let waiting = tokio::time::timeout(Duration::from_millis(20), fences.pass(shard, 6));
        assert!(waiting.await.is_err(), "one change at a time");
        drop(held);
        drop(fences.pass(shard, 6).await.unwrap());
        assert!(fences.pass(shard, 5).await.is_err());
    }
}
