//! SHOW PROCESSLIST and KILL: backends' sessions and browsers in one list, and
//! how either is ended. Sessions have the numbers below
//! [`ConnectionId::FIRST`], browsers those from there on, so that one number
//! never means two.

use std::sync::Arc;

use pipes::Hall;
use pipes::connection::Connection;
use pipes::name::{DevId, UserId};
use pipes::shard::ConnectionId;

use crate::error::{ErrorKind, SqlError};
use crate::query::context::SessionContext;
use crate::query::{Process, ProcessSource};
use crate::sessions::Sessions;
use crate::tables::live::Sight;

/// Everybody who can be listed and killed.
pub(crate) struct Processes {
    pub(crate) hall: Arc<Hall>,
    pub(crate) sessions: Arc<Sessions>,
}

impl Processes {
    /// Ends session or browser `id`, or with `query_only` just the statement
    /// that the session runs.
    ///
    /// # Errors
    /// `UnknownThread` for a number nobody has, or a browser when a statement is
    /// to end; `KillDenied` for one of another developer.
    pub(crate) fn kill(
        &self,
        context: &SessionContext,
        id: u64,
        query_only: bool,
    ) -> Result<(), SqlError> {
        let sight = Sight::of_session(context)?;
        let browser = ConnectionId(id);
        if browser < ConnectionId::FIRST {
            let session = u32::try_from(id).map_err(|_| unknown(id))?;
            let of = self.sessions.home(session).ok_or_else(|| unknown(id))?;
            permit(sight, of, id)?;
            return match self.sessions.kill(session, query_only) {
                true => Ok(()),
                false => Err(unknown(id)),
            };
        }
        let connection = self.hall.connection(browser).ok_or_else(|| unknown(id))?;
        permit(sight, Some(connection.dev_id), id)?;
        if query_only {
            return Err(SqlError::new(
                ErrorKind::UnknownThread,
                format!("{id} is a browser, which runs no statement; KILL {id} closes it"),
            ));
        }
        match self.hall.kill(browser) {
            true => Ok(()),
            false => Err(unknown(id)),
        }
    }
}

fn unknown(id: u64) -> SqlError {
    SqlError::new(ErrorKind::UnknownThread, format!("Unknown thread id: {id}"))
}

/// `None` is nobody's session, which only root may end.
fn permit(sight: Sight, of: Option<DevId>, id: u64) -> Result<(), SqlError> {
    if sight == Sight::All || of.is_some_and(|of| sight.sees(of)) {
        return Ok(());
    }
    Err(SqlError::new(
        ErrorKind::KillDenied,
        format!("You are not owner of thread {id}"),
    ))
}

impl ProcessSource for Processes {
    /// A tenant sees its own, root sees all: sessions first, then browsers, by number.
    fn processes(&self, context: &SessionContext) -> Vec<Process> {
        let Ok(sight) = Sight::of_session(context) else {
            return Vec::new();
        };
        let mut processes = self.sessions.processes(sight);
        let browsers = match sight {
            Sight::All => self.hall.connections(None, usize::MAX),
            Sight::Own(dev_id) => self.hall.connections(Some(dev_id), usize::MAX),
            Sight::Nobody => Vec::new(),
        };
        processes.extend(browsers.iter().map(|browser| process(browser)));
        processes
    }
}

fn process(browser: &Connection) -> Process {
    let user = match browser.dev_id {
        DevId::ROOT => "root".to_owned(),
        dev_id => dev_id.to_string(),
    };
    let now = pipes::message::UnixTime::now();
    Process {
        id: browser.id.0,
        user,
        host: browser.address.to_string(),
        database: None,
        command: "Browser".to_owned(),
        time: now.0.saturating_sub(browser.connected.0),
        state: browser.traffic().state.as_str().to_owned(),
        info: Some(format!(
            "user_id {}, pipes {}, client {}",
            browser.user.map_or(0, UserId::number),
            browser.subscription_count(),
            browser.client
        )),
    }
}
