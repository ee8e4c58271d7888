//! What is cut, and what is refused.

use std::path::PathBuf;

use super::*;
use crate::log::segment::segment_path;

fn path(generation: u32) -> PathBuf {
    segment_path(Path::new(DIRECTORY), generation)
}

fn bytes(disk: &SimDisk, generation: u32) -> Vec<u8> {
    let file = disk.mount().open(&path(generation), false).unwrap();
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// A disk that holds nothing but this segment.
fn disk_with(generation: u32, bytes: &[u8]) -> SimDisk {
    let disk = SimDisk::new(1);
    disk.mount().create_dir_all(Path::new(DIRECTORY)).unwrap();
    put(&disk, generation, bytes);
    disk
}

fn put(disk: &SimDisk, generation: u32, bytes: &[u8]) {
    let file = disk.mount().open(&path(generation), true).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    file.write_at(bytes, 0).unwrap();
}

/// A segment with a few batches, each of one append to each of two groups, and where each batch ends.
fn few_batches() -> (Vec<u8>, Vec<usize>) {
    let disk = SimDisk::new(1);
    let log = open_with(&disk, small()).unwrap();
    let mut ends = vec![log.stats().used_bytes as usize];
    for index in 1..=4 {
        let entries = [entry(index * 2 - 1, 1, b"abc"), entry(index * 2, 1, b"")];
        append(&log.group(1), &entries).unwrap();
        ends.push(log.stats().used_bytes as usize);
    }
    (bytes(&disk, 1), ends)
}

fn entries_found(disk: &SimDisk) -> Result<usize, OpenError> {
    let log = open_with(disk, small())?;
    let found = everything(&log.group(1));
    let next = found.len() as u64 + 1;
    assert_eq!(found.last().map_or(0, |entry| entry.index) + 1, next, "a prefix");
    // The log must go on from here, and be found again.
    append(&log.group(1), &[entry(next, 9, b"more")]).unwrap();
    drop(log);
    disk.crash();
    assert_eq!(everything(&open_with(disk, small()).unwrap().group(1)).len(), found.len() + 1);
    Ok(found.len())
}

#[test]
fn a_tail_cut_at_any_byte_leaves_the_whole_batches_before() {
    let (whole, ends) = few_batches();
    for cut in ends[0]..=ends[4] {
        let batches = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(entries_found(&disk_with(1, &whole[..cut])).unwrap(), batches * 2, "cut at {cut}");
        let mut zeroed = whole.clone();
        zeroed[cut..].fill(0);
        // Of a record's padding nothing is missed.
        let found = entries_found(&disk_with(1, &zeroed)).unwrap();
        assert!(found == batches * 2 || found == batches * 2 + 2 && ends.contains(&cut.next_multiple_of(8)));
    }
}

#[test]
fn damage_with_a_later_batch_behind_it_is_refused() {
    let (whole, ends) = few_batches();
    for at in 0..ends[4] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        match entries_found(&disk_with(1, &damaged)) {
            Ok(8) => assert!(at < 32 || at % 8 >= 3, "only padding does not matter: {at}"),
            Ok(found) => assert!(at >= ends[3] && found == 6, "byte {at}: found {found}"),
            Err(OpenError::Corrupt { path: named, offset, .. }) => {
                assert_eq!(named, path(1));
                assert!(at < ends[3] && offset as usize <= at, "byte {at}: said {offset}");
            }
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
}

#[test]
fn what_a_torn_batch_left_behind_a_hole_never_comes_back() {
    let (whole, ends) = few_batches();
    // The last batch loses its first record, but not its second.
    let mut torn = whole.clone();
    torn[ends[3]..ends[3] + 48].fill(0);
    let disk = disk_with(1, &torn);
    let log = open_with(&disk, small()).unwrap();
    assert_eq!(everything(&log.group(1)).len(), 6);
    // The next batch has a first record exactly as long as the one that was lost,
    let next = [entry(7, 2, b"new"), entry(8, 2, b"newer")];
    append(&log.group(1), &next).unwrap();
    drop(log);
    disk.crash();
    // and its second one never reaches the disk where the torn batch left its own.
    let mut after = bytes(&disk, 1);
    after[ends[3] + 48..ends[4]].copy_from_slice(&whole[ends[3] + 48..ends[4]]);
    put(&disk, 1, &after);
    let found = everything(&open_with(&disk, small()).unwrap().group(1));
    assert_eq!(found[6..], next);
}

#[test]
fn damage_in_an_older_segment_is_refused_with_its_name() {
    let disk = SimDisk::new(1);
    let log = open_with(&disk, small()).unwrap();
    for index in 1..=30 {
        append(&log.group(1), &[entry(index, 1, &[index as u8; 1000])]).unwrap();
    }
    drop(log);
    disk.crash();
    let whole: Vec<Vec<u8>> = (1..=4).map(|generation| bytes(&disk, generation)).collect();
    for generation in 1..=3 {
        let good = &whole[generation as usize - 1];
        for at in (0..good.len() - 1200).step_by(97) {
            let mut damaged = good.clone();
            damaged[at] ^= 1;
            put(&disk, generation, &damaged);
            let error = open_with(&disk, small()).err().expect("damage").to_string();
            assert!(error.contains(path(generation).to_str().unwrap()), "{error}");
            assert!(error.contains("damaged at offset"), "{error}");
        }
        put(&disk, generation, good);
    }
    assert_eq!(everything(&open_with(&disk, small()).unwrap().group(1)).len(), 30);
    disk.mount().remove(&path(2)).unwrap();
    let error = open_with(&disk, small()).err().unwrap();
    assert!(matches!(&error, OpenError::Missing { path: named } if *named == path(2)), "{error}");
}

#[test]
fn an_entry_damaged_while_the_log_is_open_is_an_error_and_not_data() {
    let disk = SimDisk::new(1);
    let log = open_with(&disk, LogOptions { cache_bytes: 0, ..small() }).unwrap();
    append(&log.group(1), &[entry(1, 1, b"payload")]).unwrap();
    let mut damaged = bytes(&disk, 1);
    let at = damaged.windows(7).position(|window| window == b"payload").unwrap();
    damaged[at] = b'P';
    put(&disk, 1, &damaged);
    let error = log.group(1).entries(1..2, 100).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().contains("0000000001.log: damaged at offset"), "{error}");
}
