//! Did every message arrive, once, in order? One [`Stream`] per connection and publisher answers.

use std::collections::BTreeSet;

/// Missing numbers remembered per stream, to tell a late message from a duplicate. A gap wider
/// than this still counts as lost; what arrives late out of its rest counts as duplicated.
const MISSING_LIMIT: usize = 1024;

/// Broken promises, counted. All zero is the only good result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Sent and acknowledged, never received.
    pub(crate) lost: u64,
    /// Received again.
    pub(crate) duplicated: u64,
    /// Received after a later one of the same publisher.
    pub(crate) out_of_order: u64,
}

/// What one connection has received of one publisher, whose numbers count from 0.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    next: u64,
    skipped: u64,
    missing: BTreeSet<u64>,
}

impl Stream {
    /// Notes the arrival of message `sequence`.
    pub(crate) fn arrived(&mut self, sequence: u64, faults: &mut Faults) {
        if sequence == self.next {
            self.next += 1;
        } else if sequence > self.next {
            self.open_gap(sequence);
        } else if self.missing.remove(&sequence) {
            faults.out_of_order += 1;
        } else {
            faults.duplicated += 1;
        }
    }

    /// Messages that are missing when the publisher has sent `sent` of them.
    pub(crate) fn lost(&self, sent: u64) -> u64 {
        let missing = self.missing.len() as u64;
        sent.saturating_sub(self.next) + missing + self.skipped
    }

    fn open_gap(&mut self, sequence: u64) {
        let room = MISSING_LIMIT.saturating_sub(self.missing.len()) as u64;
        let tracked = self.next.saturating_add(room).min(sequence);
        self.missing.extend(self.next..tracked);
        self.skipped += sequence - tracked;
        self.next = sequence + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(numbers: &[u64], sent: u64) -> Faults {
        let mut stream = Stream::default();
        let mut faults = Faults::default();
        for &number in numbers {
            stream.arrived(number, &mut faults);
        }
        faults.lost = stream.lost(sent);
        faults
    }

    #[test]
    fn a_complete_stream_has_no_faults() {
        assert!(receive(&[0, 1, 2, 3], 4) == Faults::default());
        assert!(receive(&[], 0) == Faults::default());
    }

    #[test]
    fn what_never_arrives_is_lost_at_the_start_in_the_middle_and_at_the_end() {
        assert_eq!(receive(&[1, 2, 4], 7).lost, 4);
        assert_eq!(receive(&[], 3).lost, 3);
    }

    #[test]
    fn a_late_message_is_out_of_order_and_not_lost() {
        let faults = receive(&[0, 2, 1, 3], 4);
        assert_eq!(
            faults,
            Faults {
                out_of_order: 1,
                ..Faults::default()
            }
        );
    }

    #[test]
    fn a_repeated_message_is_a_duplicate_even_when_it_was_late() {
        assert_eq!(receive(&[0, 0, 1], 2).duplicated, 1);
        let faults = receive(&[1, 0, 0], 2);
        assert_eq!(
            faults,
            Faults {
                out_of_order: 1,
                duplicated: 1,
                lost: 0
            }
        );
    }

    #[test]
    fn a_gap_wider_than_the_memory_is_still_lost_entirely() {
        let far = MISSING_LIMIT as u64 * 3;
        assert_eq!(receive(&[far], far + 1).lost, far);
    }
}
