//! A process of a cluster: its directory, its addresses and its configuration.

use std::{
    fs,
    net::SocketAddr,
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::without_settings;
use crate::{Addresses, Process};

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
            process: Process::new(name, folder.join("log")),
            folder,
            listen: addresses.take(),
            client_listen: addresses.take(),
            region,
            zone: format!("zone-{index}"),
            join: Vec::new(),
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

    pub(super) fn take_addresses(&mut self, addresses: &mut Addresses) {
        self.listen = addresses.take();
        self.client_listen = addresses.take();
    }

    /// Starts the process; `settings` are further lines of its configuration file.
    pub(super) fn start(&mut self, settings: &[String]) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        let config = self.folder.join("node.toml");
        fs::write(&config, self.config(settings))?;
        let mut command = Command::new(&self.binary);
        without_settings(&mut command);
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
