//! A process of a cluster: its directory, its addresses and its configuration.

use std::{
    ffi::OsString,
    fs,
    net::SocketAddr,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::without_settings;
use crate::Process;

/// A node's process, directory and addresses. The process dies with it.
#[derive(Debug)]
pub struct Node {
    process: Process,
    binary: PathBuf,
    folder: PathBuf,
    data: PathBuf,
    listen: SocketAddr,
    client_listen: SocketAddr,
    region: String,
    zone: String,
    join: Vec<SocketAddr>,
    environment: Vec<(OsString, OsString)>,
}

impl Node {
    pub(super) fn new(
        binary: &Path,
        folder: &Path,
        index: usize,
        [listen, client_listen]: [SocketAddr; 2],
        region: String,
    ) -> Node {
        let name = format!("node-{index}");
        let folder = folder.join(&name);
        Node {
            binary: binary.to_owned(),
            data: folder.join("data"),
            process: Process::new(name, folder.join("log")),
            folder,
            listen,
            client_listen,
            region,
            zone: format!("zone-{index}"),
            join: Vec::new(),
            environment: Vec::new(),
        }
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

    /// Sets variables of its environment, from its next start on.
    pub fn set_environment<K: Into<OsString>, V: Into<OsString>>(
        &mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) {
        self.environment = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    }

    /// Where other processes reach it.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Where clients reach it.
    pub fn client_listen(&self) -> SocketAddr {
        self.client_listen
    }

    /// Tells it other addresses of other processes, from its next start on.
    pub fn join(&mut self, others: Vec<SocketAddr>) {
        self.join = others;
    }

    pub(super) fn meet(&mut self, everybody: &[SocketAddr]) {
        self.join = everybody.iter().copied().filter(|address| *address != self.listen).collect();
    }

    pub(super) fn set_addresses(&mut self, [listen, client_listen]: [SocketAddr; 2]) {
        self.listen = listen;
        self.client_listen = client_listen;
    }

    pub(super) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Starts the process by `command`, to which arguments are added; `settings` are further lines of its configuration
    /// file.
    pub(super) fn start(&mut self, mut command: Command, settings: &[String]) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        let config = self.folder.join("node.toml");
        fs::write(&config, self.config(settings))?;
        without_settings(&mut command);
        command.envs(self.environment.iter().cloned());
        self.process.start(command.arg("start").arg("--config").arg(&config), None)
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
}

impl Deref for Node {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.process
    }
}

impl DerefMut for Node {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}
