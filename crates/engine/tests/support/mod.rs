//! A shard driven from words, as a client would write them.

#![allow(dead_code, reason = "every test file uses its part of it")]
#![allow(clippy::unwrap_used, reason = "a test may stop where it fails")]

pub(crate) mod model;

use meridian_command::{Command, Protocol, resolve, wire};
use meridian_engine::{
    Applied, Engine, ReadError, SectionResult,
    entry::{Builder, Header, SectionHead},
};
use meridian_topology::DatabaseId;

/// One command record of the numbered database 0, in RESP2.
pub(crate) fn call(words: &[&[u8]]) -> Vec<u8> {
    call_in(0, Protocol::Resp2, words)
}

/// One command record. SCAN gets the hidden argument of one shard that has all slots.
pub(crate) fn call_in(numbered: u8, protocol: Protocol, words: &[&[u8]]) -> Vec<u8> {
    let (Command::Engine(command), used) = resolve(words).unwrap() else { panic!("not the engine's") };
    let mut args = words[used..].to_vec();
    if command.spec().name == "SCAN" {
        args.insert(0, b"16383");
    }
    let mut bytes = Vec::new();
    wire::encode(&mut bytes, wire::Head { command, protocol, numbered }, args.into_iter());
    bytes
}

/// Words of a line.
pub(crate) fn words(line: &str) -> Vec<&[u8]> {
    line.split(' ').map(str::as_bytes).collect()
}

/// The replies of a `Done` or a read.
pub(crate) fn unframed(replies: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = replies;
    let mut found = Vec::new();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        let (reply, tail) = tail.split_at(u32::from_le_bytes(*length) as usize);
        found.push(reply.to_vec());
        rest = tail;
    }
    assert!(rest.is_empty());
    found
}

/// An entry of one section without a session.
pub(crate) fn entry(time_ms: u64, seed: u64, database: u32, calls: &[Vec<u8>]) -> bytes::Bytes {
    let mut builder = Builder::new(Header { time_ms, seed });
    let head =
        SectionHead { database: DatabaseId(database), count: calls.len() as u32, ..SectionHead::default() };
    builder.section(head, &calls.concat());
    builder.finish()
}

pub(crate) fn apply(engine: &mut Engine, entry: &[u8]) -> Applied {
    engine.apply(engine.index() + 1, entry).unwrap()
}

/// Applies one line at a time and answers its reply as text.
pub(crate) fn run(engine: &mut Engine, time_ms: u64, line: &str) -> String {
    let applied = apply(engine, &entry(time_ms, 1, 0, &[call(&words(line))]));
    let [SectionResult::Done(replies)] = &applied.sections[..] else { panic!("{applied:?}") };
    String::from_utf8(unframed(replies).remove(0)).unwrap()
}

/// Reads a line outside the log.
pub(crate) fn read(engine: &Engine, now_ms: u64, line: &str) -> Result<String, ReadError> {
    let mut replies = Vec::new();
    engine.read(DatabaseId::DEFAULT, now_ms, &call(&words(line)), &mut replies)?;
    Ok(String::from_utf8(unframed(&replies).remove(0)).unwrap())
}

/// Takes the whole snapshot under way.
pub(crate) fn rest_of_snapshot(engine: &mut Engine, budget: usize, chunks: &mut Vec<Vec<u8>>) {
    while let Some(chunk) = engine.snapshot_chunk(budget) {
        chunks.push(chunk);
    }
}
