//! A disk in memory that forgets, when its host crashes, what a real disk may forget.
//!
//! What survives [`SimDisk::crash`]: everything synced, and of the rest what the seed says: each write whole, not at
//! all, cut at any byte or with any of its sectors; of the changes to a directory a prefix. Names and contents are
//! apart: a synced file whose directory was not synced may be gone.

mod inode;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::{Condvar, Mutex, MutexGuard};

use self::inode::{Directory, Draw, Inode};
use super::{Disk, File, Lock};

/// The disk of one simulated host; clones are the same disk.
#[derive(Clone)]
pub struct SimDisk(Arc<Shared>);

struct Shared {
    world: Mutex<World>,
    released: Condvar,
}

struct World {
    draw: Draw,
    /// Counts the lives of the host; what was opened in an earlier one is dead.
    life: u64,
    directories: BTreeMap<PathBuf, Directory>,
    locks: BTreeSet<PathBuf>,
    capacity: Option<u64>,
    failing_syncs: u64,
    sync_delay: Duration,
    syncs_held: bool,
    syncs: u64,
    crash_after: Option<u64>,
}

impl SimDisk {
    /// An empty disk; the seed decides what crashes leave.
    pub fn new(seed: u64) -> SimDisk {
        let world = World {
            draw: Draw(seed),
            life: 0,
            directories: BTreeMap::new(),
            locks: BTreeSet::new(),
            capacity: None,
            failing_syncs: 0,
            sync_delay: Duration::ZERO,
            syncs_held: false,
            syncs: 0,
            crash_after: None,
        };
        SimDisk(Arc::new(Shared { world: Mutex::new(world), released: Condvar::new() }))
    }

    /// The disk as a host uses it, from now to its next crash.
    pub fn mount(&self) -> Arc<dyn Disk> {
        let life = self.0.world.lock().life;
        Arc::new(Mount { shared: self.0.clone(), life })
    }

    /// Cuts the power: what is not durable is lost, or partly kept, and every mount and open file is dead.
    pub fn crash(&self) {
        self.0.world.lock().crash();
        self.0.released.notify_all();
    }

    /// Kills the process: every mount and open file is dead, but nothing is lost, synced or not.
    pub fn kill(&self) {
        self.0.world.lock().end_life();
        self.0.released.notify_all();
    }

    /// Crashes instead of the change or sync that comes after `changes` more.
    pub fn crash_after(&self, changes: u64) {
        self.0.world.lock().crash_after = Some(changes);
    }

    /// Limits the bytes of all files; writing more fails with [`io::ErrorKind::StorageFull`].
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.0.world.lock().capacity = bytes;
    }

    /// Lets the next syncs of files fail. What they covered stays readable, but is never durable.
    pub fn fail_syncs(&self, count: u64) {
        self.0.world.lock().failing_syncs = count;
    }

    /// Sets how long a sync takes.
    pub fn set_sync_delay(&self, delay: Duration) {
        self.0.world.lock().sync_delay = delay;
    }

    /// Blocks the threads that sync until it is called with `false`. Not for simulations, which have one thread.
    pub fn hold_syncs(&self, held: bool) {
        self.0.world.lock().syncs_held = held;
        self.0.released.notify_all();
    }

    /// How many syncs of files there were.
    pub fn syncs(&self) -> u64 {
        self.0.world.lock().syncs
    }
}

/// The disks of all simulated hosts; they outlive the hosts.
#[derive(Clone)]
pub struct SimDisks(Arc<Mutex<Hosts>>);

struct Hosts {
    draw: Draw,
    disks: BTreeMap<String, SimDisk>,
}

impl SimDisks {
    /// No disks yet; each is seeded from `seed`.
    pub fn new(seed: u64) -> SimDisks {
        SimDisks(Arc::new(Mutex::new(Hosts { draw: Draw(seed), disks: BTreeMap::new() })))
    }

    /// The disk of a host, empty at first.
    pub fn host(&self, name: &str) -> SimDisk {
        let mut hosts = self.0.lock();
        if let Some(disk) = hosts.disks.get(name) {
            return disk.clone();
        }
        let disk = SimDisk::new(hosts.draw.next());
        hosts.disks.insert(name.to_owned(), disk.clone());
        disk
    }
}

impl World {
    fn crash(&mut self) {
        for directory in self.directories.values_mut() {
            directory.crash(&mut self.draw);
        }
        self.end_life();
    }

