//! One browser connection from the upgrade to the end: greeting, commands,
//! answers, and the way each kind of client wants to be left (compatibility
//! reference §1.6).

use std::future::poll_fn;
use std::net::{IpAddr, Shutdown};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, Stream};
use pipes::connection::{Connection, Visitor};
use pipes::error::HallError;
use pipes::family::Family;
use pipes::hall::RefusedNames;
use pipes::listing::Seen;
use pipes::message::{Position, StoredMessage, UnixTime};
use pipes::name::PipeName;
use pipes::shard::{CloseReason, ConnectionId};
use pipes::storage::Window;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::{task, time};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{
    CapacityError, Error as WebSocketError, ProtocolError,
};
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

use crate::command::Command;
use crate::event::{self, ErrorDetail, Generation};
use crate::frame;
use crate::outbox::Link;
use crate::request::{BrowserHeaders, Client, ConnectionRequest, Dialect, RequestError};
use crate::server::Gateway;
use crate::shard::ShardQueue;
use crate::socket::Socket;

/// A connection reads into no more than this at once.
const READ_BUFFER: usize = 1024;
/// How long a leaving connection may take for its last bytes.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes of a history sent before waiting until they are on their way.
pub(crate) const HISTORY_PIECE: usize = 64 * 1024;

/// An upgraded connection and what its handshake said.
pub(crate) struct Upgraded {
    pub(crate) stream: TcpStream,
    /// Bytes that came with the handshake.
    pub(crate) early: Vec<u8>,
    /// Everything after the path's prefix.
    pub(crate) parameters: String,
    pub(crate) headers: BrowserHeaders,
    pub(crate) address: IpAddr,
}

/// Serves a connection to its end.
pub(crate) async fn serve(gateway: Arc<Gateway>, upgraded: Upgraded) {
    let Upgraded {
        stream,
        early,
        parameters,
        headers,
        address,
    } = upgraded;
    let (dialect, request) = ConnectionRequest::parse(&parameters);
    // They hold the key, and memory for as long as the connection lasts.
    drop(parameters);
    let Dialect { client, generation } = dialect;
    let (id, shard) = gateway.hall.next_connection();
    let limit = gateway.config.limits.queued_bytes;
    let link = Arc::new(Link::new(id, generation, stream, limit));
    let request = request.and_then(|request| gateway.check(request, &headers));
    let visitor = match request {
        Ok(request) => Visitor {
            dev_id: request.dev_id,
            claim: request.claim(),
            uuid: request.uuid,
            user_agent: headers.user_agent.into(),
            address,
            origin: headers.origin.into(),
            language: headers.language.into(),
            client: request.client_name.into(),
            line: Arc::clone(&link) as Arc<_>,
        },
        Err(error) => {
            tracing::debug!(conn = id.0, code = error.code(), "handshake_refused");
            let text = error.to_string();
            link.send(event::fatal_error(error.code(), &text, generation));
            let end = End::Refused(frame::CLOSE_POLICY, text);
            leave(&gateway, &link, client, end).await;
            return;
        }
    };

    let queue = gateway.shard(shard);
    queue.open(Arc::clone(&link));
    let registered = Registered { queue, id };
    let greet = |authorization: &pipes::Authorization| {
        let key = authorization.key.as_ref().map_or("", |key| key.reveal());
        link.enqueue(event::greeting(
            authorization.user.is_some(),
            key,
            generation,
        ));
    };
    let end = match gateway.hall.connect(visitor, id, shard, greet).await {
        Ok(connection) => {
            let session = Session {
                gateway: &gateway,
                link: &link,
                connection,
            };
            session.run(early, client).await
        }
        Err(HallError::Limit { what, limit }) => {
            let text = format!("{what}: the limit of {limit} is reached");
            link.send(event::fatal_error(429, &text, generation));
            End::Refused(frame::CLOSE_POLICY, text)
        }
        Err(error) => {
            tracing::error!(conn = id.0, %error, "connect_failed");
            let text = "the server cannot check logins now".to_owned();
            End::Refused(frame::CLOSE_SERVER_ERROR, text)
        }
    };
    if let End::ClosedByServer(reason) = end {
        gateway.hall.counters().note_closed(reason);
    }
    drop(registered);
    leave(&gateway, &link, client, end).await;
}

