//! Makes room for a shard that this node leads: what `maxmemory` and its policy ask of the next entry.
//!
//! The leader decides by what is applied here when it makes the entry: it names the keys that go first of all, or says
//! that memory is full, and every replica does as the entry says. What is proposed and not yet applied is not seen: data
//! may exceed the limit by as much as is on its way.

use std::collections::BTreeMap;

use meridian_command::{EngineCommand, Protocol, wire};
use meridian_engine::{
    Evictor, Victim,
    entry::{Builder, SectionHead},
};
use meridian_rt::clock;
use meridian_topology::DatabaseId;

use super::ShardState;

/// An entry evicts so many keys at most, and two more for each of its commands.
const VICTIMS_PER_ENTRY: usize = 1000;
const VICTIMS_PER_COMMAND: usize = 2;

/// A shard that has nothing to evict waits for others on its node to make room, until the limit is exceeded by this
/// part of it.
const GRACE_PART: usize = 8;

/// What an entry has to do before its commands.
#[derive(Debug, Default)]
pub(super) struct Relief {
    pub(super) victims: Vec<Victim>,
    full: bool,
}

impl Relief {
    /// What an entry of so many commands should do.
    pub(super) fn of(state: &ShardState, evictor: &mut Evictor, commands: usize) -> Relief {
        let Some(limit) = state.memory_limit() else { return Relief::default() };
        let memory = state.memory();
        let (own, total) = (memory.bytes(), memory.node().bytes());
        if total <= limit {
            return Relief::default();
        }
        let count_max = VICTIMS_PER_ENTRY + VICTIMS_PER_COMMAND * commands;
        let wanted = share(total - limit, own, total).saturating_sub(evictor.under_way_bytes());
        let (victims, policy) = state.victims(evictor, clock::wall_ms(), wanted, count_max);
        let relieved = !victims.is_empty() || !evictor.is_idle();
        let others = policy.is_some_and(|policy| memory.node().keys(policy.volatile) > 0);
        let waits = others && total - limit <= limit / GRACE_PART;
        let full = !relieved && !waits;
        Relief { victims, full }
    }

    /// Puts it at the beginning of an entry; how many sections that takes.
    pub(super) fn begin(&self, builder: &mut Builder) -> usize {
        let mut by_database: BTreeMap<DatabaseId, BTreeMap<u8, Vec<&[u8]>>> = BTreeMap::new();
        for victim in &self.victims {
            let numbered = by_database.entry(victim.database).or_default();
            numbered.entry(victim.numbered).or_default().push(&victim.key);
        }
        let mut sections = by_database.len();
        for (database, by_number) in by_database {
            let mut commands = Vec::new();
            for (numbered, keys) in &by_number {
                record(&mut commands, EngineCommand::Evict, *numbered, keys);
            }
            section(builder, database, by_number.len(), &commands);
        }
        if self.full {
            let mut commands = Vec::new();
            record(&mut commands, EngineCommand::MemoryFull, 0, &[]);
            section(builder, DatabaseId::DEFAULT, 1, &commands);
            sections += 1;
        }
        sections
    }
}

/// What a replica of `own` bytes frees of `excess` when the node holds `total`.
fn share(excess: usize, own: usize, total: usize) -> usize {
    let share = (excess as u128 * own as u128).div_ceil(total.max(1) as u128);
    usize::try_from(share).unwrap_or(usize::MAX)
}

fn record(commands: &mut Vec<u8>, command: EngineCommand, numbered: u8, keys: &[&[u8]]) {
    let head = wire::Head { command, protocol: Protocol::Resp2, numbered };
    wire::encode(commands, head, keys.iter().copied());
}

