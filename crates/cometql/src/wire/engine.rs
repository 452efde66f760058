//! opensrv-mysql as the codec of the command phase: it dispatches statements,
//! decodes parameters and encodes rows, and never sees the socket. It reads
//! from [`Inbound`], which holds exactly one clean packet at a time, and writes
//! to [`Outbound`], where every packet passes whole into the guard's
//! [`Reply`]: packets we write better ourselves (OK, ERR, column definitions)
//! are dropped there, and rows are let through.
//!
//! One packet at a time is also what makes opensrv 0.7 safe: with two in one
//! read it parses the first from freed memory.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use opensrv_mysql::{AsyncMysqlIntermediary, IntermediaryOptions};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use crate::answer::Parameter;
use crate::backend::Session;

use super::greeting::capability;
use super::packet::MAX_PART;
use super::shim::Shim;
use super::state::State;

/// What the guard, the halves and the shim share. One task uses it, so the lock
/// is never waited for.
pub(super) struct Exchange<S> {
    /// The guard's, while opensrv works on a packet.
    pub(super) state: State<S>,
    /// What the packet is about.
    pub(super) errand: Errand,
    /// Packets of opensrv to drop before any is let through.
    pub(super) skip: usize,
    input: Input,
    /// opensrv waits for a packet: the last one is dealt with.
    idle: bool,
    /// opensrv waits for room in the reply.
    full: bool,
    /// The last part let through was as long as a part can be.
    unfinished: bool,
    /// Bytes of reply after which opensrv waits.
    reply_bound: usize,
}

/// What a packet handed to opensrv is about, where the packet does not say it.
#[derive(Debug, Default)]
pub(super) enum Errand {
    /// The packet says it all.
    #[default]
    None,
    /// A client's statement is prepared; the shim leaves the parameter count.
    Prepare { id: u32, parameters: Option<u16> },
    /// A statement is learnt again that was prepared before.
    Learn { id: u32, parameters: u16 },
    /// The prepared statement of this text is executed with these parameters.
    Execute(Arc<str>, Vec<Parameter>),
}

impl<S: Session> Exchange<S> {
    fn new(reply_bound: usize) -> Self {
        Self {
            state: State::default(),
            errand: Errand::None,
            skip: 0,
            input: Input::default(),
            idle: false,
            full: false,
            unfinished: false,
            reply_bound,
        }
    }

    /// A row was written. One that filled its last part exactly needs an empty
    /// part to end it, which opensrv leaves out.
    pub(super) fn row_written(&mut self) {
        if std::mem::take(&mut self.unfinished) {
            self.state.reply.part(&[]);
        }
    }

    fn outgoing(&mut self, part: &[u8]) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let continues = self.unfinished;
        self.unfinished = part.len() == MAX_PART;
        // Only an EOF is this short and begins so; opensrv leaves its flags out.
        if !continues && matches!(part, [0xFE, _, _, _, _]) {
            let status = self.state.status();
            self.state.reply.eof(status);
        } else {
            self.state.reply.part(part);
        }
    }
}

/// A running opensrv.
pub(super) struct Engine<S> {
    future: Pin<Box<dyn Future<Output = io::Result<()>> + Send>>,
    exchange: Arc<Mutex<Exchange<S>>>,
}

/// How far opensrv has come.
#[derive(Debug)]
pub(super) enum Step {
    /// The packet is dealt with.
    Done,
    /// The reply has no room, or has waited long enough; write it and go on.
    Full,
    /// opensrv ended, which it only does when something is wrong.
    Ended(io::Result<()>),
}

