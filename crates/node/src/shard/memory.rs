//! What the data on a node takes, over all of its replicas.
//!
//! `maxmemory` is a limit of a node: what its replicas hold together, led here or not, is compared with it. Each replica
//! tells its own part after every entry; those who lead make room when the sum is over the limit, each in proportion to
//! its part, so that together they free what is too much.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::watch;

/// The sums over the replicas of a node.
#[derive(Debug)]
pub struct NodeMemory {
    bytes: AtomicUsize,
    keys: AtomicUsize,
    expiring: AtomicUsize,
    /// Changes whenever a replica has found the limit exceeded.
    pressure: watch::Sender<()>,
}

impl Default for NodeMemory {
    fn default() -> NodeMemory {
        NodeMemory {
            bytes: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
            expiring: AtomicUsize::new(0),
            pressure: watch::Sender::new(()),
        }
    }
}

impl NodeMemory {
    /// Bytes of data.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Keys, or those of them that have an expiry.
    pub(super) fn keys(&self, expiring: bool) -> usize {
        if expiring { &self.expiring } else { &self.keys }.load(Ordering::Relaxed)
    }

    /// Follows whether the limit is exceeded.
    pub(super) fn pressure(&self) -> watch::Receiver<()> {
        self.pressure.subscribe()
    }
}

/// The part of one replica. Dropped, it is taken off.
#[derive(Debug)]
pub(super) struct Part {
    node: Arc<NodeMemory>,
    bytes: AtomicUsize,
    keys: AtomicUsize,
    expiring: AtomicUsize,
}

impl Part {
    pub(super) fn new(node: Arc<NodeMemory>) -> Part {
        let [bytes, keys, expiring] = [0; 3].map(AtomicUsize::new);
        Part { node, bytes, keys, expiring }
    }

    pub(super) fn node(&self) -> &Arc<NodeMemory> {
        &self.node
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Keys, or those of them that have an expiry.
    pub(super) fn keys(&self, expiring: bool) -> usize {
        if expiring { &self.expiring } else { &self.keys }.load(Ordering::Relaxed)
    }

    /// Says what the replica holds now, and wakes those who make room if the node holds more than `limit`.
    pub(super) fn set(&self, bytes: usize, (keys, expiring): (usize, usize), limit: Option<usize>) {
        replace(&self.node.bytes, &self.bytes, bytes);
        replace(&self.node.keys, &self.keys, keys);
        replace(&self.node.expiring, &self.expiring, expiring);
        if limit.is_some_and(|limit| self.node.bytes() > limit) {
            self.node.pressure.send_replace(());
        }
    }
}

/// Puts a part in place of what it was before. Sums wrap on the way from one part to the next, and are right then.
fn replace(sum: &AtomicUsize, part: &AtomicUsize, new: usize) {
    let old = part.swap(new, Ordering::Relaxed);
    sum.fetch_add(new.wrapping_sub(old), Ordering::Relaxed);
}

impl Drop for Part {
    fn drop(&mut self) {
        self.set(0, (0, 0), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_wake_when_there_is_too_much() {
        let node = Arc::new(NodeMemory::default());
        let pressure = node.pressure();
        let (one, other) = (Part::new(Arc::clone(&node)), Part::new(Arc::clone(&node)));
        one.set(100, (5, 2), Some(150));
        other.set(50, (1, 1), Some(150));
        assert_eq!((node.bytes(), node.keys(false), node.keys(true)), (150, 6, 3));
        assert!(!pressure.has_changed().unwrap());
        one.set(101, (5, 2), Some(150));
        assert!(pressure.has_changed().unwrap());
        one.set(20, (1, 0), None);
        assert_eq!((node.bytes(), one.bytes(), node.keys(false), node.keys(true)), (70, 20, 2, 1));
        drop(other);
        assert_eq!((node.bytes(), node.keys(false), node.keys(true)), (20, 1, 0));
    }
}
