//! What may end a connection while it waits for its client: the server stops,
//! somebody kills it, its patience is over. Set up once for a connection, not
//! once for each of its commands.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

use crate::backend::KillSignal;

use super::guard::Ending;
use super::stopping;

/// Watches over one connection.
pub(super) struct Vigil {
    ended: Pin<Box<dyn Future<Output = Ending> + Send>>,
    /// Goes off when the patience is over or before; then it is set again.
    alarm: Pin<Box<Sleep>>,
}

impl Vigil {
    pub(super) fn new(mut shutdown: watch::Receiver<bool>, killed: KillSignal) -> Self {
        Self {
            ended: Box::pin(async move {
                tokio::select! {
                    biased;
                    () = stopping(&mut shutdown) => Ending::Shutdown,
                    () = killed.killed() => Ending::Killed,
                }
            }),
            alarm: Box::pin(sleep(Duration::ZERO)),
        }
    }

    /// Waits for `read`, at most for `patience`; 0 bytes mean that the client has closed.
    pub(super) async fn over(
        &mut self,
        read: impl Future<Output = io::Result<usize>>,
        patience: Duration,
    ) -> Result<(), Ending> {
        let mut read = pin!(read);
        let deadline = Instant::now() + patience;
        if self.alarm.deadline() > deadline {
            self.alarm.as_mut().reset(deadline);
        }
        poll_fn(|context| {
            if let Poll::Ready(read) = read.as_mut().poll(context) {
                return Poll::Ready(match read? {
                    0 => Err(Ending::Closed),
                    _ => Ok(()),
                });
            }
            if let Poll::Ready(ending) = self.ended.as_mut().poll(context) {
                return Poll::Ready(Err(ending));
            }
            while self.alarm.as_mut().poll(context).is_ready() {
                if self.alarm.deadline() >= deadline {
                    return Poll::Ready(Err(Ending::TimedOut));
                }
                self.alarm.as_mut().reset(deadline);
            }
            Poll::Pending
        })
        .await
    }
}
