//! SCAN sees every key that is there throughout, whatever else comes and goes; RANDOMKEY reaches every key.

#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

mod support;

use std::collections::BTreeSet;

use meridian_command::{EngineCommand, Protocol, wire};
use meridian_engine::Engine;
use meridian_topology::{DatabaseId, slot_of};
use support::{apply, call, entry, read, run, unframed, words};

/// Scans on, up to a slot: the next cursor and the keys.
fn scan(engine: &Engine, last_slot: &str, cursor: &str, options: &[&str]) -> (String, Vec<String>) {
    let args: Vec<&[u8]> = [last_slot, cursor].iter().chain(options).map(|arg| arg.as_bytes()).collect();
    let mut bytes = Vec::new();
    let head = wire::Head { command: EngineCommand::Scan, protocol: Protocol::Resp2, numbered: 0 };
    wire::encode(&mut bytes, head, args.into_iter());
    let mut replies = Vec::new();
    engine.read(DatabaseId::DEFAULT, engine.time_ms(), &bytes, &mut replies).unwrap();
    let reply = String::from_utf8(unframed(&replies).remove(0)).unwrap();
    let mut bulks = reply.split("\r\n").filter(|part| !part.starts_with(['*', '$']) && !part.is_empty());
    let cursor = bulks.next().unwrap().to_owned();
    (cursor, bulks.map(str::to_owned).collect())
}

fn filled(keys: impl Iterator<Item = String>) -> Engine {
    let mut engine = Engine::new(3);
    let calls: Vec<_> = keys.map(|key| call(&words(&format!("SET {key} v")))).collect();
    apply(&mut engine, &entry(1, 1, 0, &calls));
    engine
}

#[test]
fn a_walk_sees_what_stays_while_tables_grow_and_shrink() {
    let stays: BTreeSet<String> =
        (0..1000).map(|n| if n % 2 == 0 { format!("{{tag}}{n}") } else { format!("key:{n}") }).collect();
    let mut engine = filled(stays.iter().cloned());
    let mut seen = BTreeSet::new();
    let mut cursor = "0".to_owned();
    let mut round = 0;
    loop {
        let (next, keys) = scan(&engine, "16383", &cursor, &["COUNT", "7"]);
        seen.extend(keys.into_iter().filter(|key| stays.contains(key)));
        if next == "0" {
            break;
        }
        cursor = next;
        round += 1;
        let change = if round % 100 < 50 { "SET" } else { "DEL" };
        for n in 0..40 {
            let value = if change == "SET" { " v" } else { "" };
            run(&mut engine, 1, &format!("{change} {{tag}}other:{}{value}", round % 50 * 40 + n));
        }
    }
    assert_eq!(seen, stays);
}

#[test]
fn a_run_ends_at_its_last_slot_and_can_be_entered_anywhere() {
    let keys: Vec<String> = (0..500).map(|n| format!("key:{n}")).collect();
    let engine = filled(keys.iter().cloned());
    let all = ["COUNT", "1000"];
    let behind = (5001_u64 << 48).to_string();
    let (cursor, first) = scan(&engine, "5000", "0", &all);
    assert_eq!(cursor, behind);
    assert!(first.iter().all(|key| slot_of(key.as_bytes()).number() <= 5000));
    let (cursor, second) = scan(&engine, "16383", &behind, &all);
    assert_eq!((cursor.as_str(), first.len() + second.len()), ("0", keys.len()));
    // A cursor behind the run, as a moved slot may leave it, gives nothing and goes on.
    assert_eq!(scan(&engine, "5000", &(6000_u64 << 48).to_string(), &all), (behind, vec![]));
    assert_eq!(scan(&engine, "16383", "18446744073709551615", &all), ("0".to_owned(), vec![]));
    let (_, matching) = scan(&engine, "16383", "0", &["COUNT", "1000", "MATCH", "key:1?", "TYPE", "string"]);
    assert_eq!(matching.len(), 10);
    assert_eq!(scan(&engine, "16383", "0", &["COUNT", "1000", "TYPE", "hash"]).1.len(), 0);
}

#[test]
fn random_keys_reach_every_key() {
    let engine = filled((0..20).map(|n| format!("{{tag}}{n}")).chain((0..20).map(|n| format!("key:{n}"))));
    let drawn: BTreeSet<String> = (0..2000).map(|_| read(&engine, 1, "RANDOMKEY").unwrap()).collect();
    assert_eq!(drawn.len(), 40);
}
