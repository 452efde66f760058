//! What browsers say, carried out. Bytes become frames, a frame a command, and the
//! command is applied to the hall. All of it happens on the shard's thread; a
//! command that has to wait goes on as an errand, and what else its browser says
//! waits in order. Answers go through the shard's queue like everything else, so
//! that order needs no care.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use pipes::connection::Connection;
use pipes::error::HallError;
use pipes::hall::RefusedNames;
use pipes::listing::Seen;
use pipes::message::{Position, StoredMessage, UnixTime};
use pipes::name::{EventName, PipeName};
use pipes::shard::Receipt;
use pipes::storage::Window;
use tokio::sync::oneshot;

use crate::command::Command;
use crate::errand::{Errand, Turnout};
use crate::event::{self, ErrorDetail, Generation};
use crate::frame;
use crate::peer::{End, Peer, Phase};
use crate::reader::{FrameReader, Incoming, Violation};
use crate::server::Gateway;
use crate::shard::{Item, ShardQueue};

/// Bytes of a history sent before waiting until they are on their way.
pub(crate) const HISTORY_PIECE: usize = 64 * 1024;
/// What one connection may say before the others have their turn, in frames: each
/// may have an answer.
const FRAMES_PER_TURN: usize = 64;
/// How many refused names of one command are told.
const REFUSALS_TOLD: usize = 10;

/// One connection as its commands see it.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) queue: Arc<ShardQueue>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) generation: Generation,
}

/// How far a connection came with what it has said.
pub(crate) enum Turn {
    /// It has nothing more to say now.
    Idle,
    /// There is more, for the next turn: the others come first.
    More,
    /// A command waits.
    Waits(Errand),
    /// The connection ends.
    Ended(End),
}

