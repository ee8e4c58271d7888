//! What the node relies on: replies in order, sections executed once, reads that never see the wrong side of an expiry.

use meridian_command::{EngineCommand, Protocol, wire};
use meridian_engine::{
    Engine, ReadError, SectionResult,
    entry::{Builder, Header, SectionHead},
};
use meridian_topology::DatabaseId;

fn call(command: EngineCommand, args: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let head = wire::Head { command, protocol: Protocol::Resp2, numbered: 0 };
    wire::encode(&mut bytes, head, args.iter().map(|arg| arg.as_bytes()));
    bytes
}

fn framed(replies: &[&str]) -> Vec<u8> {
    replies
        .iter()
        .flat_map(|reply| [&(reply.len() as u32).to_le_bytes()[..], reply.as_bytes()].concat())
        .collect()
}

fn apply(engine: &mut Engine, time_ms: u64, head: SectionHead, calls: &[Vec<u8>]) -> SectionResult {
    let mut builder = Builder::new(Header { time_ms, seed: 1 });
    builder.section(SectionHead { count: calls.len() as u32, ..head }, &calls.concat());
    engine.apply(engine.index() + 1, &builder.finish()).unwrap().sections.remove(0)
}

fn read(engine: &Engine, now_ms: u64, call: &[u8]) -> Result<Vec<u8>, ReadError> {
    let mut replies = Vec::new();
    engine.read(DatabaseId::DEFAULT, now_ms, call, &mut replies).map(|()| replies)
}

#[test]
fn a_resent_section_is_answered_and_not_repeated() {
    let mut engine = Engine::new(1);
    let head = SectionHead { session: 5, first_sequence: 1, ..SectionHead::default() };
    let calls = [
        call(EngineCommand::Set, &["k", "1"]),
        call(EngineCommand::Get, &["k"]),
        call(EngineCommand::Set, &["k"]),
        call(EngineCommand::Set, &["k", "2"]),
    ];
    let arity = "-ERR wrong number of arguments for 'set' command\r\n";
    let first = apply(&mut engine, 1, head, &calls[..2]);
    assert_eq!(first, SectionResult::Done(framed(&["+OK\r\n", "$1\r\n1\r\n"]).into()));
    let both = apply(&mut engine, 1, head, &calls);
    assert_eq!(both, SectionResult::Done(framed(&["+OK\r\n", "$1\r\n1\r\n", arity, "+OK\r\n"]).into()));
    let digest = engine.digest();
    assert_eq!(apply(&mut engine, 1, head, &calls), both);
    assert_eq!(engine.digest(), digest);
    assert_eq!(engine.session_sequence(5), Some(4));
    let gap = SectionHead { first_sequence: 9, ..head };
    assert_eq!(apply(&mut engine, 1, gap, &calls), SectionResult::Gap { expected: 5 });
    assert_eq!(
        apply(&mut engine, 1, SectionHead { session: 6, ..gap }, &calls),
        SectionResult::SessionExpired
    );
    assert_eq!(read(&engine, 1, &calls[1]), Ok(framed(&["$1\r\n2\r\n"])));
    assert_eq!(read(&engine, 1, &calls[0]), Err(ReadError::NotARead));
    assert_eq!(read(&engine, 1, &calls[0][..9]), Err(ReadError::Malformed));
}
