use meridian_rt::disk::SimDisk;

use super::*;

const DIRECTORY: &str = "/node/snapshots";

fn open(disk: &SimDisk) -> Snapshots {
    Snapshots::open(disk.mount(), Path::new(DIRECTORY)).unwrap()
}

fn names(disk: &SimDisk) -> Vec<String> {
    disk.mount().list(Path::new(DIRECTORY)).unwrap()
}

fn chunks(seed: u8, count: usize) -> Vec<Bytes> {
    (0..count).map(|number| Bytes::from(vec![seed ^ number as u8; 1000 + number * 1000])).collect()
}

fn write(snapshots: &Snapshots, group: u32, chunks: &[Bytes]) -> SnapshotFile {
    let mut writer = snapshots.create(group, Bytes::from_static(b"meta")).unwrap();
    chunks.iter().for_each(|chunk| writer.write(chunk).unwrap());
    writer.finish().unwrap()
}

fn read(file: &SnapshotFile) -> Vec<Bytes> {
    file.reader().map(Result::unwrap).collect()
}

#[test]
fn the_newest_snapshot_survives_and_older_ones_go_with_their_last_reader() {
    let disk = SimDisk::new(3);
    let snapshots = open(&disk);
    let old = write(&snapshots, 1, &chunks(1, 50));
    let mut reader = old.reader();
    drop(old);
    let new = write(&snapshots, 1, &chunks(2, 9));
    assert!(reader.next().unwrap().unwrap() == chunks(1, 1)[0]);
    assert_eq!(reader.by_ref().count(), 49);
    assert_eq!(names(&disk).len(), 2);
    drop(reader);
    assert_eq!(names(&disk), ["0000000001-0000000000000002.snapshot"]);
    let (id, bytes) = (new.id(), new.bytes());
    drop((new, snapshots));
    disk.crash();
    let found = open(&disk).latest(1).unwrap();
    assert_eq!((found.id(), found.bytes(), &found.meta()[..]), (id, bytes, &b"meta"[..]));
    assert!(read(&found) == chunks(2, 9));
    assert!(open(&disk).latest(2).is_none());
}

#[test]
fn a_crash_while_one_is_written_leaves_the_older_one() {
    for changes in 0..40 {
        let disk = SimDisk::new(changes);
        let snapshots = open(&disk);
        write(&snapshots, 1, &chunks(1, 3));
        disk.crash_after(changes);
        let mut writer = snapshots.create(1, Bytes::new()).ok();
        for chunk in chunks(2, 30) {
            if writer.as_mut().is_some_and(|writer| writer.write(&chunk).is_err()) {
                writer = None;
            }
        }
        let finished = writer.is_some_and(|writer| writer.finish().is_ok());
        drop(snapshots);
        disk.crash();
        let found = read(&open(&disk).latest(1).unwrap());
        assert!(found == chunks(2, 30) || !finished && found == chunks(1, 3));
        assert!(names(&disk).iter().all(|name| name.ends_with(".snapshot")));
    }
}

#[test]
fn every_flipped_byte_is_noticed() {
    let disk = SimDisk::new(3);
    let path = {
        let file = write(&open(&disk), 1, &chunks(1, 2));
        file.0.path.clone()
    };
    let raw = disk.mount().open(&path, false).unwrap();
    let mut good = vec![0; raw.len().unwrap() as usize];
    raw.read_at(&mut good, 0).unwrap();
    for at in 0..good.len() {
        raw.write_at(&[good[at] ^ 0x40], at as u64).unwrap();
        let noticed = match Snapshots::open(disk.mount(), Path::new(DIRECTORY)) {
            Ok(snapshots) => snapshots.latest(1).unwrap().reader().any(|chunk| chunk.is_err()),
            Err(_) => true,
        };
        assert!(noticed, "byte {at}");
        raw.write_at(&good[at..=at], at as u64).unwrap();
    }
}

#[test]
fn a_transfer_continues_where_it_was_cut() {
    for seed in 0..30 {
        let (from, to) = (SimDisk::new(seed), SimDisk::new(seed + 1000));
        let source = write(&open(&from), 1, &chunks(9, 60));
        let begin = |snapshots: &Snapshots| snapshots.receive(1, source.id(), source.meta().clone()).unwrap();
        {
            let snapshots = open(&to);
            let mut writer = begin(&snapshots);
            source.reader().take(20 + seed as usize).for_each(|chunk| writer.write(&chunk.unwrap()).unwrap());
            assert!(
                snapshots.receive(1, source.id(), source.meta().clone()).is_err(),
                "one writer at a time"
            );
        }
        to.crash();
        let snapshots = open(&to);
        assert!(snapshots.latest(1).is_none());
        let mut writer = begin(&snapshots);
        assert!(writer.bytes() < source.bytes());
        let rest = source.reader_at(writer.bytes()).unwrap();
        rest.for_each(|chunk| writer.write(&chunk.unwrap()).unwrap());
        let received = writer.finish().unwrap();
        assert_eq!(received.id(), source.id());
        assert!(read(&received) == chunks(9, 60));
        assert_eq!(names(&to), ["0000000001-0000000000000001.snapshot"]);
    }
}

#[test]
fn a_transfer_begins_only_where_a_chunk_does() {
    let disk = SimDisk::new(3);
    let file = write(&open(&disk), 1, &chunks(1, 5));
    assert_eq!(file.reader_at(3000).unwrap().next().unwrap().unwrap().len(), 3000);
    assert_eq!(file.reader_at(3001).err().unwrap().kind(), io::ErrorKind::InvalidInput);
    assert!(file.reader_at(file.bytes()).unwrap().next().is_none());
    assert!(file.reader_at(u64::MAX).is_err());
}

#[test]
fn a_removed_group_leaves_nothing() {
    let disk = SimDisk::new(3);
    let snapshots = open(&disk);
    write(&snapshots, 1, &chunks(1, 5));
    snapshots.receive(1, 7, Bytes::new()).unwrap().write(b"x").unwrap();
    write(&snapshots, 2, &chunks(1, 5));
    snapshots.remove_group(1).unwrap();
    assert_eq!(names(&disk), ["0000000002-0000000000000001.snapshot"]);
}

#[test]
fn format_1_stays_as_it_is() {
    let header = Header { group: 3, id: 0x0102, meta: Bytes::from_static(b"meta") };
    let trailer = Trailer { chunks: 1, bytes: 5 };
    let chunk = format::chunk_header(0, b"chunk");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(
        hex(&header.encode()),
        "6d72646e736e617001000000030000000201000000000000000000000000000004000000770ec79b6d657461"
    );
    assert_eq!(hex(&chunk), "05000000b1c0505c");
    assert_eq!(hex(&trailer.encode()), "ffffffffa0d4330a01000000000000000500000000000000");
}
