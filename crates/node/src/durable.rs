//! Small files that are replaced as a whole: the cached map, the token of a node that joins.
//!
//! A file holds a CRC-32 of its contents and the contents. It is written under another name, synced and renamed, so that
//! after a crash it holds the old contents or the new.

use std::{io, path::Path};

use meridian_rt::disk::Disk;

/// Larger than any file that this module writes.
const LIMIT: u64 = 64 << 20;
const CHECKSUM_BYTES: usize = 4;

/// Replaces the file `name` in `directory`.
///
/// # Errors
/// If the disk fails; the file holds the old or the new contents then.
pub(crate) fn write(disk: &dyn Disk, directory: &Path, name: &str, contents: &[u8]) -> io::Result<()> {
    let next = directory.join(format!("{name}.next"));
    let mut bytes = crc32fast::hash(contents).to_le_bytes().to_vec();
    bytes.extend_from_slice(contents);
    let file = disk.open(&next, true)?;
    file.set_len(0)?;
    file.write_at(&bytes, 0)?;
    file.sync()?;
    drop(file);
    disk.rename(&next, &directory.join(name))?;
    disk.sync_dir(directory)
}

/// The contents of the file, or none if it was never written.
///
/// # Errors
/// If the disk fails or the file is damaged.
pub(crate) fn read(disk: &dyn Disk, directory: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    let path = directory.join(name);
    let file = match disk.open(&path, false) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()));
    let length = file.len()?;
    if length > LIMIT {
        return Err(damaged());
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| damaged())?];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64)? {
            0 => return Err(damaged()),
            count => filled += count,
        }
    }
    let (checksum, contents) = bytes.split_first_chunk::<CHECKSUM_BYTES>().ok_or_else(damaged)?;
    if u32::from_le_bytes(*checksum) != crc32fast::hash(contents) {
        return Err(damaged());
    }
    Ok(Some(contents.to_vec()))
}

#[cfg(test)]
mod tests {
    use meridian_rt::disk::RealDisk;

    use super::*;

    #[test]
    fn what_was_written_last_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!(read(&RealDisk, path, "map").unwrap(), None);
        for contents in [b"first, longer".as_slice(), b"second"] {
            write(&RealDisk, path, "map", contents).unwrap();
            assert_eq!(read(&RealDisk, path, "map").unwrap().unwrap(), contents);
        }
    }

    #[test]
    fn damage_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        write(&RealDisk, path, "map", b"contents").unwrap();
        let whole = std::fs::read(path.join("map")).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(path.join("map"), &whole[..cut]).unwrap();
            assert_eq!(read(&RealDisk, path, "map").unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
