//! What the answers of one connection need: the session, the reply they are
//! collected in, and how the command they belong to stands.

use std::time::Duration;

use crate::answer::Done;
use crate::backend::Session;
use crate::error::SqlError;

use super::reply::{Reply, Status};

/// A connection's session and its answers. The guard owns it, and lends it to
/// opensrv for the packets that opensrv answers.
pub(super) struct State<S> {
    /// The session; away while opensrv runs a statement on it, gone after a failed
    /// COM_CHANGE_USER.
    pub(super) session: Option<S>,
    /// Where answers go.
    pub(super) reply: Reply,
    /// Another statement of the same command follows.
    pub(super) more_results: bool,
    /// The statement failed; those after it are not run.
    pub(super) failed: bool,
}

impl<S> Default for State<S> {
    fn default() -> Self {
        Self {
            session: None,
            reply: Reply::default(),
            more_results: false,
            failed: false,
        }
    }
}

impl<S: Session> State<S> {
    /// A command begins; `sequence` is the number of its packet.
    pub(super) fn begin(&mut self, sequence: u8) {
        self.reply.begin(sequence);
        self.more_results = false;
        self.failed = false;
    }

    /// The status flags as they are now.
    pub(super) fn status(&self) -> Status {
        self.session
            .as_ref()
            .map_or_else(Status::default, |s| Status {
                in_transaction: s.in_transaction(),
                autocommit: s.autocommit(),
                more_results: self.more_results,
            })
    }

    /// How long the session wants to be kept without a command.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        self.session.as_ref()?.idle_timeout()
    }

    /// Answers with an OK.
    pub(super) fn ok(&mut self, done: &Done) {
        let status = self.status();
        self.reply.ok(done, status);
    }

    /// Answers with an ERR in the numbering the session asked for.
    pub(super) fn refuse(&mut self, error: &SqlError) {
        let numbers = self.session.as_ref().map(Session::error_numbers);
        self.failed = true;
        self.reply.error(error, numbers.unwrap_or_default());
    }
}