impl<S: Session> Engine<S> {
    /// Starts opensrv behind a login of our own making, and teaches it the
    /// statements in `prepared`. It waits whenever a reply has `reply_bound` bytes.
    pub(super) async fn start(reply_bound: usize, prepared: Vec<(u32, u16)>) -> io::Result<Self> {
        let exchange = Arc::new(Mutex::new(Exchange::new(reply_bound)));
        let shim = Shim::new(Arc::clone(&exchange));
        let inbound = Inbound(Arc::clone(&exchange));
        let outbound = Outbound(Arc::clone(&exchange));
        let mut engine = Self {
            future: Box::pin(async move {
                let options = IntermediaryOptions {
                    process_use_statement_on_query: true,
                    reject_connection_on_dbname_absence: false,
                };
                AsyncMysqlIntermediary::run_with_options(shim, inbound, outbound, &options).await
            }),
            exchange,
        };
        engine.exchange.lock().skip = GREETING_AND_OK;
        engine.feed(&[], login(), Errand::None);
        engine.finish().await?;
        for (id, parameters) in prepared {
            let errand = Errand::Learn { id, parameters };
            engine.feed(&[COM_STMT_PREPARE], Bytes::new(), errand);
            engine.finish().await?;
        }
        Ok(engine)
    }

    /// Hands opensrv a packet. The answer comes out of [`step`](Self::step).
    pub(super) fn feed(&self, head: &[u8], body: Bytes, errand: Errand) {
        let mut exchange = self.exchange.lock();
        exchange.errand = errand;
        exchange.idle = false;
        exchange.input = Input::new(head, body);
    }

    /// What is left of the errand after the packet is dealt with.
    pub(super) fn errand(&self) -> Errand {
        std::mem::take(&mut self.exchange.lock().errand)
    }

    /// Lets opensrv work with `state` until it is done with the packet, the reply is
    /// full, or `patience` has passed. Dropped before that it keeps the session.
    pub(super) async fn step(&mut self, state: &mut State<S>, patience: Option<Duration>) -> Step {
        self.swap(state);
        let work = std::future::poll_fn(|context| {
            self.exchange.lock().full = false;
            if let Poll::Ready(ended) = self.future.as_mut().poll(context) {
                return Poll::Ready(Step::Ended(ended));
            }
            let exchange = self.exchange.lock();
            if exchange.full {
                Poll::Ready(Step::Full)
            } else if exchange.idle && exchange.input.is_empty() {
                Poll::Ready(Step::Done)
            } else {
                Poll::Pending
            }
        });
        let step = match patience {
            Some(patience) => timeout(patience, work).await.unwrap_or(Step::Full),
            None => work.await,
        };
        self.swap(state);
        step
    }

    fn swap(&self, state: &mut State<S>) {
        std::mem::swap(&mut self.exchange.lock().state, state);
    }

    /// Steps through a packet whose answer is dropped.
    async fn finish(&mut self) -> io::Result<()> {
        match self.step(&mut State::default(), None).await {
            Step::Done => Ok(()),
            Step::Full => Err(io::Error::other("an answer where none was expected")),
            Step::Ended(ended) => {
                ended?;
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
    }
}

/// One packet on its way to opensrv, framed again.
#[derive(Debug, Default)]
struct Input {
    /// The header of the current part, and the head of the payload behind it.
    head: Vec<u8>,
    head_read: usize,
    body: Bytes,
    /// Bytes of the body that belong to the current part.
    in_part: usize,
    sequence: u8,
    /// Another part must follow, be it an empty one.
    more: bool,
}

impl Input {
    fn new(head: &[u8], body: Bytes) -> Self {
        let mut input = Self {
            body,
            ..Self::default()
        };
        input.begin_part(head);
        input
    }

    fn begin_part(&mut self, head: &[u8]) {
        let length = MAX_PART.min(head.len() + self.body.len());
        let [a, b, c, _] = (length as u32).to_le_bytes();
        self.head.clear();
        self.head.extend_from_slice(&[a, b, c, self.sequence]);
        self.head.extend_from_slice(head);
        self.head_read = 0;
        self.in_part = length - head.len();
        self.sequence = self.sequence.wrapping_add(1);
        self.more = length == MAX_PART;
    }

    fn is_empty(&self) -> bool {
        self.head_read == self.head.len() && self.in_part == 0 && !self.more
    }

    fn read(&mut self, buffer: &mut ReadBuf<'_>) {
        while buffer.remaining() > 0 && !self.is_empty() {
            let head = self.head.get(self.head_read..).unwrap_or_default();
            if !head.is_empty() {
                let length = head.len().min(buffer.remaining());
                buffer.put_slice(head.get(..length).unwrap_or_default());
                self.head_read += length;
            } else if self.in_part > 0 {
                let length = self.in_part.min(buffer.remaining());
                buffer.put_slice(&self.body.split_to(length));
                self.in_part -= length;
            } else {
                self.begin_part(&[]);
            }
        }
        if self.is_empty() {
            self.body = Bytes::new();
        }
    }
}

/// opensrv's reading half.
pub(super) struct Inbound<S>(Arc<Mutex<Exchange<S>>>);

impl<S> AsyncRead for Inbound<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut exchange = self.0.lock();
        if exchange.input.is_empty() {
            // No waker: the guard polls again when it has fed a packet.
            exchange.idle = true;
            return Poll::Pending;
        }
        exchange.input.read(buffer);
        Poll::Ready(Ok(()))
    }
}

