//! A real redis-server for one test, and blocking connections that show replies as they came.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use meridian_resp::{reply_length, write_command};
use meridian_testkit::RedisServer;

use crate::case::Target;

/// How long the server may take for any reply.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);

/// A running redis-server. Dropping it stops it.
#[derive(Debug)]
pub struct Redis(RedisServer);

impl Redis {
    /// Starts a server, or says on stderr that there is none on `PATH` and so nothing is compared.
    ///
    /// # Panics
    /// If there is one, but it does not start.
    pub fn start(what: &str) -> Option<Redis> {
        let server = RedisServer::start(&["--enable-debug-command", "yes"]).expect("redis-server starts");
        if server.is_none() {
            eprintln!("redis-server is not on PATH: {what} was not compared with it");
        }
        server.map(Redis)
    }

    /// A new connection.
    ///
    /// # Panics
    /// If the server is gone.
    pub fn connect(&self) -> Client {
        Client::connect(self.0.address()).expect("the server accepts connections")
    }
}

/// A connection that waits for every reply.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// Connects to a server.
    ///
    /// # Errors
    /// If nobody listens.
    pub fn connect(address: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect(address)?;
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

impl Target for Client {
    fn call(&mut self, call: &[&[u8]]) -> Vec<u8> {
        Client::call(self, call)
    }

    fn use_resp3(&mut self) {
        Client::call(self, &[b"HELLO", b"3"]);
    }

    fn wait(&mut self, milliseconds: u64) {
        let end = Instant::now() + Duration::from_millis(milliseconds);
        while Instant::now() < end {
            thread::yield_now();
        }
    }
}
