//! Segments come and go.

use super::*;

/// Appends to a group and purges all but the last few, many segments long.
fn churn(log: &Log, group: u32, from: u64, count: u64) {
    let group = log.group(group);
    for index in from..from + count {
        append(&group, &[entry(index, 1, &[index as u8; 700])]).unwrap();
        if index % 8 == 0 {
            wait(|done| group.purge(LogPosition { term: 1, index: index - 4 }, done)).unwrap();
        }
    }
}

fn files(disk: &SimDisk) -> usize {
    disk.mount().list(Path::new(DIRECTORY)).unwrap().len()
}

#[test]
fn purged_segments_are_recycled_and_their_old_records_stay_dead() {
    let disk = SimDisk::new(1);
    let mut next = 1;
    for _ in 0..20 {
        let log = open_with(&disk, small()).unwrap();
        churn(&log, 1, next, 40);
        next += 40;
        let expected: Vec<u64> = (next - 4..next).collect();
        let indexes =
            |log: &Log| -> Vec<u64> { everything(&log.group(1)).iter().map(|entry| entry.index).collect() };
        assert_eq!(indexes(&log), expected);
        assert!(log.stats().segments <= 4, "{:?}", log.stats());
        close(&log).unwrap();
        drop(log);
        disk.crash();
        let log = open_with(&disk, small()).unwrap();
        assert_eq!(indexes(&log), expected);
        // The worker that recycles may be behind.
        let begun = std::time::Instant::now();
        while files(&disk) > 8 {
            let left = disk.mount().list(Path::new(DIRECTORY));
            assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{left:?}");
            std::thread::yield_now();
        }
        drop(log);
        disk.crash();
    }
}

#[test]
fn groups_that_lag_do_not_keep_old_segments() {
    let disk = SimDisk::new(1);
    let log = open_with(&disk, small()).unwrap();
    let old: Vec<LogEntry> = (1..=3).map(|index| entry(index, 1, b"lagging")).collect();
    append(&log.group(7), &old).unwrap();
    wait(|done| log.group(8).save_vote(Bytes::from_static(b"quiet"), done)).unwrap();
    append(&log.group(9), &[entry(1, 1, b"gone")]).unwrap();
    wait(|done| log.group(9).purge(LogPosition { term: 1, index: 1 }, done)).unwrap();
    log.group(9).save_committed(Bytes::from_static(b"c"));
    let states = |log: &Log| [7, 8, 9].map(|group| (log.group(group).state(), everything(&log.group(group))));
    let before = states(&log);
    churn(&log, 1, 1, 400);
    assert_eq!(states(&log), before);
    let stats = log.stats();
    assert!(stats.segments <= 4 && stats.moved_bytes > 0, "{stats:?}");
    assert!(stats.live_bytes < 16 << 10 && stats.live_bytes > 0, "{stats:?}");
    drop(log);
    disk.crash();
    let log = open_with(&disk, small()).unwrap();
    assert_eq!(states(&log), before);
    assert_eq!(log.groups(), [1, 7, 8, 9]);
}

#[test]
fn a_large_idle_group_is_moved_when_the_log_grows_much_longer_than_what_matters() {
    let disk = SimDisk::new(1);
    let log = open_with(&disk, small()).unwrap();
    let idle: Vec<LogEntry> = (1..=20).map(|index| entry(index, 1, &[7; 300])).collect();
    append(&log.group(2), &idle).unwrap();
    churn(&log, 1, 1, 400);
    assert_eq!(everything(&log.group(2)), idle);
    let stats = log.stats();
    assert!(stats.used_bytes < 10 * (8 << 10), "{stats:?}");
    drop(log);
    disk.crash();
    assert_eq!(everything(&open_with(&disk, small()).unwrap().group(2)), idle);
}

#[test]
fn an_entry_larger_than_a_segment_has_its_own() {
    let disk = SimDisk::new(1);
    let log = open_with(&disk, small()).unwrap();
    let large = [entry(1, 1, b"small"), entry(2, 1, &[3; 100_000]), entry(3, 1, b"small")];
    for one in &large {
        append(&log.group(1), std::slice::from_ref(one)).unwrap();
    }
    drop(log);
    disk.crash();
    let log = open_with(&disk, small()).unwrap();
    assert_eq!(everything(&log.group(1)), large);
    wait(|done| log.group(1).purge(LogPosition { term: 1, index: 3 }, done)).unwrap();
    churn(&log, 1, 4, 100);
    assert!(log.stats().segments <= 4);
}

#[test]
fn readers_are_undisturbed_while_entries_move_and_segments_are_reused() {
    let disk = SimDisk::new(1);
    let log = open_with(&disk, LogOptions { cache_bytes: 0, ..small() }).unwrap();
    let old: Vec<LogEntry> = (1..=10).map(|index| entry(index, 1, &[index as u8; 50])).collect();
    append(&log.group(7), &old).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(everything(&log.group(7)), old);
                let purged = everything(&log.group(1));
                assert!(purged.iter().all(|entry| entry.data == vec![entry.index as u8; 700]));
                reads += 1;
            }
            reads
        });
        churn(&log, 1, 1, 800);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
    assert!(log.stats().moved_bytes > 10 * 90);
}
