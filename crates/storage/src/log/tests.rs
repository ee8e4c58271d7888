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
