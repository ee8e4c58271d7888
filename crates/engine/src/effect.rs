//! What apply did, as data: blocked clients, keyspace events, client tracking and WATCH are built on it by the node.

use meridian_command::settings::events;
use meridian_topology::DatabaseId;

/// One change that somebody outside may have to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// What follows was done by this command of a session (until the next one), if effects are collected. What stands
    /// before the first was done by nobody.
    By {
        /// 0 if it came through none.
        session: u64,
        /// Its sequence in the session.
        sequence: u64,
    },
    /// A script has read the key.
    Read(KeyAt),
    /// A command created or changed the key.
    Changed(KeyAt),
    /// A command removed the key.
    Removed(KeyAt),
    /// The key's time had come.
    Expired(KeyAt),
    /// All keys of a numbered database are gone.
    Flushed {
        /// The database it is part of.
        database: DatabaseId,
        /// 0 to 15.
        numbered: u8,
    },
    /// A keyspace event, as Redis would notify of it.
    Event {
        /// Its class.
        class: EventClass,
        /// Its name.
        name: &'static str,
        /// Where it happened.
        key: KeyAt,
    },
    /// A script has published a message.
    Published {
        /// On a shard channel (SPUBLISH).
        shard: bool,
        /// The channel.
        channel: Box<[u8]>,
        /// The message.
        payload: Box<[u8]>,
    },
}

/// The classes of keyspace events, by which `notify-keyspace-events` selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventClass {
    /// `g`
    Generic,
    /// `$`
    String,
    /// `l`
    List,
    /// `s`
    Set,
    /// `h`
    Hash,
    /// `z`
    SortedSet,
    /// `t`
    Stream,
    /// `d`
    Module,
    /// `x`
    Expired,
    /// `e`
    Evicted,
    /// `n`
    New,
    /// `m`
    Missed,
}

impl EventClass {
    /// The letter that stands for it.
    pub const fn letter(self) -> char {
        match self {
            EventClass::Generic => 'g',
            EventClass::String => '$',
            EventClass::List => 'l',
            EventClass::Set => 's',
            EventClass::Hash => 'h',
            EventClass::SortedSet => 'z',
            EventClass::Stream => 't',
            EventClass::Module => 'd',
            EventClass::Expired => 'x',
            EventClass::Evicted => 'e',
            EventClass::New => 'n',
            EventClass::Missed => 'm',
        }
    }
}

/// A key with the keyspace it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAt {
    /// The database.
    pub database: DatabaseId,
    /// 0 to 15.
    pub numbered: u8,
    /// The key.
    pub key: Box<[u8]>,
}

/// Gathers the effects of one entry, or nothing where nobody asked for them.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    wanted: bool,
    /// Bits of `notify-keyspace-events`.
    events_wanted: i64,
    gathered: Vec<Effect>,
}

impl Effects {
    pub(crate) fn want(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    /// Which events are gathered from now on: what `notify-keyspace-events` says.
    pub(crate) fn want_events(&mut self, wanted: i64) {
        self.events_wanted = wanted;
    }

    /// Whether changes are gathered.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    pub(crate) fn push(&mut self, effect: impl FnOnce() -> Effect) {
        if self.wanted {
            self.gathered.push(effect());
        }
    }

    pub(crate) fn add(&mut self, effect: Effect) {
        self.gathered.push(effect);
    }

    pub(crate) fn event(&mut self, class: EventClass, name: &'static str, key: impl FnOnce() -> KeyAt) {
        if self.wants_event(class) {
            self.gathered.push(Effect::Event { class, name, key: key() });
        }
    }

    /// Whether events of that class go anywhere.
    pub(crate) fn wants_event(&self, class: EventClass) -> bool {
        // Nothing is wanted most of the time.
        self.events_wanted != 0
            && self.events_wanted & (events::KEYSPACE | events::KEYEVENT) != 0
            && self.events_wanted & events::class(class.letter()) != 0
    }

    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.gathered)
    }
}
