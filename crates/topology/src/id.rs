//! Newtypes for every identifier, so that a node never passes for a shard.

use std::{fmt, str::FromStr, sync::Arc};

/// Identifies a node for the life of the cluster. Given out by meta, starts at 1, never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// Identifies a shard, which is one Raft group. Shard 0 is the meta group; data shards start at 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u32);

impl ShardId {
    /// The group that holds the cluster map.
    pub const META: ShardId = ShardId(0);
}

/// Identifies a database. 0 is the database `default`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseId(pub u32);

impl DatabaseId {
    /// The database that always exists.
    pub const DEFAULT: DatabaseId = DatabaseId(0);
}

/// Version of the cluster map; grows by one with every change of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Identifies a cluster for ever: 128 random bits, drawn when it is initialised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u128);

/// The text is not 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseClusterIdError;

impl fmt::Display for ParseClusterIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a cluster id is 32 hexadecimal digits")
    }
}

impl std::error::Error for ParseClusterIdError {}

impl FromStr for ClusterId {
    type Err = ParseClusterIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 32 {
            return Err(ParseClusterIdError);
        }
        u128::from_str_radix(text, 16).map(ClusterId).map_err(|_| ParseClusterIdError)
    }
}

/// Geography: where a failure takes everything down together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(pub Arc<str>);

/// A failure domain inside a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(pub Arc<str>);

macro_rules! display_inner {
    ($($name:ident => $format:literal),+ $(,)?) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        })+
    };
}

display_inner!(
    NodeId => "{}",
    ShardId => "{}",
    DatabaseId => "{}",
    Epoch => "{}",
    ClusterId => "{:032x}",
    Region => "{}",
    Zone => "{}",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_id_survives_text() {
        let id = ClusterId(0x0123_4567_89ab_cdef_0011_2233_4455_6677);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("12".parse::<ClusterId>(), Err(ParseClusterIdError));
    }
}
