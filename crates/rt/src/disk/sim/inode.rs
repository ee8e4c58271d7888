//! Files and directories of a simulated disk: what is seen now, what is durable, and the changes between the two.

use std::{collections::BTreeMap, io, mem, sync::Arc};

use parking_lot::Mutex;

/// A write may be torn between units of this size in any order.
const SECTOR_BYTES: usize = 512;

/// A sequence of numbers that its seed fixes (splitmix64).
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `most`, both included.
    fn up_to(&mut self, most: usize) -> usize {
        (self.next() % (most as u64 + 1)) as usize
    }
}

enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Length(u64),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write { offset, bytes } => put(content, bytes, *offset),
            Change::Length(length) => content.resize(*length as usize, 0),
        }
    }
}

fn put(content: &mut Vec<u8>, bytes: &[u8], offset: u64) {
    let start = offset as usize;
    let end = start + bytes.len();
    if bytes.is_empty() {
        return;
    }
    if content.len() < end {
        content.resize(end, 0);
    }
    content[start..end].copy_from_slice(bytes);
}

/// A file's content.
#[derive(Default)]
pub(super) struct Inode {
    current: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
    /// Changes that a failed sync has covered: no later sync makes them durable.
    doomed: Vec<Change>,
}

impl Inode {
    pub(super) fn len(&self) -> u64 {
        self.current.len() as u64
    }

    pub(super) fn growth(&self, length: u64) -> u64 {
        length.saturating_sub(self.len())
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.current.len());
        let count = buffer.len().min(self.current.len() - start);
        buffer[..count].copy_from_slice(&self.current[start..start + count]);
        count
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        self.change(Change::Write { offset, bytes: bytes.to_vec() });
    }

    pub(super) fn set_len(&mut self, length: u64) {
        self.change(Change::Length(length));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    pub(super) fn fail_sync(&mut self) {
        self.doomed.append(&mut self.pending);
    }

    fn crash(&mut self, draw: &mut Draw) {
        let mut changes = mem::take(&mut self.doomed);
        changes.append(&mut self.pending);
        for change in changes {
            match (draw.up_to(3), change) {
                (0, _) => {}
                (1, change @ Change::Write { .. }) | (_, change @ Change::Length(_)) => {
                    change.apply(&mut self.durable);
                }
                (2, Change::Write { offset, bytes }) => {
                    let kept = draw.up_to(bytes.len());
                    put(&mut self.durable, &bytes[..kept], offset);
                }
                (_, Change::Write { offset, bytes }) => {
                    for (at, sector) in (offset..).step_by(SECTOR_BYTES).zip(bytes.chunks(SECTOR_BYTES)) {
                        if draw.up_to(1) == 1 {
                            put(&mut self.durable, sector, at);
                        }
                    }
                }
            }
        }
        self.current.clone_from(&self.durable);
    }
}

type Names = BTreeMap<String, Arc<Mutex<Inode>>>;

enum Renaming {
    Create(String, Arc<Mutex<Inode>>),
    Rename(String, String),
    Remove(String),
}

impl Renaming {
    fn apply(self, names: &mut Names) {
        match self {
            Renaming::Create(name, inode) => {
                names.insert(name, inode);
            }
            Renaming::Rename(from, to) => {
                if let Some(inode) = names.remove(&from) {
                    names.insert(to, inode);
                }
            }
            Renaming::Remove(name) => {
                names.remove(&name);
            }
        }
    }
}

/// The names in a directory.
#[derive(Default)]
pub(super) struct Directory {
    current: Names,
    durable: Names,
    pending: Vec<Renaming>,
}

impl Directory {
    pub(super) fn names(&self) -> Vec<String> {
        self.current.keys().cloned().collect()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.current.values().map(|inode| inode.lock().len()).sum()
    }

    pub(super) fn get(&self, name: &str) -> Option<Arc<Mutex<Inode>>> {
        self.current.get(name).cloned()
    }

    pub(super) fn create(&mut self, name: String) -> Arc<Mutex<Inode>> {
        let inode = Arc::new(Mutex::new(Inode::default()));
        self.current.insert(name.clone(), inode.clone());
        self.pending.push(Renaming::Create(name, inode.clone()));
        inode
    }

    pub(super) fn rename(&mut self, from: String, to: String) -> io::Result<()> {
        let inode = self.current.remove(&from).ok_or(io::ErrorKind::NotFound)?;
        self.current.insert(to.clone(), inode);
        self.pending.push(Renaming::Rename(from, to));
        Ok(())
    }

    pub(super) fn remove(&mut self, name: String) -> io::Result<()> {
        self.current.remove(&name).ok_or(io::ErrorKind::NotFound)?;
        self.pending.push(Renaming::Remove(name));
        Ok(())
    }

    pub(super) fn sync(&mut self) {
        for renaming in self.pending.drain(..) {
            renaming.apply(&mut self.durable);
        }
    }

    pub(super) fn crash(&mut self, draw: &mut Draw) {
        let kept = draw.up_to(self.pending.len());
        for renaming in self.pending.drain(..).take(kept) {
            renaming.apply(&mut self.durable);
        }
        self.current.clone_from(&self.durable);
        for inode in self.current.values() {
            inode.lock().crash(draw);
        }
    }
}
