//! Settings that are part of a shard's state: they travel in its log and stand in its snapshots, because what commands
//! answer, or how values are kept, depends on them.
//!
//! Names, bounds and errors are Redis'. `CONFIG SET` sends a change to every shard; a new shard has the defaults.
//! A default never changes: snapshots keep only what differs from it.

pub mod events;
pub mod eviction;

use self::eviction::Policy;
use crate::number::{parse_i64, parse_memory};

/// The values. All of them fit 64 bits with a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Fields of a hash that is called a listpack.
    pub hash_max_listpack_entries: i64,
    /// Bytes of a field or value in such a hash.
    pub hash_max_listpack_value: i64,
    /// Bytes of a sparse HyperLogLog.
    pub hll_sparse_max_bytes: i64,
    /// Minutes after which the count of a key's uses is one lower; 0 is never.
    pub lfu_decay_time: i64,
    /// How much rarer it gets that a use counts, the more have counted.
    pub lfu_log_factor: i64,
    /// Nodes at either end of a list that Redis would not compress; no effect here.
    pub list_compress_depth: i64,
    /// Elements of a list that is called a listpack, or (negative) the class of its bytes.
    pub list_max_listpack_size: i64,
    /// Bytes that the data on a node may take; 0 is no limit.
    pub maxmemory: i64,
    /// Which keys go when there is no room: a place among [`eviction::WORDS`].
    pub maxmemory_policy: i64,
    /// Keys that are looked at for one that goes.
    pub maxmemory_samples: i64,
    /// Which keyspace events are published: bits of [`events`].
    pub notify_keyspace_events: i64,
    /// Instructions of Lua after which a script is ended.
    pub script_max_instructions: i64,
    /// Bytes that a script's state may take.
    pub script_max_memory: i64,
    /// Members of a set that is called an intset.
    pub set_max_intset_entries: i64,
    /// Members of a set that is called a listpack.
    pub set_max_listpack_entries: i64,
    /// Bytes of a member of such a set.
    pub set_max_listpack_value: i64,
    /// Bytes of a node of a stream.
    pub stream_node_max_bytes: i64,
    /// Entries of a node of a stream.
    pub stream_node_max_entries: i64,
    /// Members of a sorted set that is called a listpack.
    pub zset_max_listpack_entries: i64,
    /// Bytes of a member of such a sorted set.
    pub zset_max_listpack_value: i64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            hll_sparse_max_bytes: 3000,
            lfu_decay_time: 1,
            lfu_log_factor: 10,
            list_compress_depth: 0,
            list_max_listpack_size: -2,
            maxmemory: 0,
            maxmemory_policy: eviction::NONE,
            maxmemory_samples: 5,
            notify_keyspace_events: 0,
            script_max_instructions: 100_000_000,
            script_max_memory: 128 << 20,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
        }
    }
}

impl Settings {
    /// Which keys go when there is no room; `None` if none does.
    pub fn eviction(&self) -> Option<Policy> {
        Policy::of(self.maxmemory_policy)
    }

    /// The name of the policy by which they go.
    pub fn eviction_name(&self) -> &'static str {
        let place = usize::try_from(self.maxmemory_policy).ok();
        place.and_then(|place| eviction::WORDS.get(place)).copied().unwrap_or_default()
    }
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What it was called when listpacks were ziplists.
    pub old_name: Option<&'static str>,
    kind: Kind,
    field: fn(&mut Settings) -> &mut i64,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Number {
        least: i64,
        most: i64,
    },
    /// An amount of memory.
    Memory,
    /// Letters of keyspace events.
    Events,
    /// One of these words; the value is its place.
    Word(&'static [&'static str]),
}

const COUNT: Kind = Kind::Number { least: 0, most: i64::MAX };
const INT: Kind = Kind::Number { least: i32::MIN as i64, most: i32::MAX as i64 };
const POSITIVE_INT: Kind = Kind::Number { least: 0, most: i32::MAX as i64 };

