//! Disks that fail and disks that are full.

use super::*;

#[test]
fn after_a_failed_sync_everyone_gets_the_error_for_ever() {
    let disk = SimDisk::new(1);
    let log = open_with(&disk, small()).unwrap();
    append(&log.group(1), &[entry(1, 1, b"good")]).unwrap();
    let syncs = disk.syncs();
    disk.fail_syncs(1);
    let error = append(&log.group(1), &[entry(2, 1, b"bad")]).unwrap_err();
    assert!(error.to_string().contains("0000000001.log: sync failed"), "{error}");
    for group in 1..4 {
        assert!(wait(|done| log.group(group).save_vote(Bytes::new(), done)).is_err());
    }
    assert!(close(&log).is_err());
    assert!(disk.syncs() <= syncs + 2, "a failed sync is not tried again");
    assert_eq!(everything(&log.group(1)).len(), 2, "what is there can still be read");
    drop(log);
    disk.crash();
    let found = everything(&open_with(&disk, small()).unwrap().group(1));
    assert_eq!(found[0], entry(1, 1, b"good"));
}

#[test]
fn a_full_disk_is_told_before_it_hurts_and_by_its_kind_when_it_does() {
    let disk = SimDisk::new(1);
    let log = open_with(&disk, small()).unwrap();
    assert!(log.has_room());
    disk.set_capacity(Some(8 << 10));
    let mut index = 0;
    let error = loop {
        index += 1;
        if let Err(error) = append(&log.group(1), &[entry(index, 1, &[1; 500])]) {
            break error;
        }
        assert!(index < 100);
    };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    drop(log);
    disk.kill();
    disk.set_capacity(None);
    let log = open_with(&disk, small()).unwrap();
    let found = everything(&log.group(1)).len() as u64;
    assert!(found == index - 1 || found == index, "what failed may be there or not");
    append(&log.group(1), &[entry(found + 1, 1, b"x")]).unwrap();
}

#[test]
fn the_log_says_when_the_next_segment_has_no_room_and_when_it_has_again() {
    let disk = SimDisk::new(1);
    disk.set_capacity(Some(10 << 10));
    let log = open_with(&disk, small()).unwrap();
    while log.has_room() {
        std::thread::yield_now();
    }
    // There is room left in the first segment.
    append(&log.group(1), &[entry(1, 1, &[1; 500])]).unwrap();
    disk.set_capacity(None);
    while !log.has_room() {
        std::thread::yield_now();
    }
}

#[test]
fn what_a_killed_process_had_not_synced_is_durable_once_it_was_found() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed);
        let log = open_with(&disk, small()).unwrap();
        let written = log.stats().written_bytes;
        disk.hold_syncs(true);
        log.group(1).append(vec![entry(1, 1, b"x")], Box::new(|_| {}));
        while log.stats().written_bytes == written {
            std::thread::yield_now();
        }
        disk.kill();
        disk.hold_syncs(false);
        drop(log);
        for _ in 0..2 {
            let log = open_with(&disk, small()).unwrap();
            assert_eq!(everything(&log.group(1)), [entry(1, 1, b"x")]);
            disk.crash();
        }
    }
}
