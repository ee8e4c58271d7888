//! Who hears which keys change: processes whose clients cache them.
//!
//! A tracker hears of every entry that this replica applies, whoever has proposed it. It is added while this node leads,
//! and told that it hears no more as soon as this node does not, or has not been able to for a while: it then asks the
//! new leader, and takes everything for changed. While there is no tracker the engine gathers nothing.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use meridian_engine::{Effect, KeyAt};
use meridian_router::local::{Replica, Touched, Tracker};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::Shard;

/// How often a leader with trackers looks whether it still leads.
const LOOK: Duration = Duration::from_millis(250);
/// After so many looks in vain it is taken for cut off: others may have changed keys since.
const DOUBTS: u32 = 4;

/// The trackers of a replica.
#[derive(Debug)]
pub(crate) struct Trackers {
    all: Mutex<Vec<Arc<dyn Tracker>>>,
    any: watch::Sender<bool>,
}

impl Default for Trackers {
    fn default() -> Trackers {
        Trackers { all: Mutex::default(), any: watch::Sender::new(false) }
    }
}

impl Trackers {
    pub(super) fn add(&self, tracker: Arc<dyn Tracker>) {
        let mut all = self.all.lock();
        all.push(tracker);
        self.any.send_replace(true);
    }

    pub(super) fn remove(&self, tracker: &Arc<dyn Tracker>) {
        let mut all = self.all.lock();
        all.retain(|known| !Arc::ptr_eq(known, tracker));
        self.any.send_replace(!all.is_empty());
    }

    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        *self.any.borrow()
    }

    /// Takes all out. They have to be told, without the lock of the engine: they have locks of their own.
    pub(super) fn take(&self) -> Vec<Arc<dyn Tracker>> {
        let mut all = self.all.lock();
        self.any.send_replace(false);
        std::mem::take(&mut *all)
    }

    /// Tells all of them what an entry did.
    pub(super) fn tell(&self, effects: &[Effect]) {
        if effects.is_empty() || !self.any() {
            return;
        }
        let touched = touched(effects);
        if touched.is_empty() {
            return;
        }
        let all = self.all.lock().clone();
        for tracker in all {
            tracker.touched(&touched);
        }
    }
}

/// What the commands of an entry did to keys, without those that did nothing.
fn touched(effects: &[Effect]) -> Vec<Touched> {
    let mut all = Vec::new();
    let mut one = Touched::default();
    let bytes = |key: &KeyAt| Bytes::copy_from_slice(&key.key);
    for effect in effects {
        match effect {
            Effect::By { session, sequence } => {
                let next = Touched { session: *session, sequence: *sequence, ..Touched::default() };
                push(&mut all, std::mem::replace(&mut one, next));
            }
            Effect::Read(key) => one.read.push(bytes(key)),
            Effect::Changed(key) | Effect::Removed(key) | Effect::Expired(key) => {
                one.changed.push(bytes(key))
            }
            Effect::Flushed { .. } => one.flushed = true,
            Effect::Event { .. } | Effect::Published { .. } => {}
        }
    }
    push(&mut all, one);
    all
}

fn push(all: &mut Vec<Touched>, mut one: Touched) {
    one.read.dedup();
    one.changed.dedup();
    if !one.changed.is_empty() || !one.read.is_empty() || one.flushed {
        all.push(one);
    }
}

/// Ends the telling when the shard's replica no longer leads.
pub(super) async fn while_leading(shard: Weak<Shard>) {
    let (mut leadership, mut any, node) = {
        let Some(shard) = shard.upgrade() else { return };
        (shard.group.leadership(), shard.state.trackers().any.subscribe(), shard.node)
    };
    let mut doubts = 0;
    loop {
        let tracked = *any.borrow_and_update();
        let on = tokio::select! {
            changed = leadership.changed() => changed.is_ok(),
            changed = any.changed() => changed.is_ok(),
            () = tokio::time::sleep(LOOK), if tracked => true,
        };
        let Some(shard) = shard.upgrade().filter(|_| on) else { return };
        if !shard.state.trackers().any() {
            doubts = 0;
            continue;
        }
        let leader = leadership.borrow_and_update().leader;
        doubts = if shard.leads().is_ok() { 0 } else { doubts + 1 };
        if leader != Some(node) || doubts >= DOUBTS {
            doubts = 0;
            shard.state.end_tracking();
        }
    }
}

#[cfg(test)]
mod tests {
    use meridian_topology::DatabaseId;

    use super::*;

    fn key(name: &str) -> KeyAt {
        KeyAt { database: DatabaseId::DEFAULT, numbered: 0, key: name.as_bytes().into() }
    }

    #[test]
    fn changes_belong_to_the_command_before_them() {
        let effects = [
            Effect::Expired(key("old")),
            Effect::By { session: 7, sequence: 1 },
            Effect::By { session: 7, sequence: 2 },
            Effect::Changed(key("a")),
            Effect::Changed(key("a")),
            Effect::Read(key("b")),
            Effect::By { session: 9, sequence: 5 },
            Effect::Flushed { database: DatabaseId::DEFAULT, numbered: 0 },
        ];
        let bytes = |name: &'static str| vec![Bytes::from_static(name.as_bytes())];
        let expected = [
            Touched { changed: bytes("old"), ..Touched::default() },
            Touched { session: 7, sequence: 2, changed: bytes("a"), read: bytes("b"), flushed: false },
            Touched { session: 9, sequence: 5, flushed: true, ..Touched::default() },
        ];
        assert_eq!(touched(&effects), expected);
    }
}
