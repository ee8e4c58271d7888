//! A map from keys of numbered databases, looked up without allocating.

use std::collections::BTreeMap;

/// See the module.
#[derive(Debug)]
pub(super) struct Names<T> {
    spaces: BTreeMap<(u32, u8), Space<T>>,
}

/// The keys of one numbered database.
type Space<T> = BTreeMap<Box<[u8]>, T>;

impl<T> Default for Names<T> {
    fn default() -> Names<T> {
        Names { spaces: BTreeMap::new() }
    }
}

impl<T> Names<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.spaces.is_empty()
    }

    pub(super) fn get(&self, database: u32, numbered: u8, key: &[u8]) -> Option<&T> {
        self.spaces.get(&(database, numbered))?.get(key)
    }

    pub(super) fn get_mut(&mut self, database: u32, numbered: u8, key: &[u8]) -> Option<&mut T> {
        self.spaces.get_mut(&(database, numbered))?.get_mut(key)
    }

    pub(super) fn get_or_insert(
        &mut self,
        database: u32,
        numbered: u8,
        key: &[u8],
        make: impl FnOnce() -> T,
    ) -> &mut T {
        self.spaces.entry((database, numbered)).or_default().entry(key.into()).or_insert_with(make)
    }

    pub(super) fn remove(&mut self, database: u32, numbered: u8, key: &[u8]) {
        if let Some(space) = self.spaces.get_mut(&(database, numbered)) {
            space.remove(key);
            if space.is_empty() {
                self.spaces.remove(&(database, numbered));
            }
        }
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        for space in self.spaces.values_mut() {
            space.retain(|_, value| keep(value));
        }
        self.spaces.retain(|_, space| !space.is_empty());
    }

    pub(super) fn keys_in(&self, database: u32, numbered: u8) -> Vec<Box<[u8]>> {
        self.spaces.get(&(database, numbered)).map_or_else(Vec::new, |space| space.keys().cloned().collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u8, &[u8], &T)> {
        self.spaces.iter().flat_map(|((database, numbered), space)| {
            space.iter().map(move |(key, value)| (*database, *numbered, &**key, value))
        })
    }
}
