//! How long commands take on collections of two sizes: none may grow faster than Redis documents.
//!
//! `MERIDIAN_GROWTH=1000000 cargo test --release -p meridian-engine --test growth -- --nocapture` prints the figures.

#![expect(clippy::disallowed_methods, reason = "a test may look at the environment and the clock")]

mod support;

#[path = "growth/cases.rs"]
mod cases;

mod timed {
    use meridian_engine::Engine;
    use rustix::time::{ClockId, clock_gettime};

    use crate::{
        cases::{CASES, Case, Growth},
        support::{apply, call, entry},
    };

    /// Elements of a small collection.
    const SMALL: usize = 1000;
    /// Elements of a big one, unless `MERIDIAN_GROWTH` says how many.
    const BIG: usize = 100_000;
    /// Commands of one entry.
    const BATCH: usize = 50;
    /// Commands whose time is taken: some use up what they are called on.
    const COMMANDS: usize = 1000;
    /// How many times as long a command may take on a big collection that does not depend on the size, or only on its
    /// logarithm: caches are what it grows out of.
    const FACTOR_MAX: f64 = 16.0;
    /// Runs of a case that seems too slow before it is: other work on the machine disturbs some.
    const TRIES: usize = 4;

    /// Nanoseconds on a processor, so that what else runs on the machine counts less.
    fn processor_ns() -> f64 {
        let spent = clock_gettime(ClockId::ThreadCPUTime);
        spent.tv_sec as f64 * 1e9 + spent.tv_nsec as f64
    }

    fn entries(calls: impl Iterator<Item = Vec<Vec<u8>>>, batch: usize) -> Vec<bytes::Bytes> {
        let records: Vec<Vec<u8>> = calls
            .map(|words| {
                let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
                call(&words)
            })
            .collect();
        records.chunks(batch).enumerate().map(|(seed, calls)| entry(1, seed as u64, 0, calls)).collect()
    }

    /// Nanoseconds of one command on a collection of so many elements.
    fn cost(case: &Case, size: usize) -> f64 {
        let mut engine = Engine::new(7);
        for entry in entries((case.fill)(size), 1) {
            apply(&mut engine, &entry);
        }
        let commands = match case.growth {
            Growth::Linear => COMMANDS / 5,
            Growth::Flat => COMMANDS,
        };
        let calls = (0..commands).map(|n| (case.call)(size, n));
        let entries = entries(calls, BATCH);
        let before = processor_ns();
        for entry in &entries {
            let applied = apply(&mut engine, entry);
            drop(applied);
        }
        (processor_ns() - before) / commands as f64
    }

    /// What a command takes out is freed by whoever applied it, when that suits it.
    #[test]
    fn large_values_are_freed_by_the_caller() {
        for case in CASES.iter().filter(|case| case.frees) {
            let mut engine = Engine::new(7);
            for entry in entries((case.fill)(BIG), 1) {
                apply(&mut engine, &entry);
            }
            let before = engine.data_bytes();
            let [entry] = &entries(std::iter::once((case.call)(BIG, 0)), 1)[..] else { panic!("one entry") };
            let began = processor_ns();
            let applied = apply(&mut engine, entry);
            let took = processor_ns() - began;
            assert!(!applied.garbage.is_empty(), "{}", case.name);
            assert!(engine.data_bytes() < before / 10, "{}", case.name);
            drop(applied);
            let freed = processor_ns() - began - took;
            println!("{}: {:.0} µs, and {:.0} µs to free", case.name, took / 1e3, freed / 1e3);
            // The hundredth part would do; some of it is what an entry takes anyway.
            assert!(took < freed / 4.0 + 200e3, "{}: {took} ns of {freed}", case.name);
        }
    }

    #[test]
    fn no_command_grows_faster_than_redis_documents() {
        let big = std::env::var("MERIDIAN_GROWTH").map_or(BIG, |size| size.parse().unwrap());
        println!("| command | ns at {SMALL} | ns at {big} | times |\n|---|---|---|---|");
        let mut slow = Vec::new();
        for case in CASES.iter().filter(|case| !case.frees) {
            let limit = match case.growth {
                Growth::Flat => FACTOR_MAX,
                Growth::Linear => FACTOR_MAX / 4.0 * (big / SMALL) as f64,
            };
            let mut best = (0.0, f64::INFINITY, f64::INFINITY);
            for _ in 0..TRIES {
                let (small, large) = (cost(case, SMALL), cost(case, big));
                if large / small < best.2 {
                    best = (small, large, large / small);
                }
                if best.2 <= limit {
                    break;
                }
            }
            let (small, large, factor) = best;
            println!("| {} | {small:.0} | {large:.0} | {factor:.1} |", case.name);
            if factor > limit {
                slow.push(format!("{}: {factor:.1} times as long, {limit} allowed", case.name));
            }
        }
        assert!(slow.is_empty(), "{slow:#?}");
    }
}
