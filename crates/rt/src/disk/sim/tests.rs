use super::*;

fn path(name: &str) -> PathBuf {
    Path::new("/data").join(name)
}

fn content(disk: &SimDisk, name: &str) -> Option<Vec<u8>> {
    let file = disk.mount().open(&path(name), false).ok()?;
    let mut bytes = vec![0; file.len().unwrap() as usize];
    let count = file.read_at(&mut bytes, 0).unwrap();
    assert_eq!(count, bytes.len());
    Some(bytes)
}

fn synced(disk: &SimDisk, name: &str, bytes: &[u8]) -> Box<dyn File> {
    let mount = disk.mount();
    mount.create_dir_all(Path::new("/data")).unwrap();
    let file = mount.open(&path(name), true).unwrap();
    file.write_at(bytes, 0).unwrap();
    file.sync().unwrap();
    mount.sync_dir(Path::new("/data")).unwrap();
    file
}

#[test]
fn a_crash_keeps_what_was_synced_and_some_of_the_rest() {
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let disk = SimDisk::new(seed);
        let file = synced(&disk, "x", b"durable");
        file.write_at(b"WORDS", 7).unwrap();
        disk.crash();
        assert!(file.write_at(b"z", 0).is_err(), "a file of an earlier life is dead");
        let left = content(&disk, "x").unwrap();
        assert!(b"durableWORDS".starts_with(&left) && left.len() >= 7);
        seen.insert(left.len());
    }
    assert_eq!(seen, (7..=12).collect());
}

#[test]
fn names_are_durable_only_after_their_directory_was_synced() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..50 {
        let disk = SimDisk::new(seed);
        synced(&disk, "x", b"1");
        let mount = disk.mount();
        mount.open(&path("y"), true).unwrap().sync().unwrap();
        mount.rename(&path("x"), &path("z")).unwrap();
        disk.crash();
        outcomes.insert(disk.mount().list(Path::new("/data")).unwrap());
    }
    let expected: [&[&str]; 3] = [&["x"], &["x", "y"], &["y", "z"]];
    assert_eq!(outcomes, expected.map(|names| names.iter().map(ToString::to_string).collect()).into());
}

#[test]
fn a_killed_process_loses_nothing_but_its_locks() {
    let disk = SimDisk::new(1);
    synced(&disk, "x", b"1").write_at(b"2", 1).unwrap();
    let mount = disk.mount();
    let lock = mount.lock(&path("lock")).unwrap();
    assert_eq!(mount.lock(&path("lock")).err().unwrap().kind(), io::ErrorKind::WouldBlock);
    disk.kill();
    assert_eq!(content(&disk, "x").unwrap(), b"12");
    let mount = disk.mount();
    let again = mount.lock(&path("lock")).unwrap();
    drop(lock);
    assert!(mount.lock(&path("lock")).is_err(), "the dead process' lock is not this one");
    drop(again);
    mount.lock(&path("lock")).unwrap();
}

#[test]
fn what_a_failed_sync_covered_is_not_made_durable_by_the_next() {
    let lost = (0..20).any(|seed| {
        let disk = SimDisk::new(seed);
        let file = synced(&disk, "x", b"1");
        file.write_at(b"2", 1).unwrap();
        disk.fail_syncs(1);
        assert!(file.sync().is_err());
        file.sync().unwrap();
        disk.crash();
        content(&disk, "x").unwrap() == b"1"
    });
    assert!(lost);
}

#[test]
fn a_full_disk_takes_overwrites_but_no_growth() {
    let disk = SimDisk::new(1);
    let file = synced(&disk, "x", b"1234");
    disk.set_capacity(Some(4));
    file.write_at(b"56", 2).unwrap();
    assert_eq!(file.write_at(b"789", 3).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(content(&disk, "x").unwrap(), b"1257");
}

#[test]
fn it_crashes_at_the_change_it_was_told() {
    let disk = SimDisk::new(1);
    let file = synced(&disk, "x", b"1");
    disk.crash_after(1);
    file.write_at(b"2", 0).unwrap();
    assert!(file.sync().is_err());
    assert!(file.len().is_err());
    assert!(content(&disk, "x").is_some());
}

#[test]
fn each_host_has_its_own_disk_for_ever() {
    let disks = SimDisks::new(3);
    synced(&disks.host("a"), "x", b"1");
    assert!(content(&disks.host("b"), "x").is_none());
    assert_eq!(content(&disks.host("a"), "x").unwrap(), b"1");
}
