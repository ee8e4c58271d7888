//! An engine that is called with whatever a target makes of its bytes.

use meridian_command::{
    Command, Protocol, resolve,
    wire::{self, Head},
};
use meridian_engine::{
    Engine,
    entry::{Builder, Header, SectionHead},
};
use meridian_topology::DatabaseId;

/// An engine with the entries that it applied.
#[derive(Debug)]
pub struct Shard {
    engine: Engine,
    index: u64,
}

impl Default for Shard {
    fn default() -> Shard {
        Shard { engine: Engine::new(7), index: 0 }
    }
}

impl Shard {
    /// Executes a call, if there is such a command and the engine is who executes it.
    ///
    /// # Panics
    /// If the engine refuses an entry that is well formed.
    pub fn call(&mut self, call: &[&[u8]]) {
        let Ok((Command::Engine(command), name_len)) = resolve(call) else { return };
        let head = Head { command, protocol: Protocol::Resp3, numbered: 0 };
        let mut record = Vec::new();
        wire::encode(&mut record, head, call[name_len..].iter().copied());
        self.index += 1;
        let mut builder = Builder::new(Header { time_ms: 1_790_000_000_000, seed: self.index });
        builder.section(
            SectionHead { database: DatabaseId::DEFAULT, count: 1, ..SectionHead::default() },
            &record,
        );
        self.engine.apply(self.index, &builder.finish()).expect("the entry is well formed");
    }
}
