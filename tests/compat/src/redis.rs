//! A real redis-server on a free port, in a directory of its own, and blocking connections to it.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use meridian_resp::{reply_length, write_command};
use tempfile::TempDir;

/// How long the server may take to answer its first command.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take for any reply.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);

/// A running redis-server. Dropping it stops it.
#[derive(Debug)]
pub struct Redis {
    process: Child,
    port: u16,
    _directory: TempDir,
}

impl Redis {
    /// Starts a server, or says on stderr that there is none on `PATH` and so nothing is compared.
    ///
    /// # Panics
    /// If there is one, but it does not start.
    pub fn start(what: &str) -> Option<Redis> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let port = free_port();
        let spawned = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(directory.path())
            .args(["--enable-debug-command", "yes", "--loglevel", "warning"])
            .stdout(Stdio::null())
            .spawn();
        let process = match spawned {
            Ok(process) => process,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                eprintln!("redis-server is not on PATH: {what} was not compared with it");
                return None;
            }
            Err(error) => panic!("redis-server: {error}"),
        };
        let mut redis = Redis { process, port, _directory: directory };
        redis.wait_until_ready();
        Some(redis)
    }

    /// A new connection.
    ///
    /// # Panics
    /// If the server is gone.
    pub fn connect(&self) -> Client {
        Client::connect(self.port).expect("the server accepts connections")
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Ok(mut client) = Client::connect(self.port) {
                assert_eq!(client.call(&[b"PING"]), b"+PONG\r\n");
                return;
            }
            let ended = self.process.try_wait().expect("the process can be asked");
            assert!(ended.is_none(), "redis-server ended: {ended:?}");
            assert!(Instant::now() < deadline, "redis-server does not accept connections");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to stop.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// A connection that waits for every reply.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// Connects to a server on this machine.
    ///
    /// # Errors
    /// If nobody listens.
    pub fn connect(port: u16) -> io::Result<Client> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        Ok(Client { stream, received: Vec::new() })
    }

    /// Sends a command and returns its reply as it came.
    ///
    /// # Panics
    /// If the connection breaks, or what comes is no reply.
    pub fn call(&mut self, args: &[&[u8]]) -> Vec<u8> {
        self.call_all(&[args]).pop().expect("one reply to one command")
    }

    /// Sends commands together and returns their replies.
    ///
    /// # Panics
    /// As [`Client::call`].
    pub fn call_all(&mut self, calls: &[&[&[u8]]]) -> Vec<Vec<u8>> {
        let mut request = Vec::new();
        for call in calls {
            write_command(&mut request, call.iter().copied());
        }
        self.stream.write_all(&request).expect("the server reads");
        calls.iter().map(|_| self.reply()).collect()
    }

    fn reply(&mut self) -> Vec<u8> {
        loop {
            if let Some(length) = reply_length(&self.received).expect("the server answers RESP") {
                let rest = self.received.split_off(length);
                return std::mem::replace(&mut self.received, rest);
            }
            let mut chunk = [0; 1 << 14];
            let count = self.stream.read(&mut chunk).expect("the server answers in time");
            assert_ne!(count, 0, "the server closed the connection");
            self.received.extend_from_slice(&chunk[..count]);
        }
    }
}
