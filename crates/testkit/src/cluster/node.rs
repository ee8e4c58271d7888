//! One process of a cluster, and what can be done to it.

use std::{
    fs::{self, OpenOptions},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::without_settings;
use crate::{Addresses, wait::within};

/// How a process ended.
#[derive(Clone, Debug)]
pub struct Exit {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to its log in this run.
    pub log: String,
}

/// A node's process, directory and addresses. The process dies with it.
#[derive(Debug)]
pub struct Node {
    name: String,
    binary: PathBuf,
    folder: PathBuf,
    data: PathBuf,
    log: PathBuf,
    listen: SocketAddr,
    client_listen: SocketAddr,
    region: String,
    zone: String,
    join: Vec<SocketAddr>,
    child: Option<Child>,
    /// How long the log was when the process was started.
    log_began: u64,
}

impl Node {
    pub(super) fn new(
        binary: &Path,
        folder: &Path,
        index: usize,
        addresses: &mut Addresses,
        region: String,
    ) -> Node {
        let name = format!("node-{index}");
        let folder = folder.join(&name);
        Node {
            binary: binary.to_owned(),
            data: folder.join("data"),
            log: folder.join("log"),
            folder,
            listen: addresses.take(),
            client_listen: addresses.take(),
            region,
            zone: format!("zone-{index}"),
            join: Vec::new(),
            child: None,
            log_began: 0,
            name,
        }
    }

    /// What the test calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The directory with its configuration, its log and, usually, its data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Puts the data directory elsewhere. It must not run.
    pub fn set_data(&mut self, data: PathBuf) {
        self.data = data;
    }

    /// Where other processes reach it.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Where clients reach it.
    pub fn client_listen(&self) -> SocketAddr {
        self.client_listen
    }

    /// Its log of all runs.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Whether there is a process.
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// The id of the running process.
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Tells it other addresses of other processes, from its next start on.
    pub fn join(&mut self, others: Vec<SocketAddr>) {
        self.join = others;
    }

    pub(super) fn meet(&mut self, everybody: &[SocketAddr]) {
        self.join = everybody.iter().copied().filter(|address| *address != self.listen).collect();
    }

    pub(super) fn take_addresses(&mut self, addresses: &mut Addresses) {
        self.listen = addresses.take();
        self.client_listen = addresses.take();
    }

    /// Starts the process; `settings` are further lines of its configuration file.
    pub(super) fn start(&mut self, settings: &[String]) -> Result<()> {
        ensure!(self.child.is_none(), "{} runs already", self.name);
        fs::create_dir_all(&self.folder)?;
        let config = self.folder.join("node.toml");
        fs::write(&config, self.config(settings))?;
        let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
        self.log_began = log.metadata()?.len();
        let mut command = Command::new(&self.binary);
        without_settings(&mut command);
        command.arg("start").arg("--config").arg(&config).env("RUST_BACKTRACE", "1");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().with_context(|| format!("cannot start {}", self.name))?);
        Ok(())
    }

    fn config(&self, settings: &[String]) -> String {
        let join: Vec<String> = self.join.iter().map(|address| format!("\"{address}\"")).collect();
        let mut lines = vec![
            format!("data = {:?}", self.data.display().to_string()),
            format!("listen = \"{}\"", self.listen),
            format!("client_listen = \"{}\"", self.client_listen),
            format!("region = {:?}", self.region),
            format!("zone = {:?}", self.zone),
            format!("join = [{}]", join.join(", ")),
        ];
        lines.extend_from_slice(settings);
        lines.join("\n") + "\n"
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

    /// Asks the process to end.
    ///
    /// # Errors
    /// If it does not run.
    pub fn terminate(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Asks the process to end and waits until it has.
    ///
    /// # Errors
    /// If it does not run, or does not end within `limit`.
    pub fn stop(&mut self, limit: Duration) -> Result<Exit> {
        self.terminate()?;
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

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
