//! What `maxmemory-policy` can say.

/// The names of the policies, in Redis' order. Their places travel in the log: append-only.
pub const WORDS: &[&str] = &[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
];

/// The place of the policy by which no key goes.
pub(super) const NONE: i64 = 7;

/// Which of the keys that may go goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The one not used for the longest time.
    Lru,
    /// The one used the least.
    Lfu,
    /// Any.
    Random,
    /// The one whose time comes first.
    Ttl,
}

/// Which keys go when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which goes first.
    pub order: Order,
    /// Only keys that have an expiry go.
    pub volatile: bool,
}

impl Policy {
    /// The policy of that place among [`WORDS`]; `None` if no key goes.
    pub const fn of(place: i64) -> Option<Policy> {
        let (order, volatile) = match place {
            0 => (Order::Lru, true),
            1 => (Order::Lfu, true),
            2 => (Order::Random, true),
            3 => (Order::Ttl, true),
            4 => (Order::Lru, false),
            5 => (Order::Lfu, false),
            6 => (Order::Random, false),
            _ => return None,
        };
        Some(Policy { order, volatile })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_what_their_names_say() {
        for (place, word) in WORDS.iter().enumerate() {
            let policy = Policy::of(place as i64);
            assert_eq!(policy.is_none(), *word == "noeviction");
            let Some(policy) = policy else {
                assert_eq!(place as i64, NONE);
                continue;
            };
            let order = match policy.order {
                Order::Lru => "lru",
                Order::Lfu => "lfu",
                Order::Random => "random",
                Order::Ttl => "ttl",
            };
            let keys = if policy.volatile { "volatile" } else { "allkeys" };
            assert_eq!(format!("{keys}-{order}"), *word);
        }
    }
}
