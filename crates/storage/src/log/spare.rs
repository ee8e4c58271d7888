//! Files that wait to become segments: recycled ones, and new ones that are zeroed in the background.
//!
//! Syncing into a file whose blocks exist needs no change of the inode, which makes it twice as fast. A spare may hold
//! anything: a segment trusts nothing in its file that does not carry its own stamp.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use meridian_rt::{
    clock::Instant,
    disk::Disk,
    worker::{self, Sender, Work},
};
use parking_lot::Mutex;

use super::segment::spare_path;

/// Size of a log's first segment, small so that a new node starts at once.
const FIRST_BYTES: u64 = 1 << 20;
/// Zeroes are written and synced in steps of this, so that the log's own syncs get their turn.
const STEP_BYTES: usize = 1 << 20;
/// So many recycled spares are kept.
const KEPT: usize = 2;
/// A disk that was full is tried again after this.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Pool {
    ready: Vec<PathBuf>,
    requested: bool,
    /// What was asked for last.
    wanted: u64,
    /// Since when there has been no room for a spare, as far as is known.
    full_since: Option<Instant>,
}

struct Shared {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    /// What a file without reserved blocks is filled up to.
    first_bytes: u64,
    pool: Mutex<Pool>,
    next: AtomicU32,
}

enum Task {
    Make(u64),
    Recycle { path: PathBuf, generation: u32, wanted: u64 },
}

/// The spares of a log; clones are the same.
#[derive(Clone)]
pub(super) struct Spares {
    shared: Arc<Shared>,
    sender: Arc<Sender<Task>>,
}

impl Spares {
    /// Starts with the spare files that an earlier run has left.
    pub(super) fn start(
        disk: Arc<dyn Disk>,
        directory: &Path,
        left: Vec<PathBuf>,
        segment_bytes: u64,
    ) -> io::Result<Spares> {
        let highest = left.iter().filter_map(|path| path.to_str()?.rsplit('-').next()?.parse().ok()).max();
        let pool = Pool { ready: left, ..Pool::default() };
        let shared = Arc::new(Shared {
            disk,
            directory: directory.to_owned(),
            first_bytes: FIRST_BYTES.min(segment_bytes),
            pool: Mutex::new(pool),
            next: AtomicU32::new(highest.map_or(0, |highest: u32| highest.wrapping_add(1))),
        });
        let preparer = Preparer { shared: Arc::downgrade(&shared), task: None };
        Ok(Spares { sender: Arc::new(worker::spawn("log-spare", preparer)?), shared })
    }

    /// Asks for a spare of so many bytes, if there is none and none is being made.
    pub(super) fn want(&self, bytes: u64) {
        let mut pool = self.shared.pool.lock();
        pool.wanted = bytes;
        self.request(&mut pool);
    }

    fn request(&self, pool: &mut Pool) {
        let waits = pool.full_since.is_some_and(|since| since.elapsed() < RETRY);
        if pool.ready.is_empty() && !pool.requested && !waits {
            pool.requested = self.sender.push(Task::Make(pool.wanted)).is_ok();
        }
    }

    /// Whether the disk had room for the next segment when that was last tried; if not, it may be tried again.
    pub(super) fn has_room(&self) -> bool {
        let mut pool = self.shared.pool.lock();
        self.request(&mut pool);
        pool.full_since.is_none()
    }

    pub(super) fn first_bytes(&self) -> u64 {
        self.shared.first_bytes
    }

    pub(super) fn take(&self) -> Option<PathBuf> {
        self.shared.pool.lock().ready.pop()
    }

    /// Makes and zeroes the first file of a new log.
    pub(super) fn create_first(&self) -> io::Result<()> {
        let path = self.shared.new_path();
        zeroed(&*self.shared.disk, &path, self.shared.first_bytes, &|| true)?;
        self.shared.pool.lock().ready.push(path);
        Ok(())
    }

    /// Makes an empty file at once.
    pub(super) fn create_empty(&self) -> io::Result<PathBuf> {
        let path = self.shared.new_path();
        self.shared.disk.open(&path, true)?;
        Ok(path)
    }

    /// Makes a segment that nobody needs a spare, or removes it.
    pub(super) fn recycle(&self, path: PathBuf, generation: u32, wanted: u64) {
        if self.sender.push(Task::Recycle { path, generation, wanted }).is_err() {
            tracing::debug!(generation, "a segment is left for the next start to recycle");
        }
    }
}

impl Shared {
    fn new_path(&self) -> PathBuf {
        spare_path(&self.directory, self.next.fetch_add(1, Relaxed))
    }
}

/// Makes spares, one at a time, in the background.
struct Preparer {
    /// Gone when the log is, which ends the zeroing of a file half-way.
    shared: Weak<Shared>,
    task: Option<Task>,
}

impl Work for Preparer {
    type Item = Task;

    fn begin(&mut self, waiting: &mut VecDeque<Task>) {
        self.task = waiting.pop_front();
    }

    fn finish(&mut self) {
        let (Some(task), Some(shared)) = (self.task.take(), self.shared.upgrade()) else { return };
        match task {
            Task::Make(bytes) => self.make(shared, bytes),
            Task::Recycle { path, generation, wanted } => {
                if let Err(error) = recycle(&shared, &path, wanted) {
                    tracing::warn!(path = %path.display(), generation, %error, "a segment cannot be recycled");
                }
            }
        }
    }
}

impl Preparer {
    fn make(&self, shared: Arc<Shared>, bytes: u64) {
        let path = shared.new_path();
        let disk = shared.disk.clone();
        drop(shared);
        let made = zeroed(&*disk, &path, bytes, &|| self.shared.strong_count() > 0);
        let Some(shared) = self.shared.upgrade() else { return };
        let mut pool = shared.pool.lock();
        pool.requested = false;
        match made {
            Ok(()) => {
                pool.full_since = None;
                pool.ready.push(path);
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::StorageFull {
                    pool.full_since = Some(Instant::now());
                }
                drop(pool);
                tracing::warn!(path = %path.display(), %error, "no file for the log's next segment");
                if let Err(error) = disk.remove(&path) {
                    tracing::debug!(path = %path.display(), %error, "an unfinished spare stays");
                }
            }
        }
    }
}

fn zeroed(disk: &dyn Disk, path: &Path, bytes: u64, wanted: &dyn Fn() -> bool) -> io::Result<()> {
    let file = disk.open(path, true)?;
    let zeroes = vec![0; STEP_BYTES];
    let mut offset = 0;
    while offset < bytes && wanted() {
        let count = (bytes - offset).min(STEP_BYTES as u64);
        file.write_at(&zeroes[..count as usize], offset)?;
        file.sync()?;
        offset += count;
    }
    Ok(())
}

fn recycle(shared: &Shared, path: &Path, wanted: u64) -> io::Result<()> {
    let fits = shared.disk.open(path, false)?.len()? >= wanted;
    if !fits || shared.pool.lock().ready.len() >= KEPT {
        shared.disk.remove(path)?;
        return shared.disk.sync_dir(&shared.directory);
    }
    let spare = shared.new_path();
    shared.disk.rename(path, &spare)?;
    // Before its header is overwritten, the file must have lost the segment's name for ever.
    shared.disk.sync_dir(&shared.directory)?;
    let file = shared.disk.open(&spare, false)?;
    if file.len()? > wanted {
        file.set_len(wanted)?;
    }
    let mut pool = shared.pool.lock();
    pool.full_since = None;
    pool.ready.push(spare);
    Ok(())
}
