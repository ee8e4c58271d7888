mod crash;
mod damage;
mod failure;
mod recycle;

use std::sync::mpsc;

use meridian_rt::disk::SimDisk;

use super::*;

const DIRECTORY: &str = "/node/log";

fn open(disk: &SimDisk) -> Log {
    open_with(disk, LogOptions::default()).unwrap()
}

fn open_with(disk: &SimDisk, options: LogOptions) -> Result<Log, OpenError> {
    Log::open(disk.mount(), Path::new(DIRECTORY), options)
}

/// Options that make segments change often.
fn small() -> LogOptions {
    LogOptions { segment_bytes: 8 << 10, cache_bytes: 2 << 10, runner: None }
}

fn close(log: &Log) -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(log.close())
}

fn everything(group: &GroupLog) -> Vec<LogEntry> {
    group.entries(0..u64::MAX, usize::MAX).unwrap()
}

fn entry(index: u64, term: u64, data: &[u8]) -> LogEntry {
    LogEntry { index, term, kind: 1, data: Bytes::copy_from_slice(data) }
}

fn wait(start: impl FnOnce(Done)) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel();
    start(Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv().unwrap()
}

fn append(group: &GroupLog, entries: &[LogEntry]) -> io::Result<()> {
    wait(|done| group.append(entries.to_vec(), done))
}

#[test]
fn what_was_acknowledged_is_there_after_a_crash() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed);
        let log = open(&disk);
        let group = log.group(3);
        let first = [entry(1, 1, b"one"), entry(2, 1, b"two"), entry(3, 2, &[7; 100_000])];
        append(&group, &first).unwrap();
        group.save_committed(Bytes::from_static(b"c"));
        wait(|done| group.save_vote(Bytes::from_static(b"v"), done)).unwrap();
        append(&log.group(4), &[entry(9, 5, b"")]).unwrap();
        let state = group.state();
        assert_eq!(state.last, Some(LogPosition { term: 2, index: 3 }));
        disk.crash();
        assert!(append(&group, &[entry(4, 2, b"x")]).is_err(), "the crashed process acknowledges nothing");
        let log = open(&disk);
        assert_eq!(log.groups(), [3, 4]);
        assert_eq!(log.group(3).state(), state);
        assert_eq!(log.group(3).entries(0..100, usize::MAX).unwrap(), first);
        assert_eq!(log.group(3).entries(2..3, 0).unwrap(), first[1..2]);
        assert_eq!(log.group(4).entries(9..10, 0).unwrap(), [entry(9, 5, b"")]);
    }
}

#[test]
fn truncation_purge_and_removal_survive() {
    let disk = SimDisk::new(1);
    let log = open(&disk);
    let group = log.group(1);
    let entries: Vec<LogEntry> = (1..=10).map(|index| entry(index, 1, b"x")).collect();
    append(&group, &entries).unwrap();
    append(&log.group(2), &entries).unwrap();
    assert!(append(&group, &[entry(5, 2, b"y")]).is_err(), "only truncation makes room");
    wait(|done| group.truncate_after(Some(4), done)).unwrap();
    append(&group, &[entry(5, 2, b"y")]).unwrap();
    wait(|done| group.purge(LogPosition { term: 1, index: 2 }, done)).unwrap();
    wait(|done| log.remove_group(2, done)).unwrap();
    let read = |log: &Log| log.group(1).entries(0..100, usize::MAX).unwrap();
    let expected = [entry(3, 1, b"x"), entry(4, 1, b"x"), entry(5, 2, b"y")];
    assert_eq!(read(&log), expected);
    disk.crash();
    let log = open(&disk);
    assert_eq!(read(&log), expected);
    assert_eq!(log.groups(), [1]);
    assert_eq!(log.group(1).state().purged, Some(LogPosition { term: 1, index: 2 }));
    wait(|done| log.group(1).purge(LogPosition { term: 2, index: 50 }, done)).unwrap();
    append(&log.group(1), &[entry(51, 3, b"z")]).unwrap();
    disk.crash();
    assert_eq!(read(&open(&disk)), [entry(51, 3, b"z")]);
}

#[test]
fn a_closed_log_has_everything_and_takes_nothing() {
    let disk = SimDisk::new(1);
    let log = open(&disk);
    log.group(1).save_committed(Bytes::from_static(b"lazy"));
    close(&log).unwrap();
    assert!(append(&log.group(1), &[entry(1, 1, b"x")]).is_err());
    assert!(close(&log).is_err());
    disk.crash();
    assert_eq!(open(&disk).group(1).state().committed.as_deref(), Some(&b"lazy"[..]));
}

#[test]
fn an_append_that_does_not_continue_the_log_is_refused_whole() {
    let disk = SimDisk::new(1);
    let log = open(&disk);
    let group = log.group(1);
    append(&group, &[entry(5, 1, b"x")]).unwrap();
    for entries in [&[entry(7, 1, b"y")][..], &[entry(5, 1, b"y")], &[entry(6, 1, b"y"), entry(8, 1, b"y")]] {
        assert_eq!(append(&group, entries).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
    append(&group, &[]).unwrap();
    assert_eq!(everything(&group), [entry(5, 1, b"x")]);
}

#[test]
fn what_waits_together_shares_one_sync_and_one_round_of_completions() {
    let disk = SimDisk::new(1);
    let rounds = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let runner: Runner = {
        let rounds = rounds.clone();
        Arc::new(move |completions: Completions| {
            rounds.lock().push(completions.0.len());
            completions.run();
        })
    };
    let log = open_with(&disk, LogOptions { runner: Some(runner), ..small() }).unwrap();
    disk.hold_syncs(true);
    let (sender, receiver) = mpsc::channel();
    let first_write = log.stats().written_bytes;
    let start = |group: u32| {
        let sender = sender.clone();
        log.group(group).append(
            vec![entry(1, 1, b"x")],
            Box::new(move |result| sender.send(result.map(|()| group)).unwrap()),
        );
    };
    start(0);
    while log.stats().written_bytes == first_write {
        std::thread::yield_now();
    }
    (1..=100).for_each(start);
    assert!(receiver.try_recv().is_err(), "nothing is acknowledged before the sync");
    disk.hold_syncs(false);
    let order: Vec<u32> = receiver.iter().take(101).map(Result::unwrap).collect();
    assert_eq!(order, (0..=100).collect::<Vec<_>>());
    assert_eq!(*rounds.lock(), [1, 100]);
    assert_eq!(log.stats().syncs, 2);
}

#[test]
fn entries_are_read_from_disk_once_the_cache_is_full() {
    let disk = SimDisk::new(1);
    let log = open_with(&disk, small()).unwrap();
    let data = |index: u64| vec![index as u8; (index % 7 * 100) as usize];
    for index in 1..=200 {
        append(&log.group(1), &[entry(index, 1, &data(index))]).unwrap();
        append(&log.group(2), &[entry(index, 2, &data(index + 1))]).unwrap();
    }
    for (group, shift) in [(1, 0), (2, 1)] {
        let expected: Vec<LogEntry> =
            (1..=200).map(|index| entry(index, u64::from(group), &data(index + shift))).collect();
        assert_eq!(everything(&log.group(group)), expected);
        assert_eq!(log.group(group).entries(50..60, usize::MAX).unwrap(), expected[49..59]);
        let limited = log.group(group).entries(50..200, 1000).unwrap();
        assert!(limited.iter().map(|entry| entry.data.len()).sum::<usize>() <= 1000 && limited.len() > 1);
        assert_eq!(log.group(group).entries(201..300, 1000).unwrap(), []);
    }
}
