//! A client that reads raw replies.

use std::time::Duration;

use meridian_resp::{Value, decode, reply_length, write_command};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Nothing a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Peer<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) fn new(stream: S) -> Peer<S> {
        Peer { stream, buffer: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        // The other side may have closed; what is read next tells.
        drop(self.stream.write_all(bytes).await);
    }

    /// The next reply as bytes, or none if the connection was closed.
    pub(crate) async fn reply(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(length) = reply_length(&self.buffer).expect("RESP") {
                return Some(self.buffer.drain(..length).collect());
            }
            let read = self.stream.read_buf(&mut self.buffer);
            let read = tokio::time::timeout(PATIENCE, read).await.expect("a reply in time");
            if !matches!(read, Ok(length) if length > 0) {
                assert!(self.buffer.is_empty(), "closed inside a reply: {:?}", self.buffer);
                return None;
            }
        }
    }

    /// Sends a line as a command, its words as they are, and reads the reply.
    pub(crate) async fn call(&mut self, line: &str) -> Option<Vec<u8>> {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut bytes = Vec::new();
        write_command(&mut bytes, words.into_iter());
        self.send(&bytes).await;
        self.reply().await
    }

    /// As [`Peer::call`], decoded.
    pub(crate) async fn value(&mut self, line: &str) -> Value {
        let reply = self.call(line).await.expect("a reply");
        decode(&reply.into()).expect("RESP").expect("complete").0
    }

    /// As [`Peer::call`], the text of a string reply.
    pub(crate) async fn text(&mut self, line: &str) -> String {
        self.value(line).await.as_str().expect("a text").to_owned()
    }

    /// Says that nothing more comes, and reads until the other side closes too.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        // The other side may have closed already.
        drop(self.stream.shutdown().await);
        let mut bytes = std::mem::take(&mut self.buffer);
        let read = self.stream.read_to_end(&mut bytes);
        drop(tokio::time::timeout(PATIENCE, read).await.expect("closed in time"));
        bytes
    }
}