/// opensrv's writing half.
pub(super) struct Outbound<S>(Arc<Mutex<Exchange<S>>>);

impl<S: Session> AsyncWrite for Outbound<S> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::Error::other("opensrv wrote less than a packet")))
    }

    /// opensrv writes each part of a packet as a header and a payload.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let [header, payload] = slices else {
            return Poll::Ready(Err(io::Error::other("opensrv wrote less than a packet")));
        };
        let mut exchange = self.0.lock();
        if exchange.skip == 0 && exchange.state.reply.len() >= exchange.reply_bound {
            // No waker: the guard polls again when it has written the reply.
            exchange.full = true;
            return Poll::Pending;
        }
        exchange.outgoing(payload);
        Poll::Ready(Ok(header.len() + payload.len()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The login that opensrv is shown: no database, and the shim takes any proof.
fn login() -> Bytes {
    let capabilities =
        capability::PROTOCOL_41 | capability::SECURE_CONNECTION | capability::PLUGIN_AUTH;
    let mut payload = capabilities.to_le_bytes().to_vec();
    payload.extend_from_slice(&[0; 28]);
    payload.extend_from_slice(b"\0\x01x");
    payload.extend_from_slice(b"mysql_native_password\0");
    payload.into()
}

pub(super) const COM_STMT_PREPARE: u8 = 0x16;

/// What opensrv says at its start.
const GREETING_AND_OK: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drained(mut input: Input, room: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !input.is_empty() {
            let mut buffer = vec![0; room];
            let mut read = ReadBuf::new(&mut buffer);
            input.read(&mut read);
            bytes.extend_from_slice(read.filled());
        }
        bytes
    }

    #[test]
    fn a_body_that_fills_its_part_is_followed_by_an_empty_part() {
        let input = Input::new(&[3], Bytes::from(vec![b'x'; MAX_PART - 1]));
        let bytes = drained(input, 1 << 20);
        assert_eq!(&bytes[..5], [255, 255, 255, 0, 3]);
        assert_eq!(bytes.len(), 4 + MAX_PART + 4);
        assert_eq!(&bytes[bytes.len() - 4..], [0, 0, 0, 1]);
    }

    proptest! {
        #[test]
        fn a_packet_is_framed_the_same_however_it_is_read(
            body: Vec<u8>,
            room in 1usize..64,
        ) {
            let bytes = drained(Input::new(&[3, 32], Bytes::from(body.clone())), room);
            prop_assert_eq!(&bytes[..6], [body.len() as u8 + 2, 0, 0, 0, 3, 32]);
            prop_assert_eq!(&bytes[6..], &body[..]);
        }
    }
}
