//! What the commands that run a process have in common.

use std::{io, net::SocketAddr};

use meridian_rt::net::TcpListener;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tonic::{Code, Status};

use crate::failure::Failure;

/// Where a process listens to others unless told otherwise.
pub(crate) const DEFAULT_ADDRESS: &str = "127.0.0.1:7400";

/// This program as it was called, for lines that are to be typed: it need not be on the path.
pub(crate) fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "meridian".to_owned())
}

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

/// Descriptors that a process needs besides those of its clients: files of the log, snapshots, streams to others.
const OWN_DESCRIPTORS: u64 = 96;

/// How many clients the system allows, at most as many as wanted. Raises the limit of descriptors as far as it may be.
pub(crate) fn possible_clients(wanted: u64) -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let needed = wanted.saturating_add(OWN_DESCRIPTORS);
    let allowed = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
    let mut current = allowed(limit.current);
    if current < needed {
        let raised = Rlimit { current: Some(needed.min(allowed(limit.maximum))), maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            current = allowed(raised.current);
        }
    }
    let possible = current.saturating_sub(OWN_DESCRIPTORS).max(current / 2).clamp(1, wanted);
    if possible < wanted {
        tracing::warn!(
            wanted,
            possible,
            descriptors = current,
            "fewer clients than asked for: too few file descriptors"
        );
    }
    possible
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
