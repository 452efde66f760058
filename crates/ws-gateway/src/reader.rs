//! Incoming WebSocket frames (RFC 6455 §5): bytes in, messages and control frames
//! out. It owns no buffer: what lies whole in the caller's bytes is unmasked there
//! and lent out, and only an incomplete frame or message is kept. Knows nothing of
//! sockets, and nothing of what the messages mean.

use thiserror::Error;

use crate::frame;

/// Reads what one client sends.
#[derive(Debug)]
pub struct FrameReader {
    /// Longest message, in bytes, and so the longest frame.
    limit: usize,
    kept: Option<Box<Kept>>,
}

/// What has to wait for more bytes.
#[derive(Debug, Default)]
struct Kept {
    /// The beginning of a frame, as it came.
    frame: Vec<u8>,
    /// The fragments of a message so far, if one has begun.
    message: Option<Fragments>,
    /// What was lent out last; its memory goes with the next call.
    lent: Vec<u8>,
}

#[derive(Debug)]
struct Fragments {
    is_text: bool,
    payload: Vec<u8>,
    /// How much of it is known to be UTF-8.
    checked: usize,
}

/// One thing a client has said, whole.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A Ping, to be answered by a Pong with the same bytes.
    Ping(&'a [u8]),
    /// A Pong, asked for or not.
    Pong(&'a [u8]),
    /// The client closes. The code is none if it sent none.
    Close(Option<u16>),
}

/// How a client broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// A bit or an opcode that has no meaning here.
    #[error("reserved bits must be 0; no extension is agreed on")]
    ReservedBits,
    /// See above.
    #[error("opcode {0} is reserved")]
    UnknownOpcode(u8),
    /// RFC 6455 §5.1: a client must mask.
    #[error("frames of a client must be masked")]
    NotMasked,
    /// RFC 6455 §5.5.
    #[error("a control frame must not be fragmented and has at most 125 bytes")]
    BadControlFrame,
    /// A continuation frame outside a message.
    #[error("nothing is to be continued")]
    NothingToContinue,
    /// A new message inside one that has not ended.
    #[error("a message begins before the last one has ended")]
    MessageInMessage,
    /// RFC 6455 §5.5.1: a code has two bytes.
    #[error("a Close frame has no body or a code of two bytes and a reason")]
    BadClose,
    /// RFC 6455 §8.1.
    #[error("text messages must be UTF-8")]
    NotUtf8,
    /// Longer than this reader takes.
    #[error("a message may have at most {0} bytes")]
    TooLong(usize),
}

impl Violation {
    /// The code of the Close frame it earns (RFC 6455 §7.4.1).
    pub const fn close_code(&self) -> u16 {
        match self {
            Self::NotUtf8 => frame::CLOSE_NOT_UTF8,
            Self::TooLong(_) => frame::CLOSE_TOO_BIG,
            _ => frame::CLOSE_PROTOCOL,
        }
    }
}

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// Longest payload of a control frame (RFC 6455 §5.5).
const MAX_CONTROL: usize = 125;

/// The head of a frame.
#[derive(Debug, Clone, Copy)]
struct Head {
    is_final: bool,
    opcode: u8,
    /// Bytes of the head itself.
    length: usize,
    payload: usize,
    mask: [u8; 4],
}

