//! A real Redis on a socket of its own.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::peer::Peer;

pub(crate) struct Oracle {
    child: Child,
    directory: TempDir,
}

impl Oracle {
    pub(crate) async fn start() -> Oracle {
        let directory = TempDir::new().unwrap();
        let child = Command::new("redis-server")
            .args([
                "--port",
                "0",
                "--unixsocket",
                "redis.sock",
                "--save",
                "",
                "--enable-debug-command",
                "yes",
            ])
            .args(["--proto-max-bulk-len", "64mb"])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let oracle = Oracle { child, directory };
        let start = Instant::now();
        while UnixStream::connect(oracle.path()).await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(10), "redis-server does not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        oracle
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("redis.sock")
    }

    pub(crate) async fn connect(&self) -> Peer<UnixStream> {
        Peer::new(UnixStream::connect(self.path()).await.unwrap())
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
