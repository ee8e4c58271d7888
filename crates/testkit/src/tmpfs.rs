//! Small file systems that can be filled.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Result, ensure};

/// A file system in memory, gone when this is dropped.
#[derive(Debug)]
pub struct Tmpfs {
    path: PathBuf,
}

impl Tmpfs {
    /// Mounts one of so many bytes at `path`, which is made. `None` if whoever runs the tests may not.
    ///
    /// # Errors
    /// If the directory cannot be made, or `mount` is missing.
    pub fn mount(path: &Path, bytes: u64) -> Result<Option<Tmpfs>> {
        fs::create_dir_all(path)?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "meridian-test"]).arg(path);
        let status = command.stdin(Stdio::null()).stderr(Stdio::null()).status()?;
        Ok(status.success().then(|| Tmpfs { path: path.to_owned() }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes its size: what was full has room again.
    ///
    /// # Errors
    /// If `mount` refuses.
    pub fn resize(&self, bytes: u64) -> Result<()> {
        let mut command = Command::new("mount");
        command.args(["-o", &format!("remount,size={bytes}")]).arg(&self.path);
        ensure!(
            command.stdin(Stdio::null()).status()?.success(),
            "mount refuses to resize a file system in memory"
        );
        Ok(())
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a process that has been killed a moment ago may still hold a file.
        let status = Command::new("umount").arg("--lazy").arg(&self.path).stdin(Stdio::null()).status();
        if !status.is_ok_and(|status| status.success()) {
            eprintln!("cannot unmount {}", self.path.display());
        }
    }
}