impl FrameReader {
    /// A reader that takes messages of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: None }
    }

    /// The next message or control frame, lent from the front of `input` or from
    /// what was kept. `input` shrinks by what was read; `None` when all of it was
    /// and more is needed.
    ///
    /// # Errors
    /// [`Violation`]; nothing more is to be read then.
    pub fn next<'a, 'input: 'a>(
        &'a mut self,
        input: &mut &'input mut [u8],
    ) -> Result<Option<Incoming<'a>>, Violation> {
        let limit = self.limit;
        self.tidy();
        loop {
            let incomplete = self
                .kept
                .as_ref()
                .is_some_and(|kept| !kept.frame.is_empty());
            let (head, payload) = if incomplete {
                let kept = self.kept.get_or_insert_default();
                let Some(head) = kept.complete(input, limit)? else {
                    return Ok(None);
                };
                // Lent from the reader itself, so that it outlives this round.
                kept.lent = std::mem::take(&mut kept.frame);
                (head, None)
            } else {
                let Some(head) = Head::parse(input, limit)? else {
                    self.keep(input);
                    return Ok(None);
                };
                let whole = head.length.saturating_add(head.payload);
                if input.len() < whole {
                    self.keep(input);
                    return Ok(None);
                }
                let (taken, rest) = std::mem::take(input).split_at_mut(whole);
                *input = rest;
                (head, taken.get_mut(head.length..))
            };
            let fragments = self
                .kept
                .as_ref()
                .is_some_and(|kept| kept.message.is_some());
            head.check_order(fragments)?;
            let whole_message = head.opcode >= CLOSE || (head.is_final && !fragments);
            if whole_message {
                let payload = match payload {
                    Some(payload) => payload,
                    None => self.lent(head.length),
                };
                unmask(payload, head.mask);
                return head.incoming(payload).map(Some);
            }
            let kept = self.kept.get_or_insert_default();
            match payload {
                Some(payload) => kept.append(head, payload, limit)?,
                None => {
                    let mut lent = std::mem::take(&mut kept.lent);
                    let payload = lent.get_mut(head.length..).unwrap_or_default();
                    kept.append(head, payload, limit)?;
                }
            }
            if head.is_final {
                return self.finished().map(Some);
            }
        }
    }

    fn lent(&mut self, from: usize) -> &mut [u8] {
        self.kept
            .as_mut()
            .and_then(|kept| kept.lent.get_mut(from..))
            .unwrap_or_default()
    }

    /// The message whose last fragment has come.
    fn finished(&mut self) -> Result<Incoming<'_>, Violation> {
        let kept = self.kept.get_or_insert_default();
        let Some(message) = kept.message.take() else {
            return Err(Violation::NothingToContinue);
        };
        kept.lent = message.payload;
        data(message.is_text, &kept.lent)
    }

    fn keep(&mut self, input: &mut &mut [u8]) {
        if !input.is_empty() {
            let kept = self.kept.get_or_insert_default();
            kept.frame.extend_from_slice(input);
            *input = &mut [];
        }
    }

    /// Gives back memory that is not needed any more.
    fn tidy(&mut self) {
        if let Some(kept) = &mut self.kept {
            kept.lent = Vec::new();
            if kept.frame.is_empty() && kept.message.is_none() {
                self.kept = None;
            }
        }
    }
}

impl Kept {
    /// Takes from `input` what the frame begun still needs. Gives its head once it
    /// is whole.
    fn complete(&mut self, input: &mut &mut [u8], limit: usize) -> Result<Option<Head>, Violation> {
        loop {
            let head = Head::parse(&self.frame, limit)?;
            let wanted = match head {
                Some(head) => {
                    let whole = head.length.saturating_add(head.payload);
                    match whole.saturating_sub(self.frame.len()) {
                        0 => return Ok(Some(head)),
                        missing => missing,
                    }
                }
                // Byte by byte, or the head might take of the next frame.
                None => 1,
            };
            let taken = wanted.min(input.len());
            if taken == 0 {
                return Ok(None);
            }
            let (more, rest) = std::mem::take(input).split_at_mut(taken);
            self.frame.extend_from_slice(more);
            *input = rest;
        }
    }

    /// Adds a frame's payload, still masked, to the message it belongs to.
    fn append(&mut self, head: Head, payload: &mut [u8], limit: usize) -> Result<(), Violation> {
        let message = self.message.get_or_insert_with(|| Fragments {
            is_text: head.opcode == TEXT,
            payload: Vec::new(),
            checked: 0,
        });
        if message.payload.len().saturating_add(payload.len()) > limit {
            return Err(Violation::TooLong(limit));
        }
        unmask(payload, head.mask);
        message.payload.extend_from_slice(payload);
        message.check()
    }
}

