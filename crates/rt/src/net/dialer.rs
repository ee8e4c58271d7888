//! Makes gRPC channels to other processes, over links that may be emulated to be long.

use std::{fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    sync::mpsc,
    time::Instant,
};
use tonic::transport::{Channel, Endpoint};

use super::{
    CONNECT_TIMEOUT, CONNECTION_WINDOW, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT, STREAM_WINDOW, TcpStream,
};

/// Chunks on their way through an emulated link.
const CHUNKS_UNDER_WAY: usize = 16 << 10;
/// Largest chunk.
const CHUNK_BYTES: usize = 64 << 10;

/// The round trip to an address.
pub type RoundTrip = Arc<dyn Fn(&str) -> Duration + Send + Sync>;

/// How this process reaches others.
#[derive(Clone, Default)]
pub struct Dialer {
    round_trip: Option<RoundTrip>,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("emulates", &self.round_trip.is_some()).finish()
    }
}

impl Dialer {
    /// Over the network as it is.
    pub fn direct() -> Dialer {
        Dialer::default()
    }

    /// As if every address were that far away: half of the round trip is spent in each direction, in order.
    pub fn emulating(round_trip: RoundTrip) -> Dialer {
        Dialer { round_trip: Some(round_trip) }
    }

    /// A channel to `host:port` that connects on first use and reconnects by itself.
    ///
    /// # Errors
    /// If the address is no `host:port`.
    pub fn channel(&self, address: &str) -> Result<Channel, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(format!("http://{address}"))?
            .tcp_nodelay(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_while_idle(true);
        match &self.round_trip {
            None => {
                let endpoint =
                    endpoint.connect_timeout(CONNECT_TIMEOUT).keep_alive_timeout(KEEPALIVE_TIMEOUT);
                Ok(connect(endpoint, address))
            }
            Some(round_trip) => {
                let distance = round_trip(address);
                let endpoint = endpoint
                    .connect_timeout(CONNECT_TIMEOUT + distance * 2)
                    .keep_alive_timeout(KEEPALIVE_TIMEOUT + distance * 2);
                Ok(connect_far(endpoint, address, Arc::clone(round_trip)))
            }
        }
    }
}

#[cfg(not(feature = "sim"))]
fn connect(endpoint: Endpoint, _address: &str) -> Channel {
    endpoint.connect_lazy()
}

#[cfg(feature = "sim")]
fn connect(endpoint: Endpoint, address: &str) -> Channel {
    let address = address.to_owned();
    endpoint.connect_with_connector_lazy(tower::service_fn(move |_: http::Uri| {
        let address = address.clone();
        async move { TcpStream::connect(address).await.map(hyper_util::rt::TokioIo::new) }
    }))
}

fn connect_far(endpoint: Endpoint, address: &str, round_trip: RoundTrip) -> Channel {
    let address = address.to_owned();
    endpoint.connect_with_connector_lazy(tower::service_fn(move |_: http::Uri| {
        let (address, distance) = (address.clone(), round_trip(&address));
        async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            // The handshake of TCP.
            tokio::time::sleep(distance).await;
            Ok::<_, std::io::Error>(hyper_util::rt::TokioIo::new(stretch(stream, distance / 2)))
        }
    }))
}

/// A stream whose bytes take `one_way` in each direction. Must be called inside a tokio runtime.
fn stretch(stream: impl AsyncRead + AsyncWrite + Send + 'static, one_way: Duration) -> DuplexStream {
    let (near, far) = tokio::io::duplex(CHUNK_BYTES);
    let (from_peer, to_peer) = tokio::io::split(stream);
    let (from_here, to_here) = tokio::io::split(far);
    tokio::spawn(carry(from_here, to_peer, one_way));
    tokio::spawn(carry(from_peer, to_here, one_way));
    near
}

async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, one_way: Duration) {
    let (sender, mut receiver) = mpsc::channel::<(Instant, Bytes)>(CHUNKS_UNDER_WAY);
    let read = async move {
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(CHUNK_BYTES);
            // An error ends the link as the end of the stream does: the other side sees it closed.
            let count = from.read_buf(&mut buffer).await.unwrap_or(0);
            let due = Instant::now() + one_way;
            if count == 0 || sender.send((due, buffer.split().freeze())).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, bytes)) = receiver.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        // The peer may have closed already.
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_arrive_late_and_in_order() {
        let (mut server, socket) = tokio::io::duplex(CHUNK_BYTES);
        let mut client = stretch(socket, Duration::from_millis(40));
        let start = Instant::now();
        client.write_all(b"ping").await.unwrap();
        client.write_all(b"pong").await.unwrap();
        let mut bytes = [0; 8];
        server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"pingpong");
        assert!(start.elapsed() >= Duration::from_millis(40));
        server.write_all(b"x").await.unwrap();
        client.read_exact(&mut bytes[..1]).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(80));
        drop(client);
        assert_eq!(server.read(&mut bytes).await.unwrap(), 0);
    }
}
