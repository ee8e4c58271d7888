//! The engine alone, called like a server: no log, no shard, no network.

use bytes::Bytes;
use meridian_command::{
    Command, EngineCommand, Protocol, Route, resolve,
    wire::{self, Head},
};
use meridian_engine::{
    Engine, ReadError, SectionResult,
    entry::{Builder, Header, SectionHead},
};
use meridian_topology::DatabaseId;

use crate::case::Target;

/// Orders keys inside their slots; any will do.
const HASH_SEED: u128 = 7;

/// An engine, and every entry that it applied.
#[derive(Debug)]
pub struct Bare {
    engine: Engine,
    entries: Vec<Bytes>,
    /// Of the calls to come.
    pub protocol: Protocol,
    /// The numbered database of the calls to come.
    pub numbered: u8,
    /// When the calls to come take place.
    pub now_ms: u64,
    /// Answer reads outside the log where possible, as a leader does.
    pub read_outside: bool,
}

impl Bare {
    /// An empty engine; calls speak this protocol and take place at this time.
    pub fn new(protocol: Protocol, now_ms: u64) -> Bare {
        let engine = Engine::new(HASH_SEED);
        Bare { engine, entries: Vec::new(), protocol, numbered: 0, now_ms, read_outside: false }
    }

    /// Executes one call and returns its reply.
    ///
    /// # Panics
    /// If the engine refuses a well-formed entry, or the command is one that the proxy answers by itself.
    pub fn call(&mut self, call: &[&[u8]]) -> Vec<u8> {
        let (command, name_len) = match resolve(call) {
            Ok((Command::Engine(command), name_len)) => (command, name_len),
            Ok((Command::Proxy(command), _)) => panic!("{} is not the engine's", command.spec().name),
            Err(error) => {
                let mut reply = Vec::new();
                error.write(&mut reply);
                return reply;
            }
        };
        let head = Head { command, protocol: self.protocol, numbered: self.numbered };
        let mut record = Vec::new();
        // As the router does: SCAN is told the last slot of the run that the shard is to scan.
        let routed = match command.spec().route {
            Route::Cursor => Some(&b"16383"[..]),
            Route::Script => Some(&b"0-16383"[..]),
            _ => None,
        };
        let args: Vec<&[u8]> = routed.into_iter().chain(call[name_len..].iter().copied()).collect();
        wire::encode(&mut record, head, args.into_iter());
        let framed = if command.spec().is_write() || !self.read_outside {
            self.apply(&record)
        } else {
            self.read(&record)
        };
        let (length, reply) = framed.split_first_chunk::<4>().expect("a reply stands behind its length");
        assert_eq!(u32::from_le_bytes(*length) as usize, reply.len());
        // The router sends a call whose keys it cannot find to any shard, which must refuse it.
        assert!(
            reply[0] == b'-' || command.spec().key_positions(call).is_ok(),
            "{call:?} has keys that nobody finds"
        );
        reply.to_vec()
    }

    /// Changes a replicated setting, as CONFIG SET does through the proxy.
    ///
    /// # Panics
    /// If the engine does not take it.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        let head = Head { command: EngineCommand::Setting, protocol: self.protocol, numbered: self.numbered };
        let mut record = Vec::new();
        wire::encode(&mut record, head, [name, value].into_iter());
        let framed = self.apply(&record);
        assert_eq!(framed[4..].escape_ascii().to_string(), "+OK\\r\\n");
    }

    /// Another engine that applied the same entries must have come to the same state.
    ///
    /// # Panics
    /// If it did not.
    pub fn check_determinism(&self) {
        let mut again = Engine::new(HASH_SEED);
        for (index, entry) in self.entries.iter().enumerate() {
            again.apply(index as u64 + 1, entry).expect("the entry was applied before");
        }
        assert_eq!(again.digest(), self.engine.digest());
    }

    fn apply(&mut self, record: &[u8]) -> Vec<u8> {
        let mut builder = Builder::new(Header { time_ms: self.now_ms, seed: self.entries.len() as u64 });
        builder.section(
            SectionHead { database: DatabaseId::DEFAULT, count: 1, ..SectionHead::default() },
            record,
        );
        let mut applied = self.propose(builder.finish());
        match applied.pop() {
            Some(SectionResult::Done(replies)) => replies.to_vec(),
            other => panic!("a section without a session is executed: {other:?}"),
        }
    }

    fn propose(&mut self, entry: Bytes) -> Vec<SectionResult> {
        let index = self.entries.len() as u64 + 1;
        let applied = self.engine.apply(index, &entry).expect("the entry is well formed");
        self.entries.push(entry);
        applied.sections
    }

    fn read(&mut self, record: &[u8]) -> Vec<u8> {
        let mut replies = Vec::new();
        let read = self.engine.read(DatabaseId::DEFAULT, self.now_ms, record, &mut replies);
        match read {
            Ok(()) => replies,
            Err(ReadError::NeedsTick) => self.apply(record),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Target for Bare {
    fn call(&mut self, call: &[&[u8]]) -> Vec<u8> {
        match call {
            [name, number] if name.eq_ignore_ascii_case(b"SELECT") => {
                let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
                self.numbered = number.expect("the number of a numbered database");
                b"+OK\r\n".to_vec()
            }
            [name, set, pairs @ ..]
                if name.eq_ignore_ascii_case(b"CONFIG") && set.eq_ignore_ascii_case(b"SET") =>
            {
                for pair in pairs.chunks_exact(2) {
                    self.set(pair[0], pair[1]);
                }
                b"+OK\r\n".to_vec()
            }
            call => Bare::call(self, call),
        }
    }

    fn use_resp3(&mut self) {
        self.protocol = Protocol::Resp3;
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now_ms += milliseconds;
    }
}
