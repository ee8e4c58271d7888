//! The state after an entry is a function of the entries: replicas that apply the same ones answer the same bytes, have
//! the same effects, the same digest at every hundredth index and make the same snapshots, byte for byte.
//!
//! One replica makes the entries ([`log`]), one follows all the way, and one is made anew from a snapshot again and
//! again. `MERIDIAN_DIGESTS=FILE` writes the digests to a file, or compares them with those that another build of the
//! same sources has left there (`tests/README.md` says how).

#[path = "determinism/log.rs"]
mod log;

use std::{collections::BTreeSet, env, fmt::Write as _, fs};

use meridian_command::{EngineCommand, Flags};
use meridian_engine::{Applied, Effect, Engine, Restorer};

use log::{Log, NOT_TRIED, Seen, Step};

const SEEDS: u64 = 4;
const ENTRIES: usize = 2500;
/// Every so many entries one of the engines is made anew from a snapshot.
const PER_SNAPSHOT: usize = 250;
/// So many are applied while it is made.
const WHILE_SNAPSHOT: usize = 20;
/// Every so many entries the digests are compared.
const PER_DIGEST: usize = 100;
const HASH_SEED: u128 = 11;
/// So many commands may have met only keys that were of no use to them.
const UNLUCKY_MAX: usize = 3;
/// What random calls cannot get right: payloads with a checksum, functions without writes, and scripts to end where all
/// are over.
const ALWAYS_REFUSED: [&str; 5] = ["RESTORE", "FUNCTION|RESTORE", "FCALL_RO", "SCRIPT|KILL", "FUNCTION|KILL"];

fn engine() -> Engine {
    let mut engine = Engine::new(HASH_SEED);
    engine.collect_effects(true);
    engine
}

/// A flush is also told of databases in which there were keys once. A restored engine does not know of those.
fn is_flush(effect: &Effect) -> bool {
    matches!(effect, Effect::Flushed { .. })
}

/// Applies an entry and compares what comes of it.
fn follow(engine: &mut Engine, at: usize, step: &Step) {
    let applied = engine.apply(at as u64 + 1, &step.entry).expect("the entry was applied before");
    let shown = || step.entry.escape_ascii().to_string();
    assert_eq!(applied.sections, step.applied.sections, "replies of entry {at}: {}", shown());
    assert_eq!(applied.late, step.applied.late, "late replies of entry {at}");
    let told =
        |applied: &Applied| applied.effects.iter().filter(|effect| !is_flush(effect)).cloned().collect();
    let (ours, theirs): (Vec<Effect>, Vec<Effect>) = (told(&applied), told(&step.applied));
    assert_eq!(ours, theirs, "effects of entry {at}");
}

fn snapshot(engine: &mut Engine) -> Vec<Vec<u8>> {
    engine.begin_snapshot();
    std::iter::from_fn(|| engine.snapshot_chunk(1 << 16)).collect()
}

/// A replica that is made anew from a snapshot of itself every so often, and then catches up.
struct Restored {
    engine: Engine,
    chunks: Vec<Vec<u8>>,
    /// Before which entry the snapshot on its way was begun.
    begun: Option<usize>,
}

impl Restored {
    fn follow(&mut self, steps: &[Step]) {
        let at = steps.len() - 1;
        follow(&mut self.engine, at, &steps[at]);
        if steps.len().is_multiple_of(PER_SNAPSHOT) {
            self.engine.begin_snapshot();
            (self.chunks, self.begun) = (Vec::new(), Some(steps.len()));
        }
        let Some(begun) = self.begun else { return };
        self.chunks.extend(self.engine.snapshot_chunk(256));
        if at < begun + WHILE_SNAPSHOT {
            return;
        }
        self.chunks.extend(std::iter::from_fn(|| self.engine.snapshot_chunk(256)));
        let mut restorer = Restorer::new(HASH_SEED);
        for chunk in &self.chunks {
            restorer.feed(chunk).expect("a whole chunk");
        }
        self.engine = restorer.finish().expect("a whole snapshot");
        self.engine.collect_effects(true);
        for (at, step) in steps.iter().enumerate().skip(begun) {
            follow(&mut self.engine, at, step);
        }
        self.begun = None;
    }
}

fn run(seed: u64, digests: &mut String) -> Seen {
    let mut log = Log::new(seed);
    let mut follower = engine();
    let mut restored = Restored { engine: engine(), chunks: Vec::new(), begun: None };
    for at in 0..ENTRIES {
        log.step();
        follow(&mut follower, at, &log.steps[at]);
        restored.follow(&log.steps);
        if (at + 1).is_multiple_of(PER_DIGEST) {
            let digest = log.engine.digest();
            assert_eq!(follower.digest(), digest, "seed {seed}, entry {at}: of the follower");
            assert_eq!(restored.engine.digest(), digest, "seed {seed}, entry {at}: of the restored replica");
            writeln!(digests, "{seed} {} {digest:032x}", at + 1).expect("a string takes everything");
        }
    }
    let wanted = snapshot(&mut log.engine);
    assert!(snapshot(&mut follower) == wanted, "seed {seed}: the follower's snapshot differs");
    assert!(snapshot(&mut restored.engine) == wanted, "seed {seed}: the restored replica's snapshot differs");
    log.seen
}

/// Leaves the digests for another build, or compares them with those that another has left.
fn exchange(digests: &str) {
    let Some(path) = env::var_os("MERIDIAN_DIGESTS") else { return };
    match fs::read_to_string(&path) {
        Ok(others) => assert_eq!(digests, others, "another build has left other digests in {path:?}"),
        Err(_) => fs::write(&path, digests).expect("the file of digests can be written"),
    }
}

#[test]
fn the_same_entries_make_the_same_bytes() {
    let (mut answered, mut digests) = (BTreeSet::new(), String::new());
    for seed in crate::engine::seeds().unwrap_or(0..SEEDS) {
        let seen = run(seed, &mut digests);
        for (what, count) in seen.counts() {
            assert!(count > 0, "seed {seed}: {what}: none");
        }
        answered.extend(seen.answered);
    }
    exchange(&digests);
    let tried = EngineCommand::ALL.iter().map(|command| command.spec());
    let tried = tried.filter(|spec| !ALWAYS_REFUSED.contains(&spec.name));
    let tried = tried.filter(|spec| !spec.flags.contains(Flags::INTERNAL) && !NOT_TRIED.contains(&spec.name));
    let missing: Vec<&str> = tried.map(|spec| spec.name).filter(|name| !answered.contains(name)).collect();
    assert!(missing.len() <= UNLUCKY_MAX, "only ever answered by errors: {missing:?}");
}