impl Session {
    /// Reads what a connection has said, into `buffer`, and carries it out.
    pub(crate) fn attend(&self, peer: &mut Peer, buffer: &mut [u8]) -> Turn {
        if peer.phase != Phase::Open {
            return Turn::Idle;
        }
        let mut unread = std::mem::take(&mut peer.unread);
        if let Some(turn) = self.hear(peer, &mut unread) {
            return turn;
        }
        while peer.readable {
            let count = match peer.socket.read(buffer) {
                Ok(0) => return Turn::Ended(End::Gone),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    peer.readable = false;
                    break;
                }
                Err(_) => return Turn::Ended(End::Gone),
            };
            peer.heard = true;
            peer.tally.bytes_in.add(count as u64);
            let has_more = peer.socket.may_have_more(count, buffer.len());
            // A socket that gave less has given all, but for its end.
            peer.readable = has_more || peer.ended;
            let read = buffer.get_mut(..count).unwrap_or_default();
            if let Some(turn) = self.hear(peer, read) {
                return turn;
            }
            if has_more {
                return Turn::More;
            }
        }
        Turn::Idle
    }

    /// Takes the frames in `input` one by one, until one has to be waited for.
    fn hear(&self, peer: &mut Peer, mut input: &mut [u8]) -> Option<Turn> {
        if input.is_empty() {
            return None;
        }
        let limit = self.gateway.config.limits.message_bytes;
        let mut reader = std::mem::replace(&mut peer.reader, FrameReader::new(limit));
        let mut taken = 0;
        let turn = loop {
            match reader.next(&mut input) {
                Ok(None) => break None,
                Ok(Some(incoming)) => {
                    if let Some(turn) = self.take(peer, incoming) {
                        break Some(turn);
                    }
                    taken += 1;
                    if taken == FRAMES_PER_TURN && !input.is_empty() {
                        break Some(Turn::More);
                    }
                }
                Err(violation) => break Some(Turn::Ended(self.violated(violation))),
            }
        };
        peer.reader = reader;
        if matches!(turn, Some(Turn::Waits(_) | Turn::More)) {
            peer.unread = input.to_vec();
        }
        turn
    }

    fn take(&self, peer: &mut Peer, incoming: Incoming<'_>) -> Option<Turn> {
        if matches!(incoming, Incoming::Text(_) | Incoming::Binary(_)) {
            peer.tally.messages_in.add(1);
            if !self.is_in_time(peer) {
                return None;
            }
        }
        let turnout = match incoming {
            Incoming::Text(text) => self.carry_out(text),
            Incoming::Binary(bytes) => {
                // Binary is taken for text if it is text.
                self.carry_out(std::str::from_utf8(bytes).ok()?)
            }
            Incoming::Ping(payload) => {
                self.send(frame::pong(payload));
                return None;
            }
            Incoming::Pong(payload) => {
                peer.pong = payload.try_into().map_or(0, u64::from_be_bytes);
                return None;
            }
            Incoming::Close(code) => return Some(Turn::Ended(End::ClosedByClient(code))),
        };
        match turnout {
            Turnout::Done => None,
            Turnout::Waits(errand) => Some(Turn::Waits(errand)),
        }
    }

    /// Whether a connection may send one more message now. If not it is told.
    fn is_in_time(&self, peer: &mut Peer) -> bool {
        let limit = self.gateway.config.limits.messages_per_second;
        let allowed = peer.rate.allows(limit, Instant::now());
        if !allowed {
            self.gateway.counters.messages_refused.note();
            let text = format!("messages a second: the limit of {limit} is reached");
            self.fail(&text, ErrorDetail::TooManyMessages);
        }
        allowed
    }

    fn violated(&self, violation: Violation) -> End {
        if matches!(violation, Violation::TooLong(_)) {
            self.gateway.counters.messages_too_long.note();
        }
        let text = violation.to_string();
        self.fail(&text, ErrorDetail::NoMessages);
        End::Violation(violation.close_code(), text)
    }

    fn carry_out(&self, text: &str) -> Turnout {
        let command = match Command::parse(text) {
            Ok(command) => command,
            Err(error) => {
                self.fail(&error.text, error.detail);
                return Turnout::Done;
            }
        };
        let session = self.clone();
        match command {
            Command::Ignored => {}
            Command::Subscription { pipes, refused } => {
                for error in refused.into_iter().take(REFUSALS_TOLD) {
                    self.fail(&error.to_string(), ErrorDetail::NoMessages);
                }
                return Errand::begin(async move {
                    // Joins queue behind deliveries: a page that changes its list all
                    // the time must not outrun them.
                    session.gateway.room_in_shards().await;
                    session.subscribe(&pipes);
                });
            }
            Command::Share => self.connection.hear_itself(),
            Command::Resume(pipes) => return Errand::begin(session.resume(pipes)),
            Command::Publish {
                pipe,
                event,
                payload,
                anonymous,
            } => return Errand::begin(session.publish(pipe, event, payload.into(), anonymous)),
            Command::PipeLog { pipe, marker } => {
                let marker = marker.to_owned();
                return Errand::begin(async move { session.send_history(&pipe, &marker).await });
            }
            Command::PipeCount { pipe, marker } => self.count(&pipe, marker),
            Command::TrackPipeUsers { pipe, marker } => {
                let marker = marker.to_owned();
                return Errand::begin(async move {
                    // A list may be long.
                    session.gateway.room_in_shards().await;
                    session.list(&pipe, &marker).await;
                });
            }
            Command::UserData { user, marker } => {
                let marker = marker.to_owned();
                return Errand::begin(async move {
                    let dev_id = session.connection.dev_id;
                    let hall = &session.gateway.hall;
                    match hall
                        .blocking(move |hall| hall.user_data(dev_id, user))
                        .await
                    {
                        Ok(data) => {
                            // An unknown user has an empty text (compatibility reference §4.9).
                            let text = data.as_deref().unwrap_or_default();
                            let generation = session.generation;
                            session.send(event::user_data(
                                user.number(),
                                text,
                                &marker,
                                generation,
                            ));
                        }
                        Err(error) => session.fail(&error.to_string(), ErrorDetail::NoUserData),
                    }
                });
            }
            Command::UserStatus { user } => {
                return Errand::begin(async move {
                    let dev_id = session.connection.dev_id;
                    let hall = &session.gateway.hall;
                    match hall.blocking(move |hall| hall.seen(dev_id, user)).await {
                        Ok(seen) => {
                            let away = seconds_away(seen, UnixTime::now());
                            let generation = session.generation;
                            session.send(event::user_status(user.number(), away, generation));
                        }
                        Err(error) => session.fail(&error.to_string(), ErrorDetail::NoMessages),
                    }
                });
            }
        }
        Turnout::Done
    }

    async fn publish(self, pipe: PipeName, event: EventName, payload: Arc<str>, anonymous: bool) {
        let hall = &self.gateway.hall;
        let published = hall.publish_for(
            &self.connection,
            pipe.clone(),
            event,
            Arc::clone(&payload),
            anonymous,
        );
        match published.await {
            Ok(report) => self.send(event::delivery_report(
                &pipe,
                &payload,
                report.receivers,
                report.position,
                self.generation,
            )),
            Err(error) => self.fail(&error.to_string(), ErrorDetail::NoMessages),
        }
    }

    fn count(&self, pipe: &PipeName, marker: &str) {
        match self.gateway.hall.may_count(&self.connection, pipe) {
            Ok(()) => {
                let dev_id = self.connection.dev_id;
                let count = self.gateway.hall.subscriber_count(dev_id, pipe);
                self.send(event::pipe_count(count, marker, self.generation));
            }
            Err(refusal) => self.fail(&refusal.to_string(), ErrorDetail::NoMessages),
        }
    }

    /// Done when the list is on its way: however many are asked for, one waits.
    async fn list(&self, pipe: &PipeName, marker: &str) {
        match self.gateway.hall.may_list(&self.connection, pipe) {
            Ok(()) => {
                let dev_id = self.connection.dev_id;
                let members = self.gateway.hall.members(dev_id, pipe);
                let list = event::pipe_users(pipe, &members, marker, self.generation);
                self.send_through(list).await;
            }
            Err(refusal) => self.fail(&refusal.to_string(), ErrorDetail::NoUser),
        }
    }

    fn subscribe(&self, pipes: &[PipeName]) {
        let refused = self.gateway.hall.subscribe(&self.connection, pipes);
        self.tell_refused(refused);
    }

    pub(crate) fn tell_refused(&self, refused: RefusedNames) {
        let mut limit_told = false;
        for (pipe, error) in refused.into_iter().take(REFUSALS_TOLD) {
            let (text, detail) = match error {
                HallError::Limit { .. } if limit_told => continue,
                HallError::Limit { .. } => {
                    limit_told = true;
                    (error.to_string(), ErrorDetail::SubscriptionLimit)
                }
                error => (format!("{pipe}: {error}"), ErrorDetail::NoMessages),
            };
            self.fail(&text, detail);
        }
    }

    /// Sends a history in pieces, each once the one before is on its way, so
    /// that a long one never counts as a slow reader.
    async fn send_history(&self, pipe: &PipeName, marker: &str) {
        let max_bytes = HISTORY_PIECE.min(self.gateway.config.limits.queued_bytes / 2);
        let Some(newest) = self.history(pipe, Window::newest(1)).await.pop() else {
            return;
        };
        let Position { epoch, offset } = newest.position;
        let mut after = 0;
        // What is published from now on comes live.
        while after < offset {
            let window = Window::newest(usize::MAX).piece(after, max_bytes);
            let mut piece = self.history(pipe, window).await;
            piece.retain(|stored| {
                stored.position.epoch == epoch && stored.position.offset <= offset
            });
            let Some(last) = piece.pop() else {
                return;
            };
            let frame = |stored| event::history_entry(stored, marker, self.generation);
            for stored in &piece {
                self.send(frame(stored));
            }
            if !self.send_through(frame(&last)).await {
                return;
            }
            after = last.position.offset;
        }
    }

    /// A part of a history; nothing if it cannot be had, and then the browser is told.
    async fn history(&self, pipe: &PipeName, window: Window) -> Vec<StoredMessage> {
        let hall = &self.gateway.hall;
        match hall.history_for(&self.connection, pipe, window).await {
            Ok(history) => history,
            Err(error) => {
                self.fail(&error.to_string(), ErrorDetail::NoMessages);
                Vec::new()
            }
        }
    }

    /// Sends a frame and waits until it has gone to the kernel. Gives whether it has.
    pub(crate) async fn send_through(&self, frame: Bytes) -> bool {
        let (handed_over, on_its_way) = oneshot::channel();
        let receipt: Receipt = Box::new(move || {
            let _ = handed_over.send(());
        });
        self.answer(frame, Some(receipt));
        // Dropped unused if the connection ends first.
        on_its_way.await.is_ok()
    }

    pub(crate) fn send(&self, frame: Bytes) {
        self.answer(frame, None);
    }

    pub(crate) fn fail(&self, text: &str, detail: ErrorDetail) {
        self.send(event::error(text, detail, self.generation));
    }

    fn answer(&self, frame: Bytes, receipt: Option<Receipt>) {
        self.queue.give(Item::Answer {
            connection: self.connection.id,
            frame,
            receipt,
        });
    }
}

/// 0 for a user who is online, the age of the last connection for one who is
/// not (at least 1, or it would read as online), -1 for one never seen
/// (compatibility reference §4.9).
fn seconds_away(seen: Seen, now: UnixTime) -> i64 {
    match seen {
        Seen::Online => 0,
        Seen::At(time) => i64::try_from(now.0.saturating_sub(time.0).max(1)).unwrap_or(i64::MAX),
        Seen::Unknown => -1,
    }
}

#[cfg(test)]
mod tests;
