//! Tells the leader of the meta group what this node leads and has open: at every change, and as a sign of life.

use std::{sync::Arc, time::Duration};

use meridian_meta::control::{Error, REPORT_INTERVAL};
use meridian_proto::{
    admin::{ReportRequest, ReportResponse},
    convert::bytes_of_u128,
    meta::GroupRecord,
};
use meridian_raft::Group;
use meridian_topology::{ClusterId, NodeId, ShardId};
use tokio::sync::watch;
use tonic::Status;

use crate::{
    hosting::Hosting,
    peers::{Peers, within},
};

/// How long the meta leader may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Pause before a report that reached nobody is sent again.
const RETRY: Duration = Duration::from_millis(100);

/// Sends reports, for ever.
pub(crate) struct Reporter {
    pub(crate) cluster: ClusterId,
    pub(crate) hosting: Arc<Hosting>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) generation: u64,
    pub(crate) draining: watch::Receiver<bool>,
}

impl Reporter {
    pub(crate) async fn run(mut self) {
        let mut leading = self.hosting.leading.subscribe();
        let mut opened = self.hosting.opened.subscribe();
        let mut leader = None;
        loop {
            leading.mark_unchanged();
            opened.mark_unchanged();
            self.draining.mark_unchanged();
            leader = self.report(leader).await;
            let pause = if leader.is_some() { REPORT_INTERVAL } else { RETRY };
            tokio::select! {
                Ok(()) = leading.changed() => {}
                Ok(()) = opened.changed() => {}
                Ok(()) = self.draining.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Reports once. Returns who took the report.
    async fn report(&self, last: Option<NodeId>) -> Option<NodeId> {
        let report = self.build();
        let mut asked = Vec::new();
        let mut next = self.local_leader().or(last).or_else(|| self.leader_in_map());
        // Whoever is asked may know who leads; otherwise ask those who might.
        loop {
            let node = next.filter(|node| !asked.contains(node)).or_else(|| self.any_voter(&asked))?;
            asked.push(node);
            match self.send(node, report.clone()).await {
                Ok(answer) if answer.accepted => return Some(node),
                Ok(answer) => next = (answer.leader != 0).then_some(NodeId(answer.leader)),
                Err(status) => {
                    tracing::debug!(%node, status = status.message(), "the report was not taken");
                    next = None;
                }
            }
        }
    }

    fn build(&self) -> ReportRequest {
        let leading = self.hosting.leading.borrow().clone();
        let groups = leading.keys().filter_map(|shard| Some((*shard, self.hosting.group(*shard)?)));
        ReportRequest {
            cluster: bytes_of_u128(self.cluster.0),
            node: self.hosting.node.0,
            generation: self.generation,
            draining: *self.draining.borrow(),
            groups: groups.map(|(shard, group)| record(self.hosting.node, shard, &group)).collect(),
            open: self.hosting.groups.read().keys().map(|shard| shard.0).collect(),
        }
    }

    async fn send(&self, node: NodeId, report: ReportRequest) -> Result<ReportResponse, Status> {
        if node == self.hosting.node {
            let control = self.hosting.control.borrow().clone();
            let control = control.ok_or_else(|| Status::unavailable("no replica of meta here"))?;
            return answer(control.report(report).await);
        }
        let mut client = self.peers.node(node)?;
        within(ANSWER, client.report(report)).await
    }

    fn local_leader(&self) -> Option<NodeId> {
        let meta = self.hosting.group(ShardId::META)?;
        meta.leadership().borrow().leader
    }

    fn leader_in_map(&self) -> Option<NodeId> {
        self.hosting.known.map().shards.get(&ShardId::META)?.leader_hint
    }

    fn any_voter(&self, asked: &[NodeId]) -> Option<NodeId> {
        let map = self.hosting.known.map();
        map.shards.get(&ShardId::META)?.voters().find(|node| !asked.contains(node))
    }
}

/// What became of a report, as the answer to the node that sent it.
pub(crate) fn answer(result: Result<(), Error>) -> Result<ReportResponse, Status> {
    match result {
        Ok(()) => Ok(ReportResponse { leader: 0, accepted: true }),
        Err(Error::NotLeader(leader)) => {
            Ok(ReportResponse { leader: leader.map_or(0, |node| node.0), accepted: false })
        }
        Err(error) => Err(Status::unavailable(error.to_string())),
    }
}

/// What the leader of a group says of it.
pub(crate) fn record(leader: NodeId, shard: ShardId, group: &Group) -> GroupRecord {
    let status = group.status();
    GroupRecord {
        shard: shard.0,
        leader: leader.0,
        term: status.term,
        voters: status.voters.iter().map(|node| node.0).collect(),
        learners: status.learners.iter().map(|node| node.0).collect(),
        only: false,
    }
}
