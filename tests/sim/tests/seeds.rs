//! Runs seeds, each in a process of its own: those asked for, and those that once failed.
//!
//! `MERIDIAN_SIM_SEEDS` is how many, `MERIDIAN_SIM_FIRST` the first of them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Seeds that run unless told otherwise.
const SEEDS: u64 = 50;
/// Of the seeds that are asked for, every so many is run twice.
const TWICE_EVERY: u64 = 10;
/// A run takes seconds. One that takes so long goes in circles without simulated time passing.
const LIMIT: Duration = Duration::from_secs(180);

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number, not {value:?}")))
}

/// Runs a seed and returns what it says of itself.
fn simulate(seed: u64, trace: &Path) -> Result<String, String> {
    let (status, said) = run_process(seed, trace).map_err(|error| format!("seed {seed}: {error}"))?;
    match status {
        Some(status) if status.success() => Ok(said.trim_end().to_owned()),
        Some(status) => Err(format!("seed {seed}: {status}\n{said}trace: {}", trace.display())),
        None => Err(format!("seed {seed}: not finished after {LIMIT:?}\n{said}")),
    }
}

/// Returns how the process ended, if it did in time, and all that it wrote.
fn run_process(seed: u64, trace: &Path) -> io::Result<(Option<ExitStatus>, String)> {
    let output_path = trace.with_extension("out");
    let output = fs::File::create(&output_path)?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_meridian-sim"))
        .arg(seed.to_string())
        .arg(trace)
        .stdin(Stdio::null())
        .stderr(output.try_clone()?)
        .stdout(output)
        .spawn()?;
    let deadline = Instant::now() + LIMIT;
    let mut status = child.try_wait()?;
    while status.is_none() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
        status = child.try_wait()?;
    }
    if status.is_none() {
        child.kill()?;
        child.wait()?;
    }
    let said = fs::read_to_string(&output_path)?;
    fs::remove_file(&output_path)?;
    Ok((status, said))
}

fn trace_path(seed: u64, run: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("seed-{seed}{run}.trace"))
}

fn forget(traces: &[PathBuf]) -> Result<(), String> {
    traces.iter().try_for_each(fs::remove_file).map_err(|error| error.to_string())
}

/// Runs seeds on all processors; returns what failed.
fn on_all_processors(seeds: &[u64], work: impl Fn(u64) -> Result<(), String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..processors.min(seeds.len()) {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(failure) = work(*seed) {
                        eprintln!("{failure}");
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn hold(seed: u64) -> Result<(), String> {
    let trace = trace_path(seed, "");
    let said = simulate(seed, &trace)?;
    eprintln!("seed {seed}: {said}");
    forget(&[trace])
}

fn hold_and_repeat(seed: u64) -> Result<(), String> {
    let (first, second) = (trace_path(seed, "-first"), trace_path(seed, "-second"));
    let said = simulate(seed, &first)?;
    let said_again = simulate(seed, &second)?;
    if said != said_again {
        return Err(format!(
            "seed {seed} does not repeat: compare {} and {}",
            first.display(),
            second.display()
        ));
    }
    eprintln!("seed {seed}: {said}, twice");
    forget(&[first, second])
}

#[test]
fn seeds_hold_and_repeat() {
    let first = variable("MERIDIAN_SIM_FIRST").unwrap_or(0);
    let count = variable("MERIDIAN_SIM_SEEDS").unwrap_or(SEEDS);
    let seeds: Vec<u64> = (first..first + count).collect();
    let twice = |seed: u64| count == 1 || seed.is_multiple_of(TWICE_EVERY);
    let failures =
        on_all_processors(&seeds, |seed| if twice(seed) { hold_and_repeat(seed) } else { hold(seed) });
    assert!(failures.is_empty(), "{} of {count} seeds fail", failures.len());
}

#[test]
fn seeds_that_once_failed_hold() {
    let known: Vec<u64> = include_str!("../seeds.txt")
        .lines()
        .filter_map(|line| line.split('#').next())
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| line.parse().expect("seeds.txt has a number in each line"))
        .collect();
    assert_eq!(on_all_processors(&known, hold), Vec::<String>::new());
}
