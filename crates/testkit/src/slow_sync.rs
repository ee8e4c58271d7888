//! A disk whose syncs take long, for one process.
//!
//! A small library, compiled when it is wanted and loaded before all others, stands between the process and the two
//! system calls that make writes durable. How long they take can change while the process runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// Makes syncs slow for the processes that are started with its environment.
#[derive(Debug)]
pub struct SlowSync {
    library: PathBuf,
    delay: PathBuf,
}

impl SlowSync {
    /// Puts what it needs into `folder`; syncs take no longer than the disk does until [`SlowSync::set`].
    ///
    /// # Errors
    /// If there is no C compiler, or the folder cannot be written to.
    pub fn new(folder: &Path) -> Result<SlowSync> {
        let slow = SlowSync { library: folder.join("slow_sync.so"), delay: folder.join("delay") };
        let source = folder.join("slow_sync.c");
        fs::write(&source, include_str!("slow_sync/preload.c"))?;
        slow.set(Duration::ZERO)?;
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&slow.library).arg(&source);
        let status = compiler.stdin(Stdio::null()).status().context("cannot run cc")?;
        ensure!(status.success(), "cc: {status}");
        Ok(slow)
    }

    /// How long every sync takes from now on, besides what the disk needs.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn set(&self, delay: Duration) -> Result<()> {
        let new = self.delay.with_extension("new");
        fs::write(&new, delay.as_millis().to_string())?;
        fs::rename(&new, &self.delay).context("the delay of syncs")
    }

    /// What a process has to be started with.
    pub fn environment(&self) -> [(&'static str, &Path); 2] {
        [("LD_PRELOAD", &self.library), ("SLOW_SYNC", &self.delay)]
    }
}
