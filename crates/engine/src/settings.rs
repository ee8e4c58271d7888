//! The replicated settings as values see them: with the seed that orders large tables.
//!
//! Encoded as count, then name and value of every setting that is not at its default: so a setting that a later build
//! adds changes no bytes.

use std::ops::Deref;

use meridian_command::settings::{SETTINGS, Settings as Values, find};

use crate::snapshot::{CorruptSnapshot, Input, put_bytes, put_varint};

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    values: Values,
    /// Of the shard: orders what large tables hold, unknown to clients.
    seed: u128,
}

impl Deref for Settings {
    type Target = Values;

    fn deref(&self) -> &Values {
        &self.values
    }
}

impl Settings {
    pub(crate) fn new(seed: u128) -> Settings {
        Settings { values: Values::default(), seed }
    }

    /// The seed for the tables of values that are made now.
    pub(crate) fn table_seed(&self) -> u64 {
        self.seed as u64
    }

    pub(crate) fn values_mut(&mut self) -> &mut Values {
        &mut self.values
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let defaults = Values::default();
        let changed = SETTINGS.iter().filter(|setting| setting.get(self) != setting.get(&defaults));
        put_varint(out, changed.clone().count() as u64);
        for setting in changed {
            put_bytes(out, setting.name.as_bytes());
            out.extend_from_slice(&setting.get(self).to_le_bytes());
        }
    }

    pub(crate) fn decode(&mut self, input: &mut Input<'_>) -> Result<(), CorruptSnapshot> {
        for _ in 0..input.varint()? {
            let setting = find(input.bytes()?).ok_or(CorruptSnapshot::Malformed)?;
            let value = i64::from_le_bytes(input.array()?);
            if !setting.put(&mut self.values, value) {
                return Err(CorruptSnapshot::Malformed);
            }
        }
        Ok(())
    }
}
