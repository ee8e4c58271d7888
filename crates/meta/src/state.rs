//! The replicated state: the cluster map and what is needed to grow it.
//!
//! Pure: the state after a command is a function of the state before it and the command; time comes with the command.
//! A command that changes the map moves the epoch by exactly one, any other leaves the state as it was.

use std::collections::BTreeMap;

use meridian_proto::{
    convert::{self, bytes_of_u128, u128_of_bytes},
    meta,
};
use meridian_topology::{
    ChangeUsersError, ClusterId, ClusterMap, Database, DatabaseId, Epoch, NodeId, NodeInfo, ReplicaRole,
    SLOT_COUNT, ShardId, ShardInfo, SlotMap,
};
use prost::Message;

/// The newest version of the snapshot format that is read.
const SNAPSHOT_VERSION: u32 = 2;
/// The version that is written while no user was changed: a program that knows of no users reads it too.
const WITHOUT_USERS: u32 = 1;

/// What meta's log has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    map: ClusterMap,
    next_node: u64,
    next_shard: u32,
    tokens: BTreeMap<u128, NodeId>,
    time_ms: u64,
}

/// What a command has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The epoch after it.
    pub epoch: Epoch,
    /// Whether the map is another than before.
    pub changed: bool,
    /// The node that it was about, where it was about one.
    pub node: Option<NodeId>,
}

