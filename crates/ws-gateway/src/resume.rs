//! Our own client comes back: it is subscribed first, then sent what it missed of
//! each pipe since the position it names, in pieces, and told where it stands.
//! What was missed is decided in [`pipes::resume`]; live messages that arrive
//! in the meantime are put in order by the client.

use pipes::message::Position;
use pipes::name::PipeName;
use pipes::resume::Step;

use crate::event::{self, ErrorDetail};
use crate::session::{HISTORY_PIECE, Session};

impl Session {
    pub(crate) async fn resume(self, wanted: Vec<(PipeName, Option<Position>)>) {
        self.gateway.room_in_shards().await;
        let names: Vec<PipeName> = wanted.iter().map(|(pipe, _)| pipe.clone()).collect();
        let refused = self.gateway.hall.subscribe_also(&self.connection, &names);
        self.tell_refused(refused);
        for (pipe, position) in wanted {
            // A refused pipe's history is not for this browser either.
            if self.connection.is_subscribed(&pipe) && !self.resume_pipe(pipe, position).await {
                return;
            }
        }
    }

    /// Gives whether the connection can go on.
    async fn resume_pipe(&self, pipe: PipeName, position: Option<Position>) -> bool {
        let hall = &self.gateway.hall;
        let generation = self.generation;
        let max_bytes = HISTORY_PIECE.min(self.gateway.config.limits.queued_bytes / 2);
        let begun = hall.begin_reading(&self.connection, pipe.clone(), position);
        let mut reading = match begun.await {
            Ok(reading) => reading,
            Err(error) => {
                self.fail(&error.to_string(), ErrorDetail::NoMessages);
                return true;
            }
        };
        loop {
            // A rule that has changed meanwhile holds for the rest.
            if !self.connection.is_subscribed(&pipe) {
                return true;
            }
            let step = hall.read_on(&mut reading, max_bytes);
            match step.await {
                Ok(Step::Gap(position)) => {
                    self.send(event::resume_mark(&pipe, "gap", position, generation));
                }
                Ok(Step::Missed(mut piece)) => {
                    let Some(last) = piece.pop() else {
                        return true;
                    };
                    for stored in &piece {
                        self.send(event::missed_message(stored, generation));
                    }
                    if !self
                        .send_through(event::missed_message(&last, generation))
                        .await
                    {
                        return false;
                    }
                }
                Ok(Step::Complete(position)) => {
                    self.send(event::resume_mark(&pipe, "resumed", position, generation));
                    return true;
                }
                Err(error) => {
                    self.fail(&error.to_string(), ErrorDetail::NoMessages);
                    return true;
                }
            }
        }
    }
}
