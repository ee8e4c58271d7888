//! What the commands that run a process have in common.

use std::{io, net::SocketAddr};

use meridian_rt::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tonic::{Code, Status};

use crate::failure::Failure;

/// Where a process listens to others unless told otherwise.
pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:7400";

/// A runtime with so many threads; 0: one for every core.
pub(crate) fn server_runtime(threads: usize) -> Result<Runtime, Failure> {
    let mut builder = Builder::new_multi_thread();
    if threads > 0 {
        builder.worker_threads(threads);
    }
    builder.enable_all().thread_name("meridian").build().map_err(Failure::running)
}

/// A runtime for a command that only asks others.
pub(crate) fn client_runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread().enable_all().build().map_err(Failure::running)
}

/// Looks up `host:port`.
pub(crate) async fn resolve(setting: &str, address: &str) -> Result<SocketAddr, Failure> {
    let found = tokio::net::lookup_host(address).await;
    let wrong = |reason: &dyn std::fmt::Display| Failure::usage(format!("{setting}: {address:?}: {reason}"));
    found.map_err(|error| wrong(&error))?.next().ok_or_else(|| wrong(&"no such address"))
}

/// Listens on an address.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))
}

pub(crate) fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => Failure::usage(format!("{address} is in use by another process")),
        _ => Failure::usage(format!("cannot listen on {address}: {error}")),
    }
}

/// An answer that is none.
pub(crate) fn failed(address: &str, status: &Status) -> Failure {
    match status.code() {
        Code::FailedPrecondition | Code::InvalidArgument => Failure::running(status.message()),
        Code::Unavailable
            if status.message().contains("tcp connect error") || status.message().is_empty() =>
        {
            Failure::running(format!("nobody answers at {address}"))
        }
        _ => Failure::running(format!("{address}: {}", status.message())),
    }
}
