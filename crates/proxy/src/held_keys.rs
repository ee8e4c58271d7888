//! How many keys clients watch or wait for, for `INFO`.

use std::{collections::BTreeMap, sync::Arc};

use parking_lot::Mutex;

/// A key of a numbered database.
pub(crate) type HeldKey = (u8, Vec<u8>);

/// Keys, with the number of those who hold them.
#[derive(Debug, Default)]
pub(crate) struct HeldKeys(Mutex<BTreeMap<HeldKey, usize>>);

/// Keys that one client holds until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    keys: Vec<HeldKey>,
    held: Arc<HeldKeys>,
}

impl HeldKeys {
    /// Holds keys; one that is named several times is held once.
    pub(crate) fn hold(self: &Arc<Self>, mut keys: Vec<HeldKey>) -> Held {
        keys.sort_unstable();
        keys.dedup();
        let mut all = self.0.lock();
        for key in &keys {
            *all.entry(key.clone()).or_default() += 1;
        }
        drop(all);
        Held { keys, held: Arc::clone(self) }
    }

    /// How many keys are held by anybody.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

impl Held {
    /// How many keys these are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = self.held.0.lock();
        for key in &self.keys {
            if let Some(count) = all.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    all.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_counts_once_and_until_nobody_holds_it() {
        let keys = Arc::new(HeldKeys::default());
        let key = |name: &str| (0, name.as_bytes().to_vec());
        let first = keys.hold(vec![key("a"), key("a"), key("b")]);
        let second = keys.hold(vec![key("b"), (1, b"b".to_vec())]);
        assert_eq!((first.len(), second.len(), keys.len()), (2, 2, 3));
        drop(first);
        assert_eq!(keys.len(), 2);
        drop(second);
        assert_eq!(keys.len(), 0);
    }
}
