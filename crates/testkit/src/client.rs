//! A small blocking RESP client that tells apart what matters to a test: refused, or unknown.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use meridian_resp::{ReplyScanner, Value, decode, write_command};

/// How much is read at once.
const READ_BYTES: usize = 64 << 10;

/// Why a command has no reply of the kind that was hoped for.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server answered with an error.
    #[error("{0}")]
    Refused(String),
    /// It was never sent: there is no connection.
    #[error("cannot connect: {0}")]
    Unsent(#[source] io::Error),
    /// It was sent, and whether it took effect is not known.
    #[error("no reply: {0}")]
    Unknown(#[source] io::Error),
}

impl CallError {
    /// Whether the command may have taken effect: errors say *not applied* unless they say that this is not known.
    pub fn may_be_applied(&self) -> bool {
        match self {
            CallError::Refused(text) => text.starts_with("UNKNOWN ") || text.starts_with("TIMEOUT "),
            CallError::Unsent(_) => false,
            CallError::Unknown(_) => true,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    /// What was read and not yet decoded.
    buffer: BytesMut,
}

impl Client {
    /// Connects; connecting and every reply may take as long as `timeout`.
    ///
    /// # Errors
    /// [`CallError::Unsent`] if nobody accepts.
    pub fn connect(address: SocketAddr, timeout: Duration) -> Result<Client, CallError> {
        let open = || -> io::Result<Client> {
            let stream = TcpStream::connect_timeout(&address, timeout)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))?;
            Ok(Client { stream, buffer: BytesMut::new() })
        };
        open().map_err(CallError::Unsent)
    }

    /// Sends one command and waits for its reply. An error reply is an error here.
    ///
    /// # Errors
    /// If the reply is an error, or does not come.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Value, CallError> {
        self.send(args)?;
        match self.read()? {
            Value::Error(text) => Err(CallError::Refused(text)),
            value => Ok(value),
        }
    }

    /// Sends all commands at once, then reads all replies; error replies are among them.
    ///
    /// # Errors
    /// If a reply does not come.
    pub fn pipeline<A: AsRef<[u8]>>(&mut self, commands: &[Vec<A>]) -> Result<Vec<Value>, CallError> {
        let mut bytes = Vec::new();
        for args in commands {
            write_command(&mut bytes, args.iter().map(AsRef::as_ref));
        }
        self.send_raw(&bytes)?;
        commands.iter().map(|_| self.read()).collect()
    }

    /// Sends one command without waiting.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<(), CallError> {
        let mut bytes = Vec::new();
        write_command(&mut bytes, args.iter().map(AsRef::as_ref));
        self.send_raw(&bytes)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        self.stream.write_all(bytes).map_err(CallError::Unknown)
    }

    /// Waits for the next reply or push message.
    ///
    /// # Errors
    /// If none comes, or it is no RESP.
    pub fn read(&mut self) -> Result<Value, CallError> {
        let mut scanner = ReplyScanner::new();
        loop {
            if let Some(length) = scanner.scan(&self.buffer).map_err(malformed)? {
                let reply: Bytes = self.buffer.split_to(length).freeze();
                let (value, _) = decode(&reply).map_err(malformed)?.ok_or_else(|| malformed("cut short"))?;
                return Ok(value);
            }
            self.fill()?;
        }
    }

    /// Waits until the server closes the connection; whatever it still says is dropped.
    ///
    /// # Errors
    /// If it does not within the time-out.
    pub fn wait_closed(&mut self) -> Result<(), CallError> {
        loop {
            match self.fill() {
                Ok(()) => self.buffer.clear(),
                Err(CallError::Unknown(error))
                    if matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof
                            | io::ErrorKind::ConnectionReset
                            | io::ErrorKind::BrokenPipe
                    ) =>
                {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn fill(&mut self) -> Result<(), CallError> {
        let mut chunk = [0; READ_BYTES];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(CallError::Unknown(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                self.buffer.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(CallError::Unknown(error)),
        }
    }
}

fn malformed(error: impl ToString) -> CallError {
    CallError::Unknown(io::Error::new(io::ErrorKind::InvalidData, error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// A server that answers whatever it is asked with these chunks, then closes.
    fn server(chunks: &'static [&'static [u8]]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("bound");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            for chunk in chunks {
                let mut request = [0; 64];
                let _ = stream.read(&mut request).expect("a request");
                stream.write_all(chunk).expect("the client reads");
            }
        });
        address
    }

    #[test]
    fn replies_errors_and_silence_are_told_apart() {
        let chunks: &[&[u8]] = &[b"+OK\r\n", b"-ERR no\r\n", b"-TIMEOUT perhaps\r\n", b"$3\r\na"];
        let mut client = Client::connect(server(chunks), Duration::from_secs(5)).expect("accepted");
        assert_eq!(client.call(&["SET", "a", "b"]).expect("a reply"), Value::Simple("OK".into()));
        let refused = client.call(&["SET"]).expect_err("an error reply");
        assert!(!refused.may_be_applied(), "{refused}");
        let open = client.call(&["SET"]).expect_err("an error reply");
        assert!(open.may_be_applied(), "{open}");
        let cut = client.call(&["GET", "a"]).expect_err("half a reply");
        assert!(matches!(&cut, CallError::Unknown(error) if error.kind() == io::ErrorKind::UnexpectedEof));
        client.wait_closed().expect("closed already");
    }
}
