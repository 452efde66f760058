//! Plain statements, which nearly all are: run on the session as they are, and
//! answered without opensrv, because they have no rows.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;

use crate::answer::{Done, Parameter};
use crate::backend::{Backend, KillSignal, Session};
use crate::error::SqlError;

use super::guard::{Ending, Guard, flush};
use super::packet::{PacketStream, at_once};
use super::reply::Reply;
use super::state::State;

impl<B, S> Guard<'_, B, S>
where
    B: Backend,
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Runs and answers a statement if it is a plain one; gives whether it is.
    pub(super) async fn run_if_plain(&mut self, statement: &str) -> Result<bool, Ending> {
        let State { session, reply, .. } = &mut self.state;
        let Some(session) = session else {
            return Ok(false);
        };
        let Some(run) = session.execute_plain(statement) else {
            return Ok(false);
        };
        self.wire.questions.fetch_add(1, Ordering::Relaxed);
        let done = outcome(run, &mut self.stream, reply, &self.killed).await?;
        self.tell(done);
        Ok(true)
    }

    /// Runs and answers a prepared statement that is a plain one.
    pub(super) async fn run_read(
        &mut self,
        plain: &<B::Session as Session>::Plain,
        parameters: &[Parameter],
    ) -> Result<(), Ending> {
        let State { session, reply, .. } = &mut self.state;
        let Some(session) = session else {
            self.refuse(&SqlError::internal("The session is gone; connect again"));
            return Ok(());
        };
        self.wire.questions.fetch_add(1, Ordering::Relaxed);
        let run = session.execute_read(plain, parameters);
        let done = outcome(run, &mut self.stream, reply, &self.killed).await?;
        self.tell(done);
        Ok(())
    }

    fn tell(&mut self, done: Result<Done, SqlError>) {
        match done {
            Ok(done) => self.state.ok(&done),
            Err(error) => self.state.refuse(&error),
        }
    }
}

/// What a statement comes to. The outer error ends the connection.
async fn outcome<S: AsyncRead + AsyncWrite + Unpin>(
    run: impl Future<Output = Result<Done, SqlError>>,
    stream: &mut PacketStream<S>,
    reply: &mut Reply,
    killed: &KillSignal,
) -> Result<Result<Done, SqlError>, Ending> {
    let mut run = pin!(run);
    if let Poll::Ready(done) = at_once(run.as_mut()).await {
        return Ok(done);
    }
    // It waits for the disk, or for browsers that are behind.
    loop {
        tokio::select! {
            biased;
            done = run.as_mut() => return Ok(done),
            () = outlives_kill(killed) => return Err(Ending::Killed),
            // Answers to earlier commands do not wait for a slow statement.
            () = sleep(HOLD_BACK), if !reply.is_empty() => flush(stream, reply).await?,
        }
    }
}

/// Resolves when a statement has not ended by itself after its connection was killed.
pub(super) async fn outlives_kill(killed: &KillSignal) {
    killed.killed().await;
    sleep(KILL_PATIENCE).await;
}

/// How long a statement of a killed connection has to end with its own answer.
const KILL_PATIENCE: Duration = Duration::from_secs(1);

/// How long finished answers wait for the statement after them.
pub(super) const HOLD_BACK: Duration = Duration::from_millis(2);
