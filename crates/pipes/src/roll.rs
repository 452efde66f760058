//! Who is in a `track_` pipe as others are told of it: its connections, and those
//! who are away and may come back at once. Every change has a number, so that a
//! list and the changes after it fit together.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use crate::connection::Connection;
use crate::message::Member;
use crate::name::{UserId, Uuid};

/// The members of one pipe.
#[derive(Debug, Default)]
pub(crate) struct Roll {
    version: u64,
    entries: BTreeMap<u64, Entry>,
    /// The number of each subscriber that took another's place.
    taken: HashMap<u64, u64>,
    /// How many entries each user has.
    users: HashMap<UserId, u32>,
    /// Who is away, so that most who enter need not look at everybody.
    away: usize,
}

#[derive(Debug)]
struct Entry {
    user: Option<UserId>,
    uuid: Uuid,
    /// Until when it may come back, if it is away.
    away_until: Option<Instant>,
}

/// A change that others are told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RollChange {
    pub(crate) joined: bool,
    pub(crate) member: Member,
    /// The user's first entry, or its last.
    pub(crate) is_edge: bool,
    pub(crate) version: u64,
}

impl Roll {
    /// A subscriber has come; `None` if it is one who was away.
    pub(crate) fn enter(&mut self, sequence: u64, connection: &Connection) -> Option<RollChange> {
        self.admit(sequence, connection.user, &connection.uuid)
    }

    fn admit(&mut self, sequence: u64, user: Option<UserId>, uuid: &Uuid) -> Option<RollChange> {
        if self.away > 0 {
            let is_back = |entry: &Entry| {
                entry.away_until.is_some() && entry.user == user && entry.uuid == *uuid
            };
            let back = self.entries.iter_mut().find(|(_, entry)| is_back(entry));
            if let Some((member, entry)) = back {
                entry.away_until = None;
                self.away -= 1;
                self.taken.insert(sequence, *member);
                return None;
            }
        }
        let entry = Entry {
            user,
            uuid: uuid.clone(),
            away_until: None,
        };
        self.entries.insert(sequence, entry);
        let is_edge = match user {
            Some(user) => {
                let entries = self.users.entry(user).or_default();
                *entries += 1;
                *entries == 1
            }
            None => true,
        };
        self.version += 1;
        Some(RollChange {
            joined: true,
            member: Member {
                member: sequence,
                user,
                uuid: uuid.clone(),
            },
            is_edge,
            version: self.version,
        })
    }

    /// A subscriber has gone; `None` if it may come back, which `begin` decides.
    pub(crate) fn leave(
        &mut self,
        sequence: u64,
        begin: impl FnOnce(u64) -> Option<Instant>,
    ) -> Option<RollChange> {
        let member = self.taken.remove(&sequence).unwrap_or(sequence);
        let entry = self.entries.get_mut(&member)?;
        if let Some(until) = begin(member) {
            entry.away_until = Some(until);
            self.away += 1;
            return None;
        }
        self.strike(member)
    }

    /// The time of a member who is away since then is over.
    pub(crate) fn end_absence(&mut self, member: u64, until: Instant) -> Option<RollChange> {
        let entry = self.entries.get(&member)?;
        // It may have come back, and even gone again.
        if entry.away_until != Some(until) {
            return None;
        }
        self.away -= 1;
        self.strike(member)
    }

    fn strike(&mut self, member: u64) -> Option<RollChange> {
        let Entry { user, uuid, .. } = self.entries.remove(&member)?;
        let mut is_edge = true;
        if let Some(user) = user
            && let Some(entries) = self.users.get_mut(&user)
        {
            *entries -= 1;
            is_edge = *entries == 0;
            if is_edge {
                self.users.remove(&user);
            }
        }
        self.version += 1;
        Some(RollChange {
            joined: false,
            member: Member { member, user, uuid },
            is_edge,
            version: self.version,
        })
    }

    /// How many changes there have been.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Up to `limit` members, the newest first.
    pub(crate) fn members(&self, limit: usize) -> Vec<Member> {
        let newest = self.entries.iter().rev().take(limit);
        newest
            .map(|(member, entry)| Member {
                member: *member,
                user: entry.user,
                uuid: entry.uuid.clone(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy)]
    enum Act {
        Enter(u8, u8),
        /// The nth subscriber, and whether it may come back.
        Leave(prop::sample::Index, bool),
        /// Everybody leaves and may come back.
        Empty,
        /// Everybody's time is over who went before.
        Wait,
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            3 => (0..3u8, 0..3u8).prop_map(|(user, tab)| Act::Enter(user, tab)),
            3 => (any::<prop::sample::Index>(), any::<bool>())
                .prop_map(|(which, may_return)| Act::Leave(which, may_return)),
            1 => Just(Act::Wait),
        ]
    }

    proptest! {
        /// Whoever takes a list at any moment and applies the changes after it has
        /// the list of every later moment; nobody is told of anything twice; and
        /// when all have gone and their time is over nobody is left.
        #[test]
        fn a_list_and_the_changes_after_it_are_every_later_list(
            acts in prop::collection::vec(act(), 1..60),
            from in 0..60usize,
        ) {
            let mut roll = Roll::default();
            let mut inside = Vec::new();
            let mut away = Vec::new();
            let mut watched: Option<BTreeSet<u64>> = None;
            let mut users: HashMap<UserId, i32> = HashMap::new();
            let start = Instant::now();
            for (step, act) in acts.into_iter().chain([Act::Empty, Act::Wait]).enumerate() {
                let until = start + Duration::from_secs(step as u64);
                let mut changes = Vec::new();
                match act {
                    Act::Enter(user, tab) => {
                        let user = UserId::new(user.into()).ok();
                        let uuid = Uuid::lenient(&format!("tab{tab}"));
                        changes.extend(roll.admit(step as u64, user, &uuid));
                        inside.push(step as u64);
                    }
                    Act::Leave(which, may_return) => {
                        if inside.is_empty() {
                            continue;
                        }
                        let sequence = inside.remove(which.index(inside.len()));
                        changes.extend(roll.leave(sequence, |member| {
                            away.push((member, until));
                            may_return.then_some(until)
                        }));
                    }
                    Act::Empty => {
                        for sequence in inside.drain(..) {
                            let told = roll.leave(sequence, |member| {
                                away.push((member, until));
                                Some(until)
                            });
                            prop_assert!(told.is_none());
                        }
                    }
                    Act::Wait => {
                        for (member, until) in away.drain(..) {
                            changes.extend(roll.end_absence(member, until));
                        }
                    }
                }
                for change in &changes {
                    if let Some(user) = change.member.user {
                        let entries = users.entry(user).or_default();
                        *entries += if change.joined { 1 } else { -1 };
                        let edge = if change.joined { 1 } else { 0 };
                        prop_assert_eq!(change.is_edge, *entries == edge);
                    }
                    if let Some(watched) = &mut watched {
                        let member = change.member.member;
                        let is_news = match change.joined {
                            true => watched.insert(member),
                            false => watched.remove(&member),
                        };
                        prop_assert!(is_news);
                    }
                }
                let members = roll.members(usize::MAX);
                let listed: BTreeSet<u64> = members.iter().map(|member| member.member).collect();
                match &watched {
                    Some(watched) => prop_assert_eq!(&listed, watched),
                    None if step >= from => watched = Some(listed),
                    None => {}
                }
                prop_assert!(roll.entries.len() >= inside.len());
            }
            prop_assert!(roll.entries.is_empty() && roll.taken.is_empty());
            prop_assert!(roll.users.is_empty() && roll.away == 0);
        }
    }
}