    fn end_life(&mut self) {
        self.life += 1;
        self.locks.clear();
        self.crash_after = None;
    }

    /// Called before each change and sync.
    fn step(&mut self) -> io::Result<()> {
        match &mut self.crash_after {
            Some(0) => {
                self.crash();
                Err(dead())
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn directory(&mut self, path: &Path) -> io::Result<(&mut Directory, String)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let directory = self.directories.get_mut(parent).ok_or(io::ErrorKind::NotFound)?;
        Ok((directory, name))
    }

    fn check_room(&self, growth: u64) -> io::Result<()> {
        let Some(capacity) = self.capacity else { return Ok(()) };
        let used: u64 = self.directories.values().map(Directory::bytes).sum();
        if growth > 0 && used + growth > capacity { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

fn dead() -> io::Error {
    io::Error::other("the simulated host has crashed")
}

struct Mount {
    shared: Arc<Shared>,
    life: u64,
}

impl Mount {
    fn world(&self) -> io::Result<MutexGuard<'_, World>> {
        let world = self.shared.world.lock();
        if world.life == self.life { Ok(world) } else { Err(dead()) }
    }

    fn change(&self) -> io::Result<MutexGuard<'_, World>> {
        let mut world = self.world()?;
        world.step()?;
        Ok(world)
    }
}

impl Disk for Mount {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut world = self.change()?;
        for ancestor in path.ancestors() {
            world.directories.entry(ancestor.to_owned()).or_default();
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let world = self.world()?;
        let directory = world.directories.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(directory.names())
    }

    fn open(&self, path: &Path, create: bool) -> io::Result<Box<dyn File>> {
        let mut world = self.world()?;
        let (directory, name) = world.directory(path)?;
        let inode = match directory.get(&name) {
            Some(inode) => inode,
            None if create => {
                world.step()?;
                let (directory, name) = world.directory(path)?;
                directory.create(name)
            }
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        drop(world);
        Ok(Box::new(SimFile { mount: Mount { shared: self.shared.clone(), life: self.life }, inode }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if from.parent() != to.parent() {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        let mut world = self.change()?;
        let (_, to) = world.directory(to)?;
        let (directory, from) = world.directory(from)?;
        directory.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.change()?;
        let (directory, name) = world.directory(path)?;
        directory.remove(name)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut world = self.change()?;
        world.directories.get_mut(path).ok_or(io::ErrorKind::NotFound)?.sync();
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        drop(self.open(path, true)?);
        let mut world = self.world()?;
        if !world.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        drop(world);
        let mount = Mount { shared: self.shared.clone(), life: self.life };
        Ok(Box::new(SimLock { mount, path: path.to_owned() }))
    }

    fn sync_delay(&self) -> Duration {
        self.shared.world.lock().sync_delay
    }
}

struct SimLock {
    mount: Mount,
    path: PathBuf,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        if let Ok(mut world) = self.mount.world() {
            world.locks.remove(&self.path);
        }
    }
}

struct SimFile {
    mount: Mount,
    inode: Arc<Mutex<Inode>>,
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let _world = self.mount.world()?;
        Ok(self.inode.lock().read(buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let world = self.mount.change()?;
        let growth = self.inode.lock().growth(offset + bytes.len() as u64);
        let room = world.check_room(growth);
        let mut inode = self.inode.lock();
        if room.is_err() {
            // As a real disk does, it takes what fits into the blocks that the file has.
            let fits = inode.len().saturating_sub(offset).min(bytes.len() as u64) as usize;
            inode.write(&bytes[..fits], offset);
            return room;
        }
        inode.write(bytes, offset);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.mount.change()?;
        while world.syncs_held {
            self.mount.shared.released.wait(&mut world);
            if world.life != self.mount.life {
                return Err(dead());
            }
        }
        world.syncs += 1;
        let mut inode = self.inode.lock();
        if world.failing_syncs > 0 {
            world.failing_syncs -= 1;
            inode.fail_sync();
            return Err(io::Error::other("simulated sync error"));
        }
        inode.sync();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let _world = self.mount.world()?;
        Ok(self.inode.lock().len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let world = self.mount.change()?;
        let growth = self.inode.lock().growth(length);
        world.check_room(growth)?;
        self.inode.lock().set_len(length);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
