use meridian_command::{EngineCommand, Protocol, wire};

use super::*;
use crate::{
    Engine,
    entry::{Builder, Header, SectionHead},
};

const SECOND_MS: u64 = 1000;

struct Leader {
    engine: Engine,
    index: u64,
    now_ms: u64,
}

impl Leader {
    fn new(policy: &str) -> Leader {
        let mut leader = Leader { engine: Engine::new(7), index: 0, now_ms: 1_000_000 };
        leader.call(EngineCommand::Setting, &[b"maxmemory-policy", policy.as_bytes()]);
        leader
    }

    fn call(&mut self, command: EngineCommand, args: &[&[u8]]) {
        self.call_in(0, command, args);
    }

    fn call_in(&mut self, numbered: u8, command: EngineCommand, args: &[&[u8]]) {
        let mut record = Vec::new();
        let head = wire::Head { command, protocol: Protocol::Resp2, numbered };
        wire::encode(&mut record, head, args.iter().copied());
        let mut builder = Builder::new(Header { time_ms: self.now_ms, seed: self.index });
        builder.section(SectionHead { count: 1, ..SectionHead::default() }, &record);
        self.index += 1;
        self.engine.apply(self.index, &builder.finish()).unwrap();
    }

    fn set(&mut self, key: &str) {
        self.call(EngineCommand::Set, &[key.as_bytes(), b"value"]);
    }

    fn expiring(&mut self, key: &str, seconds: u64) {
        self.call(EngineCommand::Setex, &[key.as_bytes(), seconds.to_string().as_bytes(), b"value"]);
    }

    fn read(&self, key: &str) {
        let mut record = Vec::new();
        let head = wire::Head { command: EngineCommand::Get, protocol: Protocol::Resp2, numbered: 0 };
        wire::encode(&mut record, head, [key.as_bytes()].into_iter());
        let mut replies = Vec::new();
        self.engine.read(DatabaseId::default(), self.now_ms, &record, &mut replies).unwrap();
        assert_ne!(replies[4..], *b"$-1\r\n");
    }

    fn choose(&self, evictor: &mut Evictor, count: usize) -> Vec<String> {
        let victims = self.engine.victims(evictor, self.now_ms, usize::MAX, count);
        victims.iter().map(|victim| String::from_utf8(victim.key.to_vec()).unwrap()).collect()
    }
}

fn share_of(victims: &[String], prefix: &str) -> f64 {
    let of = victims.iter().filter(|key| key.starts_with(prefix)).count();
    of as f64 / victims.len() as f64
}

#[test]
fn without_a_policy_none_goes() {
    let mut leader = Leader::new("noeviction");
    leader.set("key");
    assert!(leader.choose(&mut Evictor::new(1), 10).is_empty());
    assert_eq!(leader.engine.memory_limit(), MemoryLimit { bytes: None, policy: None });
}

#[test]
fn no_key_is_chosen_twice_until_it_is_settled_and_all_are_chosen_in_the_end() {
    for policy in
        ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-random", "volatile-ttl"]
    {
        let mut leader = Leader::new(policy);
        for n in 0..300 {
            leader.expiring(&format!("key:{n}"), 1000 + n);
        }
        let mut evictor = Evictor::new(1);
        let first = leader.engine.victims(&mut evictor, leader.now_ms, 1, 100);
        assert_eq!((first.len(), evictor.under_way_bytes()), (1, first[0].bytes), "{policy}");
        let mut all = leader.choose(&mut evictor, 1000);
        assert!(all.len() > 250, "{policy}: {}", all.len());
        all.push(String::from_utf8(first[0].key.to_vec()).unwrap());
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count, "{policy}");
        assert!(!evictor.is_idle());
        evictor.settled(first.clone());
        evictor.settled(first);
    }
}

#[test]
fn what_was_not_used_for_the_longest_time_goes_first() {
    let mut leader = Leader::new("allkeys-lru");
    for n in 0..2000 {
        leader.set(&format!("old:{n}"));
    }
    leader.now_ms += 100 * SECOND_MS;
    for n in 0..2000 {
        leader.set(&format!("new:{n}"));
    }
    for n in 0..1000 {
        leader.read(&format!("old:{n}"));
    }
    leader.now_ms += SECOND_MS;
    let victims = leader.choose(&mut Evictor::new(1), 500);
    assert_eq!(victims.len(), 500);
    assert!(share_of(&victims, "old:") > 0.95, "{}", share_of(&victims, "old:"));
    let used =
        victims.iter().filter(|key| key[4..].parse::<u32>().unwrap() < 1000 && key.starts_with("old:"));
    assert!(used.count() < 25);
}

