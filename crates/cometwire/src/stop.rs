//! What the system asks of the server: to stop (SIGTERM, or Ctrl-C at a terminal),
//! or to read its certificates again (SIGHUP).

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals the server minds, listened to from the moment this exists.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

/// What a signal asks for.
pub(crate) enum Request {
    /// To stop; the signal's name.
    Stop(&'static str),
    /// To read the certificates again.
    Reload,
}

impl Signals {
    /// Starts listening.
    ///
    /// # Errors
    /// When the system has no room for a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Resolves with what the next signal asks for.
    pub(crate) async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Request::Stop("SIGINT"),
            _ = self.hang_up.recv() => Request::Reload,
        }
    }
}
