//! `meridian dev`: a cluster in one process.

use std::{
    fs::{self, File},
    net::SocketAddr,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{
    Client, Process,
    cluster::{REPLY_WITHIN, binary, without_settings},
    wait::until,
};

/// How long it may take to be ready, on a machine that is busy with other tests.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running `meridian dev`.
#[derive(Debug)]
pub struct Dev {
    process: Process,
    stdout: PathBuf,
    greeting: String,
    _folder: TempDir,
}

impl Dev {
    /// Starts one at a free port, with further arguments, and waits until it says that it is ready.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(arguments: &[&str]) -> Result<Dev> {
        let folder = tempfile::tempdir()?;
        let stdout = folder.path().join("stdout");
        let mut command = Command::new(binary()?);
        without_settings(&mut command);
        command.args(["dev", "--port", "0"]).args(arguments);
        let mut process = Process::new("meridian dev".to_owned(), folder.path().join("log"));
        process.start(&mut command, Some(Stdio::from(File::create(&stdout)?)))?;
        let mut dev = Dev { process, stdout, greeting: String::new(), _folder: folder };
        until(READY_WITHIN, "the greeting", || {
            dev.greeting = fs::read_to_string(&dev.stdout).unwrap_or_default();
            dev.process.has_ended() || dev.greeting.contains("redis-cli")
        })?;
        ensure!(dev.greeting.contains("redis-cli"), "it ended: {}{}", dev.greeting, dev.log_of_run()?);
        Ok(dev)
    }

    /// What it says when it is ready.
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    /// The second word of the line that begins with this one.
    ///
    /// # Errors
    /// If there is no such line.
    pub fn said(&self, word: &str) -> Result<&str> {
        let mut lines = self.greeting.lines().map(str::split_whitespace);
        let line = lines.find_map(|mut words| (words.next() == Some(word)).then(|| words.next()).flatten());
        line.with_context(|| format!("no line with {word}:\n{}", self.greeting))
    }

    /// Where it keeps its data.
    ///
    /// # Errors
    /// If it does not say.
    pub fn data(&self) -> Result<&Path> {
        self.said("data").map(Path::new)
    }

    /// A client.
    ///
    /// # Errors
    /// If it accepts none.
    pub fn client(&self) -> Result<Client> {
        let address: SocketAddr = self.said("clients")?.parse()?;
        Ok(Client::connect(address, REPLY_WITHIN)?)
    }
}

impl Deref for Dev {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Dev {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}