/// Why a command has changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is a cluster already.
    #[error("the cluster is already initialised")]
    AlreadyInitialised,
    /// There is none yet.
    #[error("the cluster is not initialised")]
    NotInitialised,
    /// It names a node that the cluster does not have.
    #[error("the cluster has no node {0}")]
    UnknownNode(NodeId),
    /// It names a shard that the cluster does not have.
    #[error("the cluster has no shard {0}")]
    UnknownShard(ShardId),
    /// A user cannot be changed so.
    #[error(transparent)]
    Users(#[from] ChangeUsersError),
    /// A field holds what it must not.
    #[error("{0}")]
    Invalid(&'static str),
}

impl Default for State {
    fn default() -> Self {
        State { map: ClusterMap::default(), next_node: 1, next_shard: 1, tokens: BTreeMap::new(), time_ms: 0 }
    }
}

impl State {
    /// The map. Its epoch is 0 before the cluster is initialised.
    pub fn map(&self) -> &ClusterMap {
        &self.map
    }

    /// Executes a command.
    ///
    /// # Errors
    /// If it is refused; nothing has changed then.
    pub fn apply(&mut self, command: meta::Command) -> Result<Applied, Refused> {
        let kind = command.kind.ok_or(Refused::Invalid("the command has no kind"))?;
        let initialises = matches!(kind, meta::command::Kind::Initialise(_));
        if !initialises && self.map.epoch == Epoch(0) {
            return Err(Refused::NotInitialised);
        }
        let before = self.map.clone();
        let node = match kind {
            meta::command::Kind::Initialise(command) => Some(self.initialise(command)?),
            meta::command::Kind::AddNode(command) => Some(self.add_node(command)?),
            meta::command::Kind::AnnounceNode(command) => Some(self.announce_node(command)?),
            meta::command::Kind::PlaceReplicas(command) => {
                self.place_replicas(&command)?;
                None
            }
            meta::command::Kind::RecordGroups(command) => {
                self.record_groups(&command)?;
                None
            }
            meta::command::Kind::ChangeUsers(command) => {
                let changes = command.changes.into_iter().map(Into::into).collect();
                self.map.change_users(DatabaseId(command.database), changes)?;
                None
            }
        };
        self.time_ms = self.time_ms.max(command.time_ms);
        let changed = self.map != before;
        if changed {
            self.map.epoch = Epoch(before.epoch.0 + 1);
        }
        Ok(Applied { epoch: self.map.epoch, changed, node })
    }

    fn initialise(&mut self, command: meta::Initialise) -> Result<NodeId, Refused> {
        if self.map.epoch != Epoch(0) {
            return Err(Refused::AlreadyInitialised);
        }
        if command.shards == 0 || command.shards > u32::from(SLOT_COUNT) {
            return Err(Refused::Invalid("a cluster has 1 to 16384 shards"));
        }
        if command.replication == 0 {
            return Err(Refused::Invalid("a shard has at least one replica"));
        }
        let cluster = u128_of_bytes(&command.cluster).ok_or(Refused::Invalid("a cluster id has 16 bytes"))?;
        let seed = u128_of_bytes(&command.hash_seed).ok_or(Refused::Invalid("a hash seed has 16 bytes"))?;
        let node = self.take_in(command.node, &command.token)?;
        let alone = ShardInfo { replicas: [(node, ReplicaRole::Voter)].into(), ..ShardInfo::default() };
        let shards: Vec<ShardId> =
            (0..command.shards).map(|offset| ShardId(self.next_shard + offset)).collect();
        self.next_shard += command.shards;
        let slots = SlotMap::spread(&shards);
        self.map.cluster = ClusterId(cluster);
        self.map.hash_seed = seed;
        self.map.replication = command.replication;
        self.map.shards.insert(ShardId::META, alone.clone());
        self.map.shards.extend(shards.into_iter().map(|shard| (shard, alone.clone())));
        let database = Database { name: "default".to_owned(), slots, users: BTreeMap::new() };
        self.map.databases.insert(DatabaseId::DEFAULT, database);
        Ok(node)
    }

    fn add_node(&mut self, command: meta::AddNode) -> Result<NodeId, Refused> {
        let token = token(&command.token)?;
        match self.tokens.get(&token) {
            // The answer to an earlier attempt was lost. The node may have moved meanwhile.
            Some(known) => {
                let known = *known;
                let node = command.node.map(|node| meta::Node { id: known.0, ..node });
                self.announce_node(meta::AnnounceNode { node })
            }
            None => self.take_in(command.node, &command.token),
        }
    }

    fn take_in(&mut self, node: Option<meta::Node>, token_bytes: &[u8]) -> Result<NodeId, Refused> {
        let token = token(token_bytes)?;
        let mut node = NodeInfo::from(node.ok_or(Refused::Invalid("the command names no node"))?);
        let id = NodeId(self.next_node);
        node.id = id;
        self.next_node += 1;
        self.tokens.insert(token, id);
        self.map.nodes.insert(id, node);
        Ok(id)
    }

    fn announce_node(&mut self, command: meta::AnnounceNode) -> Result<NodeId, Refused> {
        let node = NodeInfo::from(command.node.ok_or(Refused::Invalid("the command names no node"))?);
        let known = self.map.nodes.get_mut(&node.id).ok_or(Refused::UnknownNode(node.id))?;
        let id = node.id;
        if node.generation >= known.generation {
            *known = node;
        }
        Ok(id)
    }

    fn place_replicas(&mut self, command: &meta::PlaceReplicas) -> Result<(), Refused> {
        for placing in &command.placings {
            self.check(placing.shard, &placing.nodes)?;
        }
        for placing in &command.placings {
            if let Some(shard) = self.map.shards.get_mut(&ShardId(placing.shard)) {
                for node in &placing.nodes {
                    shard.replicas.entry(NodeId(*node)).or_insert(ReplicaRole::Learner);
                }
            }
        }
        Ok(())
    }

    fn record_groups(&mut self, command: &meta::RecordGroups) -> Result<(), Refused> {
        for group in &command.groups {
            self.check(group.shard, &group.voters)?;
            self.check(group.shard, &group.learners)?;
            self.check(group.shard, &[group.leader])?;
        }
        for group in &command.groups {
            if let Some(shard) = self.map.shards.get_mut(&ShardId(group.shard)) {
                record(shard, group);
            }
        }
        Ok(())
    }

    fn check(&self, shard: u32, nodes: &[u64]) -> Result<(), Refused> {
        let shard = ShardId(shard);
        if !self.map.shards.contains_key(&shard) {
            return Err(Refused::UnknownShard(shard));
        }
        let unknown = nodes.iter().find(|node| !self.map.nodes.contains_key(&NodeId(**node)));
        unknown.map_or(Ok(()), |node| Err(Refused::UnknownNode(NodeId(*node))))
    }

    /// The state as a snapshot.
    pub fn encode(&self) -> Vec<u8> {
        let token =
            |(token, node): (&u128, &NodeId)| meta::NodeToken { token: bytes_of_u128(*token), node: node.0 };
        let has_users = self.map.databases.values().any(|database| !database.users.is_empty());
        let snapshot = meta::Snapshot {
            version: if has_users { SNAPSHOT_VERSION } else { WITHOUT_USERS },
            map: Some((&self.map).into()),
            next_node: self.next_node,
            next_shard: self.next_shard,
            tokens: self.tokens.iter().map(token).collect(),
            time_ms: self.time_ms,
        };
        snapshot.encode_to_vec()
    }

    /// The state that [`State::encode`] wrote.
    ///
    /// # Errors
    /// If the bytes are no snapshot, or one of a later version.
    pub fn decode(bytes: &[u8]) -> Result<State, DecodeError> {
        let snapshot = meta::Snapshot::decode(bytes)?;
        if !(WITHOUT_USERS..=SNAPSHOT_VERSION).contains(&snapshot.version) {
            return Err(DecodeError::Version(snapshot.version));
        }
        let map = snapshot.map.ok_or(DecodeError::NoMap)?.try_into()?;
        let mut tokens = BTreeMap::new();
        for entry in snapshot.tokens {
            tokens.insert(u128_of_bytes(&entry.token).ok_or(DecodeError::Token)?, NodeId(entry.node));
        }
        let (next_node, next_shard, time_ms) = (snapshot.next_node, snapshot.next_shard, snapshot.time_ms);
        Ok(State { map, next_node, next_shard, tokens, time_ms })
    }
}

/// Takes over what a leader says of its group, unless a later leader is known.
fn record(shard: &mut ShardInfo, group: &meta::GroupRecord) {
    if group.term < shard.leader_term {
        return;
    }
    shard.leader_hint = Some(NodeId(group.leader));
    shard.leader_term = group.term;
    if group.only {
        let stays = |node: &NodeId| group.voters.contains(&node.0) || group.learners.contains(&node.0);
        shard.replicas.retain(|node, _| stays(node));
    }
    // A replica that is placed and not yet of the group waits as a learner.
    shard.replicas.values_mut().for_each(|role| *role = ReplicaRole::Learner);
    shard.replicas.extend(group.learners.iter().map(|node| (NodeId(*node), ReplicaRole::Learner)));
    shard.replicas.extend(group.voters.iter().map(|node| (NodeId(*node), ReplicaRole::Voter)));
}

/// Whether a leader's word on its group is news.
pub(crate) fn would_change(shard: &ShardInfo, group: &meta::GroupRecord) -> bool {
    let mut after = shard.clone();
    record(&mut after, group);
    after != *shard
}

fn token(bytes: &[u8]) -> Result<u128, Refused> {
    u128_of_bytes(bytes).ok_or(Refused::Invalid("a token has 16 bytes"))
}

/// Bytes are no snapshot of this version.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They are no message.
    #[error("the snapshot of the cluster map is unreadable: {0}")]
    Message(#[from] prost::DecodeError),
    /// A field is invalid.
    #[error("the snapshot of the cluster map is unreadable: {0}")]
    Field(#[from] convert::Error),
    /// Another version wrote them.
    #[error(
        "the snapshot of the cluster map has format {0}, this program reads those up to {SNAPSHOT_VERSION}"
    )]
    Version(u32),
    /// The map is missing.
    #[error("the snapshot of the cluster map holds no map")]
    NoMap,
    /// A token has the wrong length.
    #[error("the snapshot of the cluster map holds an invalid token")]
    Token,
}

#[cfg(test)]
mod tests;
