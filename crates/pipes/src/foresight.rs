//! What would come of a change if it were carried out now: who would receive a
//! message, what would be kept of it, which rule would refuse it. Nothing
//! happens. The rules themselves are asked where [`Hall::apply`] asks them.

use crate::apply::Change;
use crate::error::HallError;
use crate::hall::Hall;
use crate::name::DevId;
use crate::pattern::PipePattern;

/// What would come of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foresight {
    /// Connections it would be handed to, on this node.
    pub receivers: u64,
    /// How many messages its history, or its user's mailbox, keeps; 0 for none.
    pub kept: u32,
    /// The row of `pipes_settings` that comes first for the pipe, if there is one.
    pub row: Option<PipePattern>,
    /// Why it would be refused, if it would.
    pub refusal: Option<HallError>,
}

impl Hall {
    /// What would come of `change` if a backend asked for it alone and now.
    pub fn foresee(&self, dev_id: DevId, change: &Change) -> Foresight {
        let (receivers, kept) = match change {
            Change::Publish { pipe, .. } => {
                let kept = self.history_length(dev_id, pipe);
                (self.subscriber_count(dev_id, pipe), kept)
            }
            Change::SendPrivate {
                user: Some(user), ..
            } => {
                let kept = self.limits().mailbox_length;
                (self.connection_count(dev_id, *user), kept)
            }
            _ => (0, 0),
        };
        let refusal = self.check(dev_id, std::slice::from_ref(change)).err();
        let receivers = match refusal {
            Some(_) => 0,
            None => receivers as u64,
        };
        let row = match change {
            Change::Publish { pipe, .. } => self.pipe_rules(dev_id, pipe).row,
            _ => None,
        };
        Foresight {
            receivers,
            kept,
            row,
            refusal,
        }
    }
}
