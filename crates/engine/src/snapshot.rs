//! Snapshots that do not stop the world (design §5.11), and restoring from them.
//!
//! A snapshot is a stream of items, cut into chunks of whole items: one head (format version, time, index, settings,
//! sessions), who watches and waits, the scripts that are known, any number of runs of records of one slot, one end with the number of keys.
//! [`Walk`] makes it while commands go on, [`Restorer`] reads it.

mod codec;
mod restore;
mod walk;

pub(crate) use codec::{Input, encode_record, put_bytes, put_varint};
pub use restore::{CorruptSnapshot, Restorer};
pub(crate) use walk::Walk;

/// The format that this build writes. It reads the earlier ones too.
const VERSION: u8 = 2;

/// The format without settings, in which all values were strings.
const WITHOUT_SETTINGS: u8 = 1;

/// First bytes of a snapshot.
const MAGIC: [u8; 4] = *b"MSNP";

/// What an item is, its first byte.
const HEAD: u8 = 1;
const RECORDS: u8 = 2;
const END: u8 = 3;
/// Who watches and waits; left out if nobody ever did.
const ATTENTION: u8 = 4;
/// Scripts and functions; left out if none was ever known.
const SCRIPTS: u8 = 5;
