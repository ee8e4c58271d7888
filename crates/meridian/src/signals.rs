//! The signals that end a process: the first asks it to drain, the second ends it at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after the second signal, as shells report a process that a signal has ended.
const INTERRUPTED: i32 = 130;

/// Cancels the token at the first SIGINT or SIGTERM. Must be called in a runtime.
pub(crate) fn watch() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let asked = token.clone();
    tokio::spawn(async move {
        next(&mut interrupt, &mut terminate).await;
        tracing::info!("asked to stop: draining; a second signal stops at once");
        asked.cancel();
        next(&mut interrupt, &mut terminate).await;
        tracing::warn!("stopping at once");
        std::process::exit(INTERRUPTED);
    });
    Ok(token)
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