#[test]
fn what_is_used_the_least_goes_first() {
    let mut leader = Leader::new("allkeys-lfu");
    for n in 0..2000 {
        leader.set(&format!("rare:{n}"));
        leader.set(&format!("often:{n}"));
    }
    for n in 0..2000 {
        for _ in 0..5 {
            leader.read(&format!("often:{n}"));
        }
    }
    let victims = leader.choose(&mut Evictor::new(1), 500);
    assert!(share_of(&victims, "rare:") > 0.95, "{}", share_of(&victims, "rare:"));
}

#[test]
fn what_expires_first_goes_first() {
    let mut leader = Leader::new("volatile-ttl");
    for n in 0..200 {
        leader.set(&format!("kept:{n}"));
        leader.expiring(&format!("key:{n:03}"), 10_000 - n);
    }
    let victims = leader.choose(&mut Evictor::new(1), 50);
    let expected: Vec<String> = (150..200).rev().map(|n| format!("key:{n:03}")).collect();
    assert_eq!(victims, expected);
}

#[test]
fn a_few_keys_with_an_expiry_are_found_among_many_without() {
    for policy in ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"] {
        let mut leader = Leader::new(policy);
        for n in 0..5000 {
            leader.set(&format!("kept:{n}"));
        }
        for n in 0..20 {
            leader.expiring(&format!("key:{n}"), 1000 * (n + 1));
        }
        // Parts of values are in the index of expiries, and no reason to go.
        leader.call(EngineCommand::Hset, &[b"hash", b"field", b"value"]);
        leader.call(EngineCommand::Hexpire, &[b"hash", b"100", b"FIELDS", b"1", b"field"]);
        let mut evictor = Evictor::new(1);
        let mut found = Vec::new();
        for _ in 0..20 {
            found.extend(leader.choose(&mut evictor, 1));
        }
        assert!(found.len() >= 15 && found.iter().all(|key| key.starts_with("key:")), "{policy}: {found:?}");
    }
}

#[test]
fn keys_of_one_slot_have_their_turn_like_others() {
    let mut leader = Leader::new("allkeys-lru");
    for n in 0..3000 {
        leader.set(&format!("{{tag}}:{n}"));
        if n % 3 == 0 {
            leader.set(&format!("other:{n}"));
        }
    }
    leader.now_ms += SECOND_MS;
    let victims = leader.choose(&mut Evictor::new(1), 1000);
    let share = share_of(&victims, "{tag}");
    assert!((0.3..0.95).contains(&share), "{share}");
}

#[test]
fn keys_of_all_numbered_databases_go_and_each_is_named_with_its_own() {
    let mut leader = Leader::new("allkeys-random");
    for numbered in [0, 3, 15] {
        for n in 0..50 {
            let key = format!("{numbered}:{n}");
            leader.call_in(numbered, EngineCommand::Set, &[key.as_bytes(), b"value"]);
        }
    }
    let victims = leader.engine.victims(&mut Evictor::new(1), leader.now_ms, usize::MAX, 60);
    for numbered in [0, 3, 15] {
        let own: Vec<_> = victims.iter().filter(|victim| victim.numbered == numbered).collect();
        assert!(own.len() > 5);
        assert!(own.iter().all(|victim| victim.key.starts_with(format!("{numbered}:").as_bytes())));
    }
}

#[test]
fn a_candidate_that_is_used_or_gone_is_none_any_more() {
    let mut leader = Leader::new("allkeys-lru");
    for n in 0..10 {
        leader.set(&format!("key:{n}"));
    }
    leader.now_ms += 100 * SECOND_MS;
    let mut evictor = Evictor::new(1);
    let first = leader.engine.victims(&mut evictor, leader.now_ms, 1, 1);
    evictor.settled(first);
    leader.call(EngineCommand::Del, &[b"key:1", b"key:2"]);
    leader.read("key:3");
    let left = leader.choose(&mut evictor, 7);
    assert!(!left.iter().any(|key| ["key:1", "key:2", "key:3"].contains(&key.as_str())), "{left:?}");
}
