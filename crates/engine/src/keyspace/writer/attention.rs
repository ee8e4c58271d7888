//! What a writer does for WATCH, for blocking commands and for SWAPDB, which concerns both.

use meridian_command::ReplyWriter;
use meridian_topology::DatabaseId;

use super::{Key, Keyspace, Shared, Writer};
use crate::{
    attention::{Attention, Block, Origin},
    effect::{Effect, KeyAt},
    family::Outcome,
    keyspace::{Due, Place, dues},
};

impl Writer<'_> {
    /// For a blocking command that found nothing: the client waits, or gets the empty reply where nobody may block.
    ///
    /// The handler returns what this returns, and must have changed nothing that it may not change again: when a key is
    /// ready it is called again, with the same arguments (or with `block.retry`).
    pub(crate) fn block(&mut self, reply: &mut ReplyWriter<'_>, block: Block<'_>) -> Outcome {
        let waiters = &mut self.shared.attention.waiters;
        if waiters.may_park.is_some() {
            waiters.parking = Some(block.into());
        } else {
            block.empty.write(reply);
        }
        Ok(())
    }

    /// Who watches and waits.
    pub(crate) fn attention(&mut self) -> &mut Attention {
        &mut self.shared.attention
    }

    /// Runs something in which nobody may block: EXEC, scripts.
    pub(crate) fn without_blocking<R>(&mut self, run: impl FnOnce(&mut Self) -> R) -> R {
        let may_park = self.shared.attention.waiters.may_park.take();
        let result = run(self);
        self.shared.attention.waiters.may_park = may_park;
        result
    }

    /// Publishes a message once the entry is applied, behind what came before it in the entry.
    pub(crate) fn publish(&mut self, shard: bool, channel: &[u8], payload: &[u8]) {
        self.shared.effects.add(Effect::Published {
            shard,
            channel: channel.into(),
            payload: payload.into(),
        });
    }

    /// What changes from here on is done by this command.
    pub(crate) fn done_by(&mut self, origin: Origin) {
        let Origin { session, sequence } = origin;
        self.shared.effects.push(|| Effect::By { session, sequence });
    }

    /// Whether anybody hears what scripts read.
    pub(crate) fn tells_reads(&self) -> bool {
        self.shared.effects.is_wanted()
    }

    /// A script has read the keys.
    pub(crate) fn read_by_script<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) {
        let (database, numbered) = (DatabaseId(self.database.id), self.numbered);
        for key in keys {
            self.shared.effects.push(|| Effect::Read(KeyAt { database, numbered, key: key.into() }));
        }
    }

    /// The number of the database that it works on.
    pub(crate) fn database(&self) -> u32 {
        self.database.id
    }

    /// The type of a key's value, without noting that it was used.
    pub(crate) fn type_of(&mut self, key: Key<'_>) -> Option<&'static str> {
        let position = self.position(key)?;
        let table = self.database.keyspace(self.numbered)?.table(key.place.slot)?;
        Some(table.at(position).value().type_name())
    }

    /// Exchanges the keys of two numbered databases.
    pub(crate) fn swap(&mut self, one: u8, other: u8) {
        if one == other {
            return;
        }
        let id = self.database.id;
        let kept = [one, other].map(|numbered| self.database.numbered[usize::from(numbered)].take());
        for (at, numbered) in [one, other].into_iter().enumerate() {
            if let Some(keyspace) = &kept[at] {
                self.shared.forget_expiries(id, numbered, keyspace);
            }
        }
        let contents: Vec<&Keyspace> = kept.iter().flatten().map(|keyspace| &**keyspace).collect();
        for numbered in [one, other] {
            self.shared.touch_contents(id, numbered, &contents);
        }
        if let Some(walk) = &mut self.shared.walk {
            walk.swapped(id, one, other);
        }
        for (keyspace, numbered) in kept.into_iter().zip([other, one]) {
            if let Some(keyspace) = &keyspace {
                self.shared.note_expiries(id, numbered, keyspace);
            }
            self.database.numbered[usize::from(numbered)] = keyspace;
            // Any key may have another value now.
            self.shared.effects.push(|| Effect::Flushed { database: DatabaseId(id), numbered });
        }
    }
}

impl Shared {
    /// Tells those who watch or wait in a numbered database of the keys that stand in any of `contents`.
    pub(super) fn touch_contents(&mut self, database: u32, numbered: u8, contents: &[&Keyspace]) {
        let placing = &self.placing;
        self.attention.touched_all(database, numbered, |key| {
            let Place { slot, hash } = placing.of(key);
            let holds = |keyspace: &&Keyspace| {
                keyspace.table(slot).is_some_and(|table| table.locate(hash, key).is_ok())
            };
            contents.iter().any(holds)
        });
    }

    fn note_expiries(&mut self, database: u32, numbered: u8, keyspace: &Keyspace) {
        if keyspace.expiring() + keyspace.expiring_parts == 0 {
            return;
        }
        for (slot, table) in keyspace.tables() {
            for (hash, record) in table.iter() {
                for at_ms in dues(record).into_iter().flatten() {
                    self.expiry.insert(Due { at_ms, database, numbered, place: Place { slot, hash } });
                }
            }
        }
    }
}