fn section(builder: &mut Builder, database: DatabaseId, count: usize, commands: &[u8]) {
    let count = u32::try_from(count).expect("one record for each of 16 numbered databases at most");
    // Without a session: an entry is applied once.
    builder.section(SectionHead { database, count, ..SectionHead::default() }, commands);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use meridian_engine::{SectionResult, entry::Header};
    use meridian_raft::StateMachine as _;
    use meridian_topology::ShardId;

    use super::*;
    use crate::shard::{NodeMemory, state::Applied};

    struct Leader {
        state: Arc<ShardState>,
        evictor: Evictor,
        index: u64,
    }

    impl Leader {
        fn new(memory: &Arc<NodeMemory>) -> Leader {
            let state = ShardState::new(ShardId(1), 7, Arc::clone(memory));
            Leader { state, evictor: Evictor::new(1), index: 0 }
        }

        /// Applies an entry of one command as the leader makes it, also on a follower; the reply.
        fn call(&mut self, follower: &ShardState, command: EngineCommand, args: &[&[u8]]) -> String {
            let relief = Relief::of(&self.state, &mut self.evictor, 1);
            let mut builder = Builder::new(Header { time_ms: clock::wall_ms(), seed: self.index });
            let sections = relief.begin(&mut builder);
            let mut commands = Vec::new();
            record(&mut commands, command, 0, args);
            section(&mut builder, DatabaseId::DEFAULT, 1, &commands);
            let entry = builder.finish();
            self.index += 1;
            follower.apply(self.index, &entry);
            let applied = self.state.apply(self.index, &entry).downcast::<Applied>().unwrap();
            self.evictor.settled(relief.victims);
            assert_eq!(applied.sections.len(), sections + 1);
            match applied.sections.last().unwrap() {
                SectionResult::Done(replies) => String::from_utf8_lossy(&replies[4..]).into_owned(),
                other => panic!("{other:?}"),
            }
        }

        fn setting(&mut self, follower: &ShardState, name: &str, value: &str) {
            let reply = self.call(follower, EngineCommand::Setting, &[name.as_bytes(), value.as_bytes()]);
            assert_eq!(reply, "+OK\r\n");
        }
    }

    fn follower() -> Arc<ShardState> {
        ShardState::new(ShardId(1), 7, Arc::default())
    }

    const OOM: &str = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

    #[test]
    fn without_a_policy_what_needs_memory_is_refused_before_it_changes_anything() {
        let (mut leader, follower) = (Leader::new(&Arc::default()), follower());
        assert_eq!(leader.call(&follower, EngineCommand::Set, &[b"key", b"value"]), "+OK\r\n");
        leader.setting(&follower, "maxmemory", "1");
        assert_eq!(leader.call(&follower, EngineCommand::Set, &[b"key", b"other"]), OOM);
        assert_eq!(leader.call(&follower, EngineCommand::Get, &[b"key"]), "$5\r\nvalue\r\n");
        assert_eq!(leader.call(&follower, EngineCommand::Del, &[b"key"]), ":1\r\n");
        leader.setting(&follower, "maxmemory", "0");
        assert_eq!(leader.call(&follower, EngineCommand::Set, &[b"key", b"other"]), "+OK\r\n");
        assert_eq!(leader.state.digest(), follower.digest());
    }

    #[test]
    fn data_stays_within_the_limit_and_all_replicas_lose_the_same_keys() {
        for policy in
            ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-ttl"]
        {
            let (mut leader, follower) = (Leader::new(&Arc::default()), follower());
            leader.setting(&follower, "maxmemory-policy", policy);
            let limit = leader.state.memory().bytes() + 60_000;
            leader.setting(&follower, "maxmemory", &limit.to_string());
            for n in 0..1500 {
                let key = format!("key:{n}");
                let args = [key.as_bytes(), b"1000", &[b'x'; 50]];
                assert_eq!(leader.call(&follower, EngineCommand::Setex, &args), "+OK\r\n", "{policy}");
                assert!(leader.state.memory().bytes() < limit + 2000, "{policy}");
            }
            let stats = leader.state.stats();
            assert!(stats.evicted_keys > 500, "{policy}: {}", stats.evicted_keys);
            assert_eq!(stats.keyspaces[0].keys as u64 + stats.evicted_keys, 1500);
            assert_eq!(leader.state.digest(), follower.digest(), "{policy}");
        }
    }

    #[test]
    fn a_volatile_policy_leaves_other_keys_alone_and_then_refuses() {
        let (mut leader, follower) = (Leader::new(&Arc::default()), follower());
        for n in 0..100 {
            leader.call(&follower, EngineCommand::Set, &[format!("kept:{n}").as_bytes(), b"value"]);
        }
        leader.call(&follower, EngineCommand::Setex, &[b"gone", b"1000", b"value"]);
        leader.setting(&follower, "maxmemory-policy", "volatile-lru");
        leader.setting(&follower, "maxmemory", "1000");
        // The only key that may go does, which is not enough.
        assert_eq!(leader.call(&follower, EngineCommand::Set, &[b"key", b"value"]), "+OK\r\n");
        assert_eq!(leader.call(&follower, EngineCommand::Set, &[b"key", b"value"]), OOM);
        assert_eq!(
            leader.call(&follower, EngineCommand::Exists, &[b"gone", b"kept:0", b"kept:99"]),
            ":2\r\n"
        );
    }

    #[test]
    fn a_shard_frees_in_proportion_to_what_it_holds() {
        assert_eq!(share(90, 100, 300), 30);
        assert_eq!(share(1, 1, 1000), 1);
        assert_eq!(share(7, 0, 1000), 0);
        assert_eq!(share(usize::MAX, usize::MAX, usize::MAX), usize::MAX);
        let memory = Arc::new(NodeMemory::default());
        let (mut leader, follower) = (Leader::new(&memory), follower());
        let mut other = Leader::new(&memory);
        let nobody = self::follower();
        leader.setting(&follower, "maxmemory-policy", "allkeys-lru");
        for n in 0..500 {
            other.call(&nobody, EngineCommand::Set, &[format!("key:{n}").as_bytes(), b"value"]);
        }
        let limit = memory.bytes() - 1;
        leader.setting(&follower, "maxmemory", &limit.to_string());
        // It has nothing, the other has: what little it takes is no reason to refuse anything.
        assert_eq!(leader.call(&follower, EngineCommand::Set, &[b"key", b"value"]), "+OK\r\n");
        leader.setting(&follower, "maxmemory", "1000");
        leader.call(&follower, EngineCommand::Del, &[b"key"]);
        assert_eq!(leader.call(&follower, EngineCommand::Set, &[b"key", b"value"]), OOM);
    }
}
