//! Sets.

use super::{Collection, Packed, packed::Formed};
use crate::{
    settings::Settings,
    snapshot::{CorruptSnapshot, Input},
};

/// A set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Set {
    members: Packed,
}

impl Collection for Set {
    fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn heap_size(&self) -> usize {
        self.members.heap_size()
    }

    fn encoding_name(&self, _: &Settings) -> &'static str {
        "listpack"
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.members.encode(out);
    }

    fn decode(input: &mut Input<'_>) -> Result<Set, CorruptSnapshot> {
        let members = Packed::decode(input)?;
        if members.is_empty() {
            return Err(CorruptSnapshot::Malformed);
        }
        Ok(Set { members })
    }
}

impl Set {
    pub(crate) fn add(&mut self, member: &[u8]) -> bool {
        let absent = self.members.items().find(&Formed::new(member), 1).is_none();
        if absent {
            self.members.push(member);
        }
        absent
    }
}