impl Fragments {
    /// Whether the message can still become text; a cut character may be completed.
    fn check(&mut self) -> Result<(), Violation> {
        if !self.is_text {
            return Ok(());
        }
        let unchecked = self.payload.get(self.checked..).unwrap_or_default();
        match std::str::from_utf8(unchecked) {
            Ok(text) => self.checked += text.len(),
            Err(error) if error.error_len().is_none() => self.checked += error.valid_up_to(),
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
    }
}

impl Head {
    /// Reads a head from the front of `bytes`; `None` while some of it is missing.
    fn parse(bytes: &[u8], limit: usize) -> Result<Option<Self>, Violation> {
        let Some((first, second)) = bytes.first().zip(bytes.get(1)) else {
            return Ok(None);
        };
        if first & 0x70 != 0 {
            return Err(Violation::ReservedBits);
        }
        let (is_final, opcode) = (first & 0x80 != 0, first & 0x0f);
        if !matches!(opcode, CONTINUATION..=BINARY | CLOSE..=PONG) {
            return Err(Violation::UnknownOpcode(opcode));
        }
        if second & 0x80 == 0 {
            return Err(Violation::NotMasked);
        }
        let short = usize::from(second & 0x7f);
        if opcode >= CLOSE && (!is_final || short > MAX_CONTROL) {
            return Err(Violation::BadControlFrame);
        }
        let (at, payload) = match short {
            126 => (4, big_endian(bytes.get(2..4))),
            127 => (10, big_endian(bytes.get(2..10))),
            short => (2, Some(short as u64)),
        };
        let Some(payload) = payload else {
            return Ok(None);
        };
        let payload = usize::try_from(payload).unwrap_or(usize::MAX);
        if payload > limit && opcode < CLOSE {
            return Err(Violation::TooLong(limit));
        }
        let mask = bytes.get(at..at + 4).and_then(|mask| mask.try_into().ok());
        Ok(mask.map(|mask| Self {
            is_final,
            opcode,
            length: at + 4,
            payload,
            mask,
        }))
    }

    /// Whether the frame may come now.
    fn check_order(&self, inside_a_message: bool) -> Result<(), Violation> {
        match (self.opcode, inside_a_message) {
            (CONTINUATION, false) => Err(Violation::NothingToContinue),
            (TEXT | BINARY, true) => Err(Violation::MessageInMessage),
            _ => Ok(()),
        }
    }

    fn incoming<'a>(&self, payload: &'a [u8]) -> Result<Incoming<'a>, Violation> {
        match self.opcode {
            PING => Ok(Incoming::Ping(payload)),
            PONG => Ok(Incoming::Pong(payload)),
            CLOSE => match payload {
                [] => Ok(Incoming::Close(None)),
                [high, low, reason @ ..] => match std::str::from_utf8(reason) {
                    Ok(_) => Ok(Incoming::Close(Some(u16::from_be_bytes([*high, *low])))),
                    Err(_) => Err(Violation::NotUtf8),
                },
                _ => Err(Violation::BadClose),
            },
            opcode => data(opcode == TEXT, payload),
        }
    }
}

fn data(is_text: bool, payload: &[u8]) -> Result<Incoming<'_>, Violation> {
    match is_text.then(|| std::str::from_utf8(payload)) {
        None => Ok(Incoming::Binary(payload)),
        Some(Ok(text)) => Ok(Incoming::Text(text)),
        Some(Err(_)) => Err(Violation::NotUtf8),
    }
}

fn big_endian(bytes: Option<&[u8]>) -> Option<u64> {
    Some(
        bytes?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

/// RFC 6455 §5.3, eight bytes at a time.
fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = payload.chunks_exact_mut(8);
    for chunk in &mut chunks {
        if let Ok(bytes) = <[u8; 8]>::try_from(&*chunk) {
            chunk.copy_from_slice(&(u64::from_ne_bytes(bytes) ^ wide).to_ne_bytes());
        }
    }
    for (byte, mask) in chunks
        .into_remainder()
        .iter_mut()
        .zip([a, b, c, d, a, b, c])
    {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests;
