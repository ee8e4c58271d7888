//! Changes of a group that its leader carries out: who votes, and who leads.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use meridian_meta::control::{Asked, Leaders};
use meridian_proto::{
    admin::{ChangeReplicasRequest, TransferLeaderRequest},
    meta::GroupRecord,
};
use meridian_raft::{Group, Leadership, MembershipError, Role};
use meridian_topology::{NodeId, ShardId};
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
    Ok(GroupRecord { only: true, ..record(node, shard, group) })
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
    node: NodeId,
    peers: Arc<Peers>,
    /// Set once the node hosts replicas.
    hosting: OnceLock<Weak<Hosting>>,
}

impl Messenger {
    pub(crate) fn new(node: NodeId, peers: Arc<Peers>) -> Messenger {
        Messenger { node, peers, hosting: OnceLock::new() }
    }

    /// Where this node's own replicas are found.
    pub(crate) fn attach(&self, hosting: &Arc<Hosting>) {
        // Attached once, by whoever made both.
        let _ = self.hosting.set(Arc::downgrade(hosting));
    }

    fn here(&self, leader: NodeId, shard: ShardId) -> Option<Result<Group, String>> {
        (leader == self.node).then(|| {
            let group = self.hosting.get().and_then(Weak::upgrade).and_then(|here| here.group(shard));
            group.ok_or_else(|| format!("shard {shard} is not open here"))
        })
    }
}

fn text(status: Status) -> String {
    status.message().to_owned()
}

fn group_of(record: Option<GroupRecord>) -> Result<GroupRecord, String> {
    record.ok_or_else(|| "the answer says nothing of the group".to_owned())
}

impl Leaders for Messenger {
    fn change_voters(&self, leader: NodeId, shard: ShardId, voters: &BTreeSet<NodeId>) -> Asked {
        let voters = voters.clone();
        if let Some(group) = self.here(leader, shard) {
            let change = async move { change_voters(leader, shard, &group?, &voters).await.map_err(text) };
            return Box::pin(async move {
                tokio::time::timeout(CHANGE, change).await.unwrap_or_else(|_| Err("took too long".to_owned()))
            });
        }
        let client = self.peers.node(leader);
        let request =
            ChangeReplicasRequest { shard: shard.0, voters: voters.iter().map(|node| node.0).collect() };
        Box::pin(async move {
            let answer =
                within(CHANGE, client.map_err(text)?.change_replicas(request)).await.map_err(text)?;
            group_of(answer.group)
        })
    }

    fn move_leader(&self, leader: NodeId, shard: ShardId, target: NodeId) -> Asked {
        if let Some(group) = self.here(leader, shard) {
            return Box::pin(async move { transfer(shard, &group?, target).await.map_err(text) });
        }
        let client = self.peers.node(leader);
        let request = TransferLeaderRequest { shard: shard.0, target: target.0 };
        Box::pin(async move {
            let answer =
                within(TRANSFER, client.map_err(text)?.transfer_leader(request)).await.map_err(text)?;
            group_of(answer.group)
        })
    }
}
