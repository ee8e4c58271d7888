//! A plain redis-server, to compare with.

use std::{
    io,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{Addresses, Client, wait::until};

/// How long the server may take to answer its first command.
const START_WITHIN: Duration = Duration::from_secs(20);

/// A running redis-server without persistence, at an address of its own. Dropping it ends it.
#[derive(Debug)]
pub struct RedisServer {
    process: Child,
    address: SocketAddr,
    _addresses: Addresses,
    _folder: TempDir,
}

impl RedisServer {
    /// Starts a server with further arguments. `None` if there is no redis-server on `PATH`.
    ///
    /// # Errors
    /// If there is one, but it does not start.
    pub fn start(arguments: &[&str]) -> Result<Option<RedisServer>> {
        let folder = tempfile::tempdir()?;
        let mut addresses = Addresses::new()?;
        let address = addresses.take();
        let mut command = Command::new("redis-server");
        command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command
            .args(["--save", "", "--appendonly", "no", "--loglevel", "warning", "--dir"])
            .arg(folder.path());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        let process = match command.spawn() {
            Ok(process) => process,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("redis-server"),
        };
        let mut server = RedisServer { process, address, _addresses: addresses, _folder: folder };
        server.wait_ready()?;
        Ok(Some(server))
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of its process.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    fn wait_ready(&mut self) -> Result<()> {
        let mut ended = None;
        until(START_WITHIN, "redis-server", || {
            ended = self.process.try_wait().ok().flatten();
            let answers =
                || Client::connect(self.address, START_WITHIN).and_then(|mut client| client.call(&["PING"]));
            ended.is_some() || answers().is_ok()
        })?;
        anyhow::ensure!(ended.is_none(), "redis-server ended: {ended:?}");
        Ok(())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