/// A connection its shard knows of; forgotten however the session ends.
struct Registered<'a> {
    queue: &'a ShardQueue,
    id: ConnectionId,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.queue.gone(self.id);
    }
}

impl Gateway {
    /// Whether the door lets this request in, and as which tenant.
    fn check(
        &self,
        mut request: ConnectionRequest,
        headers: &BrowserHeaders,
    ) -> Result<ConnectionRequest, RequestError> {
        if !headers.may_connect(&self.config.allow_origins) {
            return Err(RequestError::ForbiddenOrigin);
        }
        let tenant = self.hall.tenants().for_browser(request.dev_id);
        request.dev_id = tenant.ok_or(RequestError::UnknownDevId(request.dev_id))?;
        Ok(request)
    }
}

/// How a connection came to its end.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The client sent a Close frame.
    ClosedByClient,
    /// The socket is gone.
    Gone,
    /// The client broke the protocol; the Close code says how.
    Violation(u16, String),
    /// The handshake was refused; the Close code says by whose doing.
    Refused(u16, String),
    /// The server wants it.
    ClosedByServer(CloseReason),
}

pub(crate) struct Session<'a> {
    pub(crate) gateway: &'a Arc<Gateway>,
    pub(crate) link: &'a Arc<Link>,
    pub(crate) connection: Arc<Connection>,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.gateway.hall.disconnect(&self.connection);
    }
}

