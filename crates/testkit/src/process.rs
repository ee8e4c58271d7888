//! A process with a log, and what can be done to it.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait::within;

/// How a process ended.
#[derive(Clone, Debug)]
pub struct Exit {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to its log in this run.
    pub log: String,
}

/// A process that may be started again, always with the same log. It dies with this.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    child: Option<Child>,
    /// How long the log was when the process was started.
    log_began: u64,
}

impl Process {
    /// One that does not run yet.
    pub(crate) fn new(name: String, log: PathBuf) -> Process {
        Process { name, log, child: None, log_began: 0 }
    }

    /// Starts it. Standard error goes to the log, and standard output too unless it is given.
    pub(crate) fn start(&mut self, command: &mut Command, stdout: Option<Stdio>) -> Result<()> {
        ensure!(self.child.is_none(), "{} runs already", self.name);
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        self.log_began = log.metadata()?.len();
        command.stdin(Stdio::null()).env("RUST_BACKTRACE", "1");
        command.stdout(stdout.map_or_else(|| log.try_clone().map(Stdio::from), Ok)?).stderr(log);
        self.child = Some(command.spawn().with_context(|| format!("cannot start {}", self.name))?);
        Ok(())
    }

    /// What the test calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its log of all runs.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether it was started, and its end was not waited for.
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// The id of the running process.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills the process as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // It can only fail if the process is gone already; then waiting returns at once.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Stops the process where it is, without its knowing.
    ///
    /// # Errors
    /// If it does not run.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a paused process go on.
    ///
    /// # Errors
    /// If it does not run.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Asks the process to end as service managers do, and waits until it has.
    ///
    /// # Errors
    /// If it does not run, or does not end within `limit`.
    pub fn stop(&mut self, limit: Duration) -> Result<Exit> {
        self.signal(Signal::TERM)?;
        self.wait_exit(limit)
    }

    /// Asks the process to end as Ctrl-C does, and waits until it has.
    ///
    /// # Errors
    /// If it does not run, or does not end within `limit`.
    pub fn interrupt(&mut self, limit: Duration) -> Result<Exit> {
        self.signal(Signal::INT)?;
        self.wait_exit(limit)
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Errors
    /// If it has not within `limit`.
    pub fn wait_exit(&mut self, limit: Duration) -> Result<Exit> {
        let what = format!("the end of {}", self.name);
        let child = self.child.as_mut().with_context(|| format!("{} does not run", self.name))?;
        let status: ExitStatus = within(limit, &what, || child.try_wait().transpose())??;
        self.child = None;
        Ok(Exit { code: status.code(), log: self.log_of_run()? })
    }

    /// Whether the process has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// What the process has written to its log since it was started.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn log_of_run(&self) -> Result<String> {
        let bytes = fs::read(&self.log)?;
        let began = usize::try_from(self.log_began)?.min(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[began..]).into_owned())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.process_id().with_context(|| format!("{} does not run", self.name))?;
        let id = Pid::from_raw(i32::try_from(id)?).context("a process has an id")?;
        kill_process(id, signal).with_context(|| format!("cannot send {signal:?} to {}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
