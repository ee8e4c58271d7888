//! Which clients have read which keys.

use std::collections::HashMap;

use bytes::Bytes;
use meridian_rt::random;
use smallvec::SmallVec;

/// The clients that have read a key; mostly one.
pub(super) type Readers = SmallVec<[u64; 2]>;

/// See the module. Numbered databases are not told apart, as in Redis.
#[derive(Debug, Default)]
pub(super) struct Keys {
    readers: HashMap<Bytes, Entry>,
    /// The keys, to draw one of them.
    drawn_from: Vec<Bytes>,
    items: usize,
}

#[derive(Debug)]
struct Entry {
    clients: Readers,
    /// Where the key stands among those to draw from.
    at: usize,
}

impl Keys {
    pub(super) fn len(&self) -> usize {
        self.drawn_from.len()
    }

    /// Pairs of a key and a client.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    pub(super) fn add(&mut self, key: &Bytes, client: u64) {
        if let Some(entry) = self.readers.get_mut(key) {
            if !entry.clients.contains(&client) {
                entry.clients.push(client);
                self.items += 1;
            }
            return;
        }
        let entry = Entry { clients: SmallVec::from_slice(&[client]), at: self.drawn_from.len() };
        self.readers.insert(key.clone(), entry);
        self.drawn_from.push(key.clone());
        self.items += 1;
    }

    /// Forgets a key; who has read it.
    pub(super) fn remove(&mut self, key: &Bytes) -> Option<Readers> {
        let Entry { clients, at } = self.readers.remove(key)?;
        self.drawn_from.swap_remove(at);
        if let Some(moved) = self.drawn_from.get(at)
            && let Some(entry) = self.readers.get_mut(moved)
        {
            entry.at = at;
        }
        self.items -= clients.len();
        Some(clients)
    }

    /// Forgets one key, whichever, if there are more than `most`.
    pub(super) fn evict(&mut self, most: u64) -> Option<(Bytes, Readers)> {
        let count = self.len() as u64;
        if count <= most {
            return None;
        }
        let at = usize::try_from(random::next_u64() % count).ok()?;
        let key = self.drawn_from.get(at)?.clone();
        let readers = self.remove(&key)?;
        Some((key, readers))
    }

    pub(super) fn clear(&mut self) {
        *self = Keys::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_leave_whole_and_the_others_can_still_be_drawn() {
        let mut keys = Keys::default();
        for name in 0..20_u8 {
            let key = Bytes::from(vec![name]);
            keys.add(&key, 1);
            keys.add(&key, 1);
            keys.add(&key, 2);
        }
        assert_eq!((keys.len(), keys.items()), (20, 40));
        assert_eq!(keys.remove(&Bytes::from_static(&[3])).as_deref(), Some(&[1, 2][..]));
        assert_eq!(keys.remove(&Bytes::from_static(&[3])), None);
        let mut gone = Vec::new();
        while let Some((key, readers)) = keys.evict(5) {
            assert_eq!(&*readers, [1, 2]);
            gone.push(key);
        }
        gone.sort();
        gone.dedup();
        assert_eq!((gone.len(), keys.len(), keys.items()), (14, 5, 10));
    }
}
