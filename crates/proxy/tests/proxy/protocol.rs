//! The same bytes to this proxy and to Redis: the same replies, however broken the bytes are.

use meridian_proxy::Settings;
use meridian_rt::random;

use crate::{memory::Running, oracle::Oracle};

/// Pieces that streams are made of. No zero bytes: C's string functions make Redis stop at them.
const PIECES: &[&str] = &[
    "*1\r\n$4\r\nPING\r\n",
    "*2\r\n$4\r\nPING\r\n$5\r\nhowdy\r\n",
    "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n",
    "*2\r\n$4\r\necho\r\n$3\r\na\r\n\r\n",
    "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
    "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
    "PING\r\n",
    "  ping   \"howdy\\x41\\n\"  \r\n",
    "ECHO 'it\\'s'\n",
    "ECHO \"unbalanced\r\n",
    "\r\n",
    "\n",
    "*0\r\n",
    "*-1\r\n",
    "*-10\r\n",
    "SELECT 3\r\n",
    "*1\r\nPING\r\n",
    "*30000000000000000\r\n",
    "*1\r\n$-1\r\n",
    "*1\r\n$67108865\r\n",
    "*2\r\n$4\r\nECHO\r\n$",
    "*",
    "$",
    "\r",
    "7",
    "x",
];

fn stream() -> Vec<u8> {
    let below = |limit: usize| (random::next_u64() % limit as u64) as usize;
    let mut bytes = Vec::new();
    for _ in 0..1 + below(6) {
        // The first pieces are whole commands; broken ones end the stream.
        let known = if below(4) == 0 { PIECES.len() } else { 9 };
        bytes.extend_from_slice(PIECES[below(known)].as_bytes());
    }
    if below(3) == 0 {
        let at = below(bytes.len());
        bytes[at] = b"*$\r\n019 ax-\"'"[below(13)];
    }
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_stream_of_bytes_is_answered_as_redis_does() {
    random::reseed(20_260_729);
    let oracle = Oracle::start().await;
    let running = Running::start(Settings::default()).await;
    let streams: Vec<Vec<u8>> = std::iter::repeat_with(stream).take(400).collect();
    for bytes in streams {
        let (mut theirs, mut ours) = (oracle.connect().await, running.connect().await);
        theirs.send(b"SELECT 0\r\nSET k 1\r\n").await;
        ours.send(b"SELECT 0\r\nSET k 1\r\n").await;
        theirs.send(&bytes).await;
        ours.send(&bytes).await;
        let (expected, got) = (theirs.rest().await, ours.rest().await);
        assert_eq!(
            got.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{}",
            bytes.escape_ascii(),
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn little_may_be_sent_before_authentication() {
    let settings = Settings { password: "pw".into(), ..Settings::default() };
    let running = Running::start(settings).await;
    for (bytes, error) in [
        (&b"*11\r\n"[..], "unauthenticated multibulk length"),
        (&b"*1\r\n$16385\r\n"[..], "unauthenticated bulk length"),
    ] {
        let mut peer = running.connect().await;
        peer.send(bytes).await;
        let expected = format!("-ERR Protocol error: {error}\r\n");
        assert_eq!(peer.rest().await, expected.as_bytes());
    }
    let mut peer = running.connect().await;
    peer.send(b"AUTH pw\r\n*11\r\n").await;
    assert_eq!(peer.rest().await, b"+OK\r\n");
}
