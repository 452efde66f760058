//! What asks the server to stop: SIGTERM, or Ctrl-C at a terminal.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that stop the server, listened to from the moment this exists.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Starts listening.
    ///
    /// # Errors
    /// When the system has no room for a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Resolves with the next signal's name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
