//! Which connections `CLIENT KILL` and `CLIENT LIST` mean.

use meridian_rt::clock::Instant;

use super::{Client, Trait};

/// The kinds of connections that `TYPE` tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    /// A link from a leader in Redis' own replication; nobody is one here.
    Leader,
    /// A link from a replica in Redis' own replication; nobody is one here.
    Replica,
    PubSub,
}

impl Kind {
    /// The kind of that name, in any case.
    pub(crate) fn named(name: &[u8]) -> Option<Kind> {
        let names: &[(&[u8], Kind)] = &[
            (b"normal", Kind::Normal),
            (b"master", Kind::Leader),
            (b"slave", Kind::Replica),
            (b"replica", Kind::Replica),
            (b"pubsub", Kind::PubSub),
        ];
        names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
    }

    pub(crate) fn of(client: &Client) -> Kind {
        if client.traits().contains(Trait::PUBSUB) { Kind::PubSub } else { Kind::Normal }
    }
}

/// Conditions that all must hold; one that is not given holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) id: Option<u64>,
    pub(crate) kind: Option<Kind>,
    pub(crate) user: Option<Vec<u8>>,
    pub(crate) address: Option<Vec<u8>>,
    pub(crate) local_address: Option<Vec<u8>>,
    /// Connected for so many seconds at least.
    pub(crate) least_age: Option<u64>,
    /// A connection that is never meant.
    pub(crate) except: Option<u64>,
}

impl Filter {
    pub(crate) fn matches(&self, client: &Client) -> bool {
        let is =
            |wanted: &Option<Vec<u8>>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is.as_bytes());
        self.id.is_none_or(|id| id == client.id)
            && self.least_age.is_none_or(|least| client.age(Instant::now()).as_secs() >= least)
            && self.except != Some(client.id)
            && self.kind.is_none_or(|kind| kind == Kind::of(client))
            && self.user.as_ref().is_none_or(|user| *user == client.account().name)
            && is(&self.address, &client.address.to_string())
            && is(&self.local_address, &client.local_address.to_string())
    }
}
