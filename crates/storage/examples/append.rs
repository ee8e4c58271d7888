//! Measures the log on this machine's disk: entries of 100 bytes per second, each append waiting for its sync, for
//! some numbers of groups (one thread each) and entries per append; then how long opening takes.
//!
//! `cargo run --release --example append -p meridian-storage -- DIRECTORY [SECONDS]`

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use meridian_rt::disk::RealDisk;
use meridian_storage::{GroupLog, Log, LogEntry, LogOptions, LogPosition, OpenError};

/// A group purges its log when it has this many entries.
const PURGED: u64 = 50_000;

fn open(directory: &Path) -> Result<Log, OpenError> {
    Log::open(Arc::new(RealDisk), directory, LogOptions::default())
}

/// Processor time of this process so far, in seconds.
fn processor_time() -> io::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let fields = text.rsplit(") ").next().unwrap_or_default().split(' ');
    // Ticks of 10 ms in user mode and in the kernel.
    Ok(fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0)
}

fn run(group: &GroupLog, per_append: u64, stop: &AtomicBool) -> io::Result<u64> {
    let data = Bytes::from(vec![7; 100]);
    let (sender, receiver) = mpsc::channel();
    let mut next = 1;
    while !stop.load(Ordering::Relaxed) {
        let entries = next..next + per_append;
        let entries = entries.map(|index| LogEntry { index, term: 1, kind: 0, data: data.clone() }).collect();
        let sender = sender.clone();
        group.append(entries, Box::new(move |result| drop(sender.send(result))));
        receiver.recv().map_err(io::Error::other)??;
        next += per_append;
        if group.bytes() / 144 > PURGED {
            group.purge(LogPosition { term: 1, index: next - 1 - PURGED / 2 }, Box::new(|_| {}));
        }
    }
    Ok(next - 1)
}

fn measure(directory: PathBuf, groups: u32, per_append: u64, time: Duration) -> io::Result<String> {
    let log = open(&directory).map_err(io::Error::other)?;
    let stop = Arc::new(AtomicBool::new(false));
    let (begun, processor) = (Instant::now(), processor_time()?);
    let threads: Vec<_> = (0..groups)
        .map(|group| {
            let (group, stop) = (log.group(group), stop.clone());
            thread::spawn(move || run(&group, per_append, &stop))
        })
        .collect();
    thread::sleep(time);
    stop.store(true, Ordering::Relaxed);
    let mut entries = 0;
    for thread in threads {
        entries += thread.join().map_err(|_| io::Error::other("a thread panicked"))??;
    }
    let took = begun.elapsed().as_secs_f64();
    let stats = log.stats();
    let quantile = |share| stats.sync_latency.quantile(share).map_or(0, |time| time.as_micros());
    Ok(format!(
        "T{groups} B{per_append}: {:.0} entries/s, {:.2} us CPU each, {:.0} syncs/s (p50 < {} us, p99 < {} us), {} segments of {} MiB",
        entries as f64 / took,
        (processor_time()? - processor) * 1e6 / entries as f64,
        stats.syncs as f64 / took,
        quantile(0.5),
        quantile(0.99),
        stats.segments,
        stats.used_bytes >> 20
    ))
}

fn measure_open(directory: &Path, what: &str) -> io::Result<String> {
    let begun = Instant::now();
    let log = open(directory).map_err(io::Error::other)?;
    let took = begun.elapsed();
    Ok(format!("open {what}: {took:.1?}, {} MiB", log.stats().used_bytes >> 20))
}

fn fill(directory: &Path) -> io::Result<()> {
    let log = open(directory).map_err(io::Error::other)?;
    let data = Bytes::from(vec![7; 1000]);
    let (sender, receiver) = mpsc::channel();
    for round in 0..400 {
        for group in 0..4 {
            let entries = (round * 300..(round + 1) * 300)
                .map(|index| LogEntry { index, term: 1, kind: 0, data: data.clone() })
                .collect();
            let sender = sender.clone();
            log.group(group).append(entries, Box::new(move |result| drop(sender.send(result))));
        }
        for _ in 0..4 {
            receiver.recv().map_err(io::Error::other)??;
        }
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(directory) = arguments.next().map(PathBuf::from) else {
        return Err(io::Error::other("usage: append DIRECTORY [SECONDS]"));
    };
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(2.0);
    let mut out = io::stdout().lock();
    writeln!(out, "{}", measure_open(&directory.join("new"), "a new log")?)?;
    for (groups, per_append) in [(1, 1), (1, 16), (1, 128), (16, 1), (64, 1), (64, 16), (64, 128)] {
        let directory = directory.join(format!("t{groups}-b{per_append}"));
        let line = measure(directory, groups, per_append, Duration::from_secs_f64(seconds))?;
        writeln!(out, "{line}")?;
    }
    fill(&directory.join("full"))?;
    writeln!(out, "{}", measure_open(&directory.join("full"), "a long log")?)
}
