//! Sockets, and gRPC channels over them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::{Channel, server::Connected};

mod dialer;

pub use dialer::{Dialer, RoundTrip};

#[cfg(not(feature = "sim"))]
pub use tokio::net::{
    TcpListener, TcpStream,
    tcp::{OwnedReadHalf as ReadHalf, OwnedWriteHalf as WriteHalf},
};
#[cfg(feature = "sim")]
pub use turmoil::net::{
    TcpListener, TcpStream,
    tcp::{OwnedReadHalf as ReadHalf, OwnedWriteHalf as WriteHalf},
};

/// How long a connection between processes may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// A peer that is silent for this long is asked whether it is there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_millis(500);
/// A peer that does not answer for this long is gone.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_millis(1000);
/// Calls that a caller has given up before the server looked at them. Beyond this the connection is closed, and with it
/// the streams of all shards. A process that stood still for a second finds a vote or two of every shard: by default 20
/// were enough to lose the connection again just then.
const GIVEN_UP_CALLS: usize = 4096;
/// Flow-control windows of HTTP/2: large enough that a stream never waits on loopback or a 100 ms link.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// A socket as tonic's server wants it.
#[derive(Debug)]
pub struct ServerIo(TcpStream);

impl Connected for ServerIo {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for ServerIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ServerIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

/// Accepted connections of a listener, for [`tonic::transport::Server::serve_with_incoming`].
pub fn incoming(listener: TcpListener) -> impl tokio_stream::Stream<Item = io::Result<ServerIo>> {
    use tokio_stream::StreamExt;
    async_accept(listener).map(|accepted| accepted.map(ServerIo))
}

fn async_accept(listener: TcpListener) -> impl tokio_stream::Stream<Item = io::Result<TcpStream>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(16);
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = sender.closed() => return,
            };
            let failed = accepted.is_err();
            let stream = accepted.and_then(|(stream, _)| stream.set_nodelay(true).map(|()| stream));
            if let Err(error) = &stream {
                tracing::info!(%error, "accept failed");
            }
            if sender.send(stream).await.is_err() {
                return;
            }
            if failed {
                // Out of file descriptors: accepting at once would only spin.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(receiver)
}

/// A server builder with the windows and keepalives that [`channel`] expects.
pub fn server() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .http2_max_pending_accept_reset_streams(Some(GIVEN_UP_CALLS))
}

/// A channel to `host:port` that connects on first use and reconnects by itself.
///
/// # Errors
/// If the address is no `host:port`.
pub fn channel(address: &str) -> Result<Channel, tonic::transport::Error> {
    Dialer::direct().channel(address)
}