impl Session<'_> {
    async fn run(&self, early: Vec<u8>, client: Client) -> End {
        let limits = &self.gateway.config.limits;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(limits.message_bytes))
            .max_frame_size(Some(limits.message_bytes));
        let socket = Socket::new(Arc::clone(self.link));
        let mut reader =
            WebSocketStream::from_partially_read(socket, early, Role::Server, Some(config)).await;
        loop {
            let incoming = match self.next(&mut reader).await {
                Next::Message(message) => message,
                Next::End(end) => return end,
            };
            // Many small commands come with one reading.
            task::consume_budget().await;
            if matches!(incoming, Message::Text(_) | Message::Binary(_)) {
                self.link.note_message();
            }
            match incoming {
                Message::Text(text) => self.carry_out(&text).await,
                // Binary is taken for text if it is text.
                Message::Binary(bytes) => {
                    if let Ok(text) = std::str::from_utf8(&bytes) {
                        self.carry_out(text).await;
                    }
                }
                Message::Close(close) => {
                    // The reply that waits inside the reader is dropped with it:
                    // an original client must get none, and nothing may follow it.
                    match client {
                        Client::Original => self.link.mute(),
                        Client::Modern => self.link.seal(Some(frame::close_reply(close))),
                    }
                    return End::ClosedByClient;
                }
                Message::Ping(_) => {
                    // The pong waits inside the reader.
                    let _ = reader.flush().await;
                }
                Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// The next message, finishing what waits for the socket in the meantime.
    async fn next(&self, reader: &mut WebSocketStream<Socket>) -> Next {
        poll_fn(|context| {
            self.link.register_reader(context);
            if let Some(reason) = self.link.closing() {
                return Poll::Ready(Next::End(End::ClosedByServer(reason)));
            }
            if let Poll::Ready(Err(_)) = self.link.poll_flush(context) {
                return Poll::Ready(Next::End(End::Gone));
            }
            Pin::new(&mut *reader)
                .poll_next(context)
                .map(|message| match message {
                    Some(Ok(message)) => Next::Message(message),
                    Some(Err(error)) => Next::End(self.read_error(error)),
                    None => Next::End(End::Gone),
                })
        })
        .await
    }

    fn read_error(&self, error: WebSocketError) -> End {
        let (code, text) = match error {
            WebSocketError::Capacity(CapacityError::MessageTooLong { max_size, .. }) => {
                let text = format!("a message may have at most {max_size} bytes");
                (frame::CLOSE_TOO_BIG, text)
            }
            WebSocketError::Utf8(_) => {
                let text = "text messages must be UTF-8".to_owned();
                (frame::CLOSE_NOT_UTF8, text)
            }
            WebSocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                return End::Gone;
            }
            WebSocketError::Protocol(error) => (frame::CLOSE_PROTOCOL, error.to_string()),
            _ => return End::Gone,
        };
        self.fail(&text, ErrorDetail::NoMessages);
        End::Violation(code, text)
    }

    async fn carry_out(&self, text: &str) {
        let command = match Command::parse(text) {
            Ok(command) => command,
            Err(error) => return self.fail(&error.text, error.detail),
        };
        match command {
            Command::Ignored => {}
            Command::Subscription { pipes, refused } => {
                for error in refused {
                    self.fail(&error.to_string(), ErrorDetail::NoMessages);
                }
                // Joins queue behind deliveries: a page that changes its list all the
                // time must not outrun them.
                self.meanwhile(self.gateway.room_in_shards()).await;
                self.subscribe(&pipes);
            }
            Command::Resume(pipes) => self.resume(pipes).await,
            Command::Publish {
                pipe,
                event,
                payload,
                anonymous,
            } => {
                let published = self.gateway.hall.publish_for(
                    &self.connection,
                    pipe.clone(),
                    event,
                    payload.into(),
                    anonymous,
                );
                match self.meanwhile(published).await {
                    Ok(report) => {
                        let generation = self.link.generation;
                        self.send(event::delivery_report(
                            &pipe,
                            payload,
                            report.receivers,
                            report.position,
                            generation,
                        ));
                    }
                    Err(error) => self.fail(&error.to_string(), ErrorDetail::NoMessages),
                }
            }
            Command::PipeLog { pipe, marker } => self.send_history(&pipe, marker).await,
            Command::PipeCount { pipe, marker } => match Family::of(&pipe).allows_count() {
                Ok(()) => {
                    let dev_id = self.connection.dev_id;
                    let count = self.gateway.hall.subscriber_count(dev_id, &pipe);
                    self.send(event::pipe_count(count, marker, self.link.generation));
                }
                Err(refusal) => self.fail(&refusal.to_string(), ErrorDetail::NoMessages),
            },
            Command::TrackPipeUsers { pipe, marker } => match Family::of(&pipe).allows_list() {
                Ok(()) => {
                    let dev_id = self.connection.dev_id;
                    let members = self.gateway.hall.subscribers(dev_id, &pipe);
                    let members = members
                        .iter()
                        .map(|member| (member.user, member.uuid.as_str()));
                    self.send(event::pipe_users(
                        &pipe,
                        members,
                        marker,
                        self.link.generation,
                    ));
                }
                Err(refusal) => self.fail(&refusal.to_string(), ErrorDetail::NoUser),
            },
            Command::UserData { user, marker } => {
                let dev_id = self.connection.dev_id;
                let hall = &self.gateway.hall;
                let data = hall.blocking(move |hall| hall.user_data(dev_id, user));
                match self.meanwhile(data).await {
                    Ok(data) => {
                        // An unknown user has an empty text (compatibility reference §4.9).
                        let text = data.as_deref().unwrap_or_default();
                        let generation = self.link.generation;
                        self.send(event::user_data(user.number(), text, marker, generation));
                    }
                    Err(error) => self.fail(&error.to_string(), ErrorDetail::NoUserData),
                }
            }
            Command::UserStatus { user } => {
                let dev_id = self.connection.dev_id;
                let hall = &self.gateway.hall;
                let seen = hall.blocking(move |hall| hall.seen(dev_id, user));
                match self.meanwhile(seen).await {
                    Ok(seen) => {
                        let away = seconds_away(seen, UnixTime::now());
                        let generation = self.link.generation;
                        self.send(event::user_status(user.number(), away, generation));
                    }
                    Err(error) => self.fail(&error.to_string(), ErrorDetail::NoMessages),
                }
            }
        }
    }

    fn subscribe(&self, pipes: &[PipeName]) {
        let refused = self.gateway.hall.subscribe(&self.connection, pipes);
        self.tell_refused(refused);
    }

    pub(crate) fn tell_refused(&self, refused: RefusedNames) {
        let mut limit_told = false;
        for (pipe, error) in refused {
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
            let frame = |stored| event::history_entry(stored, marker, self.link.generation);
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
        let history = self
            .gateway
            .hall
            .history_for(&self.connection, pipe, window);
        match self.meanwhile(history).await {
            Ok(history) => history,
            Err(error) => {
                self.fail(&error.to_string(), ErrorDetail::NoMessages);
                Vec::new()
            }
        }
    }

    /// Sends a frame and waits until it has gone to the kernel. Gives whether it has.
    pub(crate) async fn send_through(&self, frame: Bytes) -> bool {
        let (handed_over, mut on_its_way) = oneshot::channel();
        let receipt = Box::new(move || {
            let _ = handed_over.send(());
        });
        self.link.send_with_receipt(frame, receipt);
        poll_fn(|context| {
            self.link.register_reader(context);
            if self.link.closing().is_some() {
                return Poll::Ready(false);
            }
            if let Poll::Ready(Err(_)) = self.link.poll_flush(context) {
                return Poll::Ready(false);
            }
            Pin::new(&mut on_its_way)
                .poll(context)
                .map(|arrived| arrived.is_ok())
        })
        .await
    }

    /// Waits for `work` and goes on sending what waits for the socket, so that a
    /// store that takes its time makes no slow reader of anybody.
    pub(crate) async fn meanwhile<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            self.link.register_reader(context);
            // A broken socket is for the next reading to find.
            let _ = self.link.poll_flush(context);
            work.as_mut().poll(context)
        })
        .await
    }

    pub(crate) fn send(&self, frame: Bytes) {
        // Whatever becomes of it shows at the next reading.
        self.link.send(frame);
    }

    pub(crate) fn fail(&self, text: &str, detail: ErrorDetail) {
        self.send(event::error(text, detail, self.link.generation));
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

enum Next {
    Message(Message),
    End(End),
}

/// Ends a connection the way its client can bear.
async fn leave(gateway: &Gateway, link: &Link, client: Client, end: End) {
    let ConnectionId(number) = link.id;
    tracing::debug!(conn = number, ?end, "connection_closed");
    link.seal(farewell(client, &end));
    if client == Client::Original && end == End::ClosedByClient && link.generation == Generation::V3
    {
        time::sleep(gateway.config.limits.restart_delay).await;
    }
    let hopeless = matches!(
        end,
        End::Gone
            | End::ClosedByServer(CloseReason::SlowReader)
            | End::ClosedByServer(CloseReason::Silent)
    );
    if !hopeless {
        // Unread bytes at the moment of closing would make the kernel throw away
        // what the client has not read yet.
        let _ = time::timeout(LINGER, linger(link)).await;
    }
    link.mute();
    // The shard may hold the socket a little longer.
    let _ = SockRef::from(link.stream()).shutdown(Shutdown::Both);
}

/// The last frame, for a client that may get one.
fn farewell(client: Client, end: &End) -> Option<Bytes> {
    let close = match end {
        _ if client == Client::Original => return None,
        // It has its reply.
        End::ClosedByClient | End::Gone => return None,
        End::Violation(code, text) | End::Refused(code, text) => frame::close(*code, text),
        End::ClosedByServer(CloseReason::Shutdown) => {
            frame::close(frame::CLOSE_GOING_AWAY, CloseReason::Shutdown.as_str())
        }
        End::ClosedByServer(reason) => frame::close(frame::CLOSE_POLICY, reason.as_str()),
    };
    Some(close)
}

/// Sends what waits and the end of the stream, then reads to the client's end.
async fn linger(link: &Link) -> std::io::Result<()> {
    poll_fn(|context| link.poll_flush(context)).await?;
    SockRef::from(link.stream()).shutdown(Shutdown::Write)?;
    let mut discarded = [0; 1024];
    loop {
        link.stream().readable().await?;
        match link.stream().try_read(&mut discarded) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