/// All of them, by name.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "hash-max-listpack-entries",
        old_name: Some("hash-max-ziplist-entries"),
        kind: COUNT,
        field: |settings| &mut settings.hash_max_listpack_entries,
    },
    Setting {
        name: "hash-max-listpack-value",
        old_name: Some("hash-max-ziplist-value"),
        kind: Kind::Memory,
        field: |settings| &mut settings.hash_max_listpack_value,
    },
    Setting {
        name: "hll-sparse-max-bytes",
        old_name: None,
        kind: Kind::Memory,
        field: |settings| &mut settings.hll_sparse_max_bytes,
    },
    Setting {
        name: "lfu-decay-time",
        old_name: None,
        kind: POSITIVE_INT,
        field: |settings| &mut settings.lfu_decay_time,
    },
    Setting {
        name: "lfu-log-factor",
        old_name: None,
        kind: POSITIVE_INT,
        field: |settings| &mut settings.lfu_log_factor,
    },
    Setting {
        name: "list-compress-depth",
        old_name: None,
        kind: POSITIVE_INT,
        field: |settings| &mut settings.list_compress_depth,
    },
    Setting {
        name: "list-max-listpack-size",
        old_name: Some("list-max-ziplist-size"),
        kind: INT,
        field: |settings| &mut settings.list_max_listpack_size,
    },
    Setting {
        name: "maxmemory",
        old_name: None,
        kind: Kind::Memory,
        field: |settings| &mut settings.maxmemory,
    },
    Setting {
        name: "maxmemory-policy",
        old_name: None,
        kind: Kind::Word(eviction::WORDS),
        field: |settings| &mut settings.maxmemory_policy,
    },
    Setting {
        name: "maxmemory-samples",
        old_name: None,
        kind: Kind::Number { least: 1, most: 64 },
        field: |settings| &mut settings.maxmemory_samples,
    },
    Setting {
        name: "notify-keyspace-events",
        old_name: None,
        kind: Kind::Events,
        field: |settings| &mut settings.notify_keyspace_events,
    },
    Setting {
        name: "script-max-instructions",
        old_name: None,
        kind: COUNT,
        field: |settings| &mut settings.script_max_instructions,
    },
    Setting {
        name: "script-max-memory",
        old_name: None,
        kind: Kind::Memory,
        field: |settings| &mut settings.script_max_memory,
    },
    Setting {
        name: "set-max-intset-entries",
        old_name: None,
        kind: COUNT,
        field: |settings| &mut settings.set_max_intset_entries,
    },
    Setting {
        name: "set-max-listpack-entries",
        old_name: None,
        kind: COUNT,
        field: |settings| &mut settings.set_max_listpack_entries,
    },
    Setting {
        name: "set-max-listpack-value",
        old_name: None,
        kind: COUNT,
        field: |settings| &mut settings.set_max_listpack_value,
    },
    Setting {
        name: "stream-node-max-bytes",
        old_name: None,
        kind: Kind::Memory,
        field: |settings| &mut settings.stream_node_max_bytes,
    },
    Setting {
        name: "stream-node-max-entries",
        old_name: None,
        kind: COUNT,
        field: |settings| &mut settings.stream_node_max_entries,
    },
    Setting {
        name: "zset-max-listpack-entries",
        old_name: Some("zset-max-ziplist-entries"),
        kind: COUNT,
        field: |settings| &mut settings.zset_max_listpack_entries,
    },
    Setting {
        name: "zset-max-listpack-value",
        old_name: Some("zset-max-ziplist-value"),
        kind: Kind::Memory,
        field: |settings| &mut settings.zset_max_listpack_value,
    },
];

/// The setting of that name, old or new, in any case.
pub fn find(name: &[u8]) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.names().any(|known| known.as_bytes().eq_ignore_ascii_case(name)))
}

impl Setting {
    /// Its name, and the old one if it has one.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        [Some(self.name), self.old_name].into_iter().flatten()
    }

    /// The value it has.
    pub fn get(&self, settings: &Settings) -> i64 {
        *(self.field)(&mut settings.clone())
    }

    /// The value it has, as `CONFIG GET` shows it.
    pub fn text(&self, settings: &Settings) -> String {
        let value = self.get(settings);
        match self.kind {
            Kind::Number { .. } | Kind::Memory => value.to_string(),
            Kind::Events => events::text(value),
            Kind::Word(words) => usize::try_from(value)
                .ok()
                .and_then(|at| words.get(at))
                .copied()
                .unwrap_or_default()
                .to_owned(),
        }
    }

    /// Gives it the value that [`Setting::get`] has answered; false if there is no such value.
    pub fn put(&self, settings: &mut Settings, value: i64) -> bool {
        let fits = match self.kind {
            Kind::Number { least, most } => (least..=most).contains(&value),
            Kind::Memory => value >= 0,
            Kind::Events => value & !events::KNOWN == 0,
            Kind::Word(words) => usize::try_from(value).is_ok_and(|at| at < words.len()),
        };
        if fits {
            *(self.field)(settings) = value;
        }
        fits
    }

    /// Gives it the value of a text, or says in Redis' words what is wrong with that.
    ///
    /// # Errors
    /// A text that is no number, or out of bounds.
    pub fn set(&self, settings: &mut Settings, text: &[u8]) -> Result<(), String> {
        let value = match self.kind {
            Kind::Number { least, most } => {
                let number = parse_i64(text).ok_or("argument couldn't be parsed into an integer")?;
                if !(least..=most).contains(&number) {
                    return Err(format!("argument must be between {least} and {most} inclusive"));
                }
                number
            }
            Kind::Events => {
                events::parse(text).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?
            }
            Kind::Word(words) => {
                let found = words.iter().position(|word| text.eq_ignore_ascii_case(word.as_bytes()));
                let found = found.and_then(|at| i64::try_from(at).ok());
                found.ok_or_else(|| {
                    format!("argument(s) must be one of the following: {}", words.join(", "))
                })?
            }
            Kind::Memory => {
                let bytes = std::str::from_utf8(text).ok().and_then(parse_memory);
                let bytes = bytes.and_then(|bytes| i64::try_from(bytes).ok());
                bytes.ok_or("argument must be a memory value")?
            }
        };
        *(self.field)(settings) = value;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_takes_back_its_own_value() {
        for setting in SETTINGS {
            let mut settings = Settings::default();
            let own = setting.text(&settings);
            setting.set(&mut settings, own.as_bytes()).expect("its own value");
            assert_eq!(settings, Settings::default(), "{}", setting.name);
            assert!(setting.put(&mut settings, 7));
            assert_eq!(setting.get(&settings), 7);
            assert!(setting.set(&mut settings, b"?").is_err());
        }
        assert!(SETTINGS.is_sorted_by_key(|setting| setting.name));
    }

    #[test]
    fn old_names_are_known() {
        let found = find(b"HASH-max-ziplist-entries").expect("known");
        assert_eq!(found.name, "hash-max-listpack-entries");
        assert!(find(b"hash-max").is_none());
    }
}
