//! The text every benchmark message carries: who sent it, its number, and when.
//!
//! `pipebench:PPPP.SSSSSSSSSSSS.TTTTTTTTTTTTTTTT.xxxx…`: publisher, sequence number and clock
//! nanoseconds in fixed-width hexadecimal, then padding. No character of it is special to SQL, to
//! JSON or to the comet envelope, so it travels unchanged and is found by its first bytes.

use std::io::Write;

use memchr::memmem;

const MARK: &[u8] = b"pipebench:";
const PUBLISHER: usize = MARK.len();
const SEQUENCE: usize = PUBLISHER + 4 + 1;
const SENT_AT: usize = SEQUENCE + 12 + 1;

/// Bytes of a payload without padding: the smallest message size.
pub(crate) const HEAD: usize = SENT_AT + 16 + 1;

/// Publishers of one pipe, bounded by the width of their field.
pub(crate) const PUBLISHER_LIMIT: usize = 1 << 16;

/// What a benchmark message says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Index of the publisher within the run (chat: of the member within the room).
    pub(crate) publisher: u16,
    /// Counts this publisher's messages on this pipe, from 0; below 2^48.
    pub(crate) sequence: u64,
    /// Clock nanoseconds at which it was sent or, behind schedule, due.
    pub(crate) sent_at: u64,
}

impl Stamp {
    /// Appends a payload of `size` bytes ([`HEAD`] if smaller).
    pub(crate) fn write(&self, size: usize, out: &mut Vec<u8>) {
        let padded = out.len() + size.max(HEAD);
        // Writing into a Vec cannot fail.
        let _ = write!(
            out,
            "pipebench:{:04x}.{:012x}.{:016x}.",
            self.publisher, self.sequence, self.sent_at
        );
        out.resize(padded, b'x');
    }
}

/// Finds stamps in message texts, remembering where the last one was: the envelope of one run
/// hardly changes, so the search is one comparison.
#[derive(Debug)]
pub(crate) struct Finder {
    search: memmem::Finder<'static>,
    hint: usize,
}

impl Finder {
    /// A finder that knows nothing of the envelope yet.
    pub(crate) fn new() -> Self {
        Self {
            search: memmem::Finder::new(MARK),
            hint: 0,
        }
    }

    /// The stamp in `text`, if it is a benchmark message.
    pub(crate) fn find(&mut self, text: &[u8]) -> Option<Stamp> {
        let hinted = text.get(self.hint..).filter(|at| at.starts_with(MARK));
        let at = match hinted {
            Some(at) => at,
            None => {
                self.hint = self.search.find(text)?;
                text.get(self.hint..)?
            }
        };
        Some(Stamp {
            publisher: u16::try_from(hexadecimal(at.get(PUBLISHER..PUBLISHER + 4)?)?).ok()?,
            sequence: hexadecimal(at.get(SEQUENCE..SEQUENCE + 12)?)?,
            sent_at: hexadecimal(at.get(SENT_AT..SENT_AT + 16)?)?,
        })
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    let mut value = 0;
    for digit in digits {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u64::from(digit);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stamp_is_read_back_from_any_envelope(
            publisher: u16, sequence in 0u64..1 << 48, sent_at: u64,
            size in 0usize..400, before in "[a-z{\":]{0,40}", after in "[\",}a-z]{0,40}",
        ) {
            let stamp = Stamp { publisher, sequence, sent_at };
            let mut text = before.into_bytes();
            let start = text.len();
            stamp.write(size, &mut text);
            prop_assert_eq!(text.len() - start, size.max(HEAD));
            text.extend_from_slice(after.as_bytes());
            let mut finder = Finder::new();
            prop_assert_eq!(finder.find(&text), Some(stamp));
            prop_assert_eq!(finder.find(&text), Some(stamp));
        }

        #[test]
        fn any_text_is_searched_without_panic(text: Vec<u8>) {
            let mut finder = Finder::new();
            finder.find(&text);
            let mut cut = b"pipebench:0001.".to_vec();
            cut.extend_from_slice(&text);
            finder.find(&cut);
        }
    }

    #[test]
    fn an_envelope_that_changes_is_followed() {
        let stamp = Stamp {
            publisher: 3,
            sequence: 7,
            sent_at: 9,
        };
        let mut finder = Finder::new();
        for prefix in ["", "{\"data\":\"", "{\"event\":\"e\",\"data\":\"", "{"] {
            let mut text = prefix.as_bytes().to_vec();
            stamp.write(60, &mut text);
            assert_eq!(finder.find(&text), Some(stamp), "after {prefix:?}");
        }
        assert_eq!(finder.find(b"{\"data\":\"hello\"}"), None);
    }
}
