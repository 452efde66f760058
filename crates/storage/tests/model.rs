//! Any sequence of writes of two tenants with the same names, with the store
//! opened again at any point: the reads are those of a model that keeps plain
//! lists.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::*;
use pipes::message::{MailId, MessageId, Position, UnixTime};
use pipes::name::AccessKey;
use pipes::storage::{HistoryBefore, Outcome, Storage, Window, Write};
use pipes::token::TokenText;
use proptest::prelude::*;
use storage::SqliteStorage;
use tempfile::tempdir;

const PIPES: [&str; 3] = ["web_a", "trust_b", "c"];
const TOKENS: [&str; 3] = ["", "0.123", "a.b.c"];

#[derive(Debug, Clone)]
enum Step {
    Append {
        dev: u32,
        pipe: usize,
        length: u32,
        time: u64,
    },
    Clear {
        dev: u32,
        pipe: usize,
    },
    /// Removes the `nth` message that was ever stored, asked by tenant `dev`.
    Remove {
        dev: u32,
        nth: prop::sample::Index,
    },
    Settle {
        dev: u32,
        pipe: usize,
        length: u32,
    },
    Unsettle {
        dev: u32,
        pipe: usize,
    },
    Mail {
        dev: u32,
        user: i64,
        keep: u32,
        time: u64,
    },
    TakeMail {
        dev: u32,
        user: i64,
        nth: prop::sample::Index,
    },
    ClearMail {
        dev: u32,
        user: i64,
    },
    Purge {
        mail_before: u64,
        before: u64,
        tokens_before: u64,
    },
    Data {
        dev: u32,
        user: i64,
        number: u32,
    },
    RemoveData {
        dev: u32,
        user: i64,
    },
    Revoke {
        dev: u32,
        token: usize,
        expires: Option<u64>,
    },
    Restore {
        dev: u32,
        token: usize,
    },
    Key {
        dev: u32,
        user: i64,
        number: u32,
    },
    RemoveKey {
        dev: u32,
        user: i64,
    },
    Seen {
        dev: u32,
        user: i64,
        time: u64,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let (dev, user, time) = (0..2_u32, 1..3_i64, 0..10_u64);
    let pipe = 0..PIPES.len();
    let token = 0..TOKENS.len();
    let nth = any::<prop::sample::Index>();
    prop_oneof![
        12 => (dev.clone(), pipe.clone(), 0..5_u32, time.clone())
            .prop_map(|(dev, pipe, length, time)| Step::Append { dev, pipe, length, time }),
        1 => (dev.clone(), pipe.clone()).prop_map(|(dev, pipe)| Step::Clear { dev, pipe }),
        4 => (dev.clone(), nth.clone()).prop_map(|(dev, nth)| Step::Remove { dev, nth }),
        2 => (dev.clone(), pipe.clone(), 0..5_u32)
            .prop_map(|(dev, pipe, length)| Step::Settle { dev, pipe, length }),
        1 => (dev.clone(), pipe).prop_map(|(dev, pipe)| Step::Unsettle { dev, pipe }),
        6 => (dev.clone(), user.clone(), 1..4_u32, time.clone())
            .prop_map(|(dev, user, keep, time)| Step::Mail { dev, user, keep, time }),
        2 => (dev.clone(), user.clone(), nth)
            .prop_map(|(dev, user, nth)| Step::TakeMail { dev, user, nth }),
        1 => (dev.clone(), user.clone()).prop_map(|(dev, user)| Step::ClearMail { dev, user }),
        1 => (time.clone(), time.clone(), time.clone()).prop_map(
            |(mail_before, before, tokens_before)| Step::Purge { mail_before, before, tokens_before }
        ),
        1 => (dev.clone(), user.clone(), any::<u32>())
            .prop_map(|(dev, user, number)| Step::Data { dev, user, number }),
        1 => (dev.clone(), user.clone()).prop_map(|(dev, user)| Step::RemoveData { dev, user }),
        2 => (dev.clone(), token.clone(), prop::option::of(time.clone()))
            .prop_map(|(dev, token, expires)| Step::Revoke { dev, token, expires }),
        1 => (dev.clone(), token).prop_map(|(dev, token)| Step::Restore { dev, token }),
        1 => (dev.clone(), user.clone(), any::<u32>())
            .prop_map(|(dev, user, number)| Step::Key { dev, user, number }),
        1 => (dev.clone(), user.clone()).prop_map(|(dev, user)| Step::RemoveKey { dev, user }),
        1 => (dev, user, time).prop_map(|(dev, user, time)| Step::Seen { dev, user, time }),
        2 => Just(Step::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    pipes: BTreeMap<(u32, usize), Pipe>,
    lengths: BTreeMap<(u32, usize), u32>,
    mail: BTreeMap<(u32, i64), Vec<Mail>>,
    keys: BTreeMap<(u32, i64), String>,
    data: BTreeMap<(u32, i64), String>,
    revoked: BTreeMap<(u32, usize), Option<u64>>,
    seen: BTreeMap<(u32, i64), u64>,
    stored: Vec<MessageId>,
    mailed: Vec<MailId>,
    epochs: Vec<u64>,
    written: u64,
}

/// Number, time, payload.
type Mail = (MailId, u64, String);

struct Pipe {
    epoch: u64,
    last_offset: u64,
    rows: Vec<(MessageId, u64, u64, String)>,
}

impl Model {
    fn run(&mut self, storage: &SqliteStorage, step: &Step) {
        self.written += 1;
        let payload = format!("payload {}", self.written);
        match step.clone() {
            Step::Reopen => (),
            Step::Append {
                dev,
                pipe,
                length,
                time,
            } => {
                let outcome = write(storage, appending(dev, PIPES[pipe], &payload, length, time));
                let set = self
                    .lengths
                    .get(&(dev, pipe))
                    .copied()
                    .filter(|set| *set > 0);
                let kept = set.unwrap_or(length) as usize;
                if kept == 0 {
                    return assert_eq!(outcome, Outcome::NotKept);
                }
                let Outcome::Appended { id, position } = outcome else {
                    panic!("{outcome:?}");
                };
                assert!(!self.stored.contains(&id));
                self.stored.push(id.clone());
                let known = &mut self.epochs;
                let pipe = self.pipes.entry((dev, pipe)).or_insert_with(|| {
                    assert!(!known.contains(&position.epoch));
                    known.push(position.epoch);
                    Pipe {
                        epoch: position.epoch,
                        last_offset: 0,
                        rows: Vec::new(),
                    }
                });
                pipe.last_offset += 1;
                let (epoch, offset) = (pipe.epoch, pipe.last_offset);
                assert_eq!(position, Position { epoch, offset });
                pipe.rows.push((id, offset, time, payload));
                trim(&mut pipe.rows, kept);
            }
            Step::Clear { dev, pipe } => {
                let clear = Write::ClearHistory {
                    dev_id: dev_id(dev),
                    pipe: name(PIPES[pipe]),
                };
                let rows = self.pipes.get_mut(&(dev, pipe)).map(|pipe| &mut pipe.rows);
                let count = rows.map_or(0, |rows| std::mem::take(rows).len());
                assert_eq!(write(storage, clear), Outcome::Removed(count as u64));
            }
            Step::Remove { dev, nth } => {
                if self.stored.is_empty() {
                    return;
                }
                let id = nth.get(&self.stored).clone();
                let mut count = 0;
                for (_, pipe) in self
                    .pipes
                    .iter_mut()
                    .filter(|((owner, _), _)| *owner == dev)
                {
                    let before = pipe.rows.len();
                    pipe.rows.retain(|row| row.0 != id);
                    count += before - pipe.rows.len();
                }
                let remove = Write::RemoveMessage {
                    dev_id: dev_id(dev),
                    id,
                };
                assert_eq!(write(storage, remove), Outcome::Removed(count as u64));
            }
            Step::Settle { dev, pipe, length } => {
                assert_eq!(
                    write(storage, settling(dev, PIPES[pipe], length)),
                    Outcome::Done
                );
                self.lengths.insert((dev, pipe), length);
                if let Some(pipe) = self.pipes.get_mut(&(dev, pipe)).filter(|_| length > 0) {
                    trim(&mut pipe.rows, length as usize);
                }
            }
            Step::Unsettle { dev, pipe } => {
                let remove = Write::RemoveSettings {
                    dev_id: dev_id(dev),
                    pipe: name(PIPES[pipe]),
                };
                let there = self.lengths.remove(&(dev, pipe)).is_some();
                assert_eq!(write(storage, remove), Outcome::Removed(u64::from(there)));
                self.pipes.remove(&(dev, pipe));
            }
            Step::Mail {
                dev,
                user,
                keep,
                time,
            } => {
                let outcome = write(storage, mailing(dev, user, &payload, keep, time));
                let Outcome::Mailed { id, dropped } = outcome else {
                    panic!("{outcome:?}");
                };
                assert!(self.mailed.last().is_none_or(|last| *last < id));
                self.mailed.push(id);
                let mailbox = self.mail.entry((dev, user)).or_default();
                mailbox.push((id, time, payload));
                assert_eq!(trim(mailbox, keep as usize), dropped as usize);
            }
            Step::TakeMail {
                dev,
                user: number,
                nth,
            } => {
                if self.mailed.is_empty() {
                    return;
                }
                let id = *nth.get(&self.mailed);
                let mailbox = self.mail.entry((dev, number)).or_default();
                let before = mailbox.len();
                mailbox.retain(|mail| mail.0 != id);
                let count = before - mailbox.len();
                let (dev_id, user, ids) = (dev_id(dev), user(number), vec![id]);
                let remove = Write::RemoveMail { dev_id, user, ids };
                assert_eq!(write(storage, remove), Outcome::Removed(count as u64));
            }
            Step::ClearMail { dev, user: number } => {
                let count = self
                    .mail
                    .remove(&(dev, number))
                    .map_or(0, |mail| mail.len());
                let clear = Write::ClearMailbox {
                    dev_id: dev_id(dev),
                    user: user(number),
                };
                assert_eq!(write(storage, clear), Outcome::Removed(count as u64));
            }
            Step::Purge {
                mail_before,
                before,
                tokens_before,
            } => {
                let had = self.count();
                self.revoked
                    .retain(|_, expires| expires.is_none_or(|expires| expires >= tokens_before));
                for mailbox in self.mail.values_mut() {
                    mailbox.retain(|mail| mail.1 >= mail_before);
                }
                for (key, pipe) in &mut self.pipes {
                    if !self.lengths.contains_key(key) {
                        pipe.rows.retain(|row| row.2 >= before);
                    }
                }
                let settled = self.lengths.keys();
                let settled: BTreeSet<_> = settled
                    .map(|(dev, pipe)| (dev_id(*dev), name(PIPES[*pipe])))
                    .collect();
                let purge = Write::Purge {
                    mail_before: UnixTime(mail_before),
                    history_before: HistoryBefore::new(move |dev, pipe| {
                        let key = (dev, pipe.clone());
                        (!settled.contains(&key)).then_some(UnixTime(before))
                    }),
                    tokens_before: UnixTime(tokens_before),
                };
                let gone = (had - self.count()) as u64;
                assert_eq!(write(storage, purge), Outcome::Removed(gone));
            }
            Step::Key {
                dev,
                user: number,
                number: key,
            } => {
                let text = format!("key{key}");
                self.keys.insert((dev, number), text.clone());
                let key = AccessKey::parse(&text).unwrap();
                let (dev_id, user) = (dev_id(dev), user(number));
                assert_eq!(
                    write(storage, Write::PutKey { dev_id, user, key }),
                    Outcome::Done
                );
            }
            Step::RemoveKey { dev, user: number } => {
                let there = self.keys.remove(&(dev, number)).is_some();
                let (dev_id, user) = (dev_id(dev), user(number));
                let removed = write(storage, Write::RemoveKey { dev_id, user });
                assert_eq!(removed, Outcome::Removed(u64::from(there)));
            }
            Step::Data {
                dev,
                user: number,
                number: data,
            } => {
                let data = format!("data {data} 😀");
                self.data.insert((dev, number), data.clone());
                let (dev_id, user) = (dev_id(dev), user(number));
                let put = Write::PutUserData {
                    dev_id,
                    user,
                    data: data.into(),
                };
                assert_eq!(write(storage, put), Outcome::Done);
            }
            Step::RemoveData { dev, user: number } => {
                let there = self.data.remove(&(dev, number)).is_some();
                let (dev_id, user) = (dev_id(dev), user(number));
                let removed = write(storage, Write::RemoveUserData { dev_id, user });
                assert_eq!(removed, Outcome::Removed(u64::from(there)));
            }
            Step::Revoke {
                dev,
                token,
                expires,
            } => {
                self.revoked.insert((dev, token), expires);
                let revoke = Write::RevokeToken {
                    dev_id: dev_id(dev),
                    token: TokenText::new(TOKENS[token]).unwrap(),
                    expires: expires.map(UnixTime),
                };
                assert_eq!(write(storage, revoke), Outcome::Done);
            }
            Step::Restore { dev, token } => {
                let there = self.revoked.remove(&(dev, token)).is_some();
                let restore = Write::RestoreToken {
                    dev_id: dev_id(dev),
                    token: TokenText::new(TOKENS[token]).unwrap(),
                };
                let removed = write(storage, restore);
                assert_eq!(removed, Outcome::Removed(u64::from(there)));
            }
            Step::Seen {
                dev,
                user: number,
                time,
            } => {
                self.seen.insert((dev, number), time);
                let (dev_id, user, time) = (dev_id(dev), user(number), UnixTime(time));
                let seen = Write::PutLastSeen { dev_id, user, time };
                assert_eq!(write(storage, seen), Outcome::Done);
            }
        }
    }

    fn count(&self) -> usize {
        let rows = self
            .pipes
            .values()
            .map(|pipe| pipe.rows.len())
            .sum::<usize>();
        let mail = self.mail.values().map(Vec::len).sum::<usize>();
        rows + mail + self.revoked.len()
    }

    fn compare(&self, storage: &SqliteStorage) {
        for dev in 0..2 {
            for (pipe, text) in PIPES.iter().enumerate() {
                let stored = storage
                    .history(dev_id(dev), &name(text), Window::newest(100))
                    .unwrap();
                let stored: Vec<_> = stored
                    .into_iter()
                    .map(|stored| {
                        let message = stored.message;
                        let (payload, time) = (message.payload.to_string(), message.time.0);
                        (stored.id, stored.position, time, payload)
                    })
                    .collect();
                let rows = self.pipes.get(&(dev, pipe)).into_iter().flat_map(|pipe| {
                    let epoch = pipe.epoch;
                    pipe.rows.iter().map(move |(id, offset, time, payload)| {
                        let position = Position {
                            epoch,
                            offset: *offset,
                        };
                        (id.clone(), position, *time, payload.clone())
                    })
                });
                assert_eq!(stored, rows.collect::<Vec<_>>());
            }
            let mut names: Vec<_> = (0..PIPES.len())
                .filter(|pipe| {
                    self.pipes
                        .get(&(dev, *pipe))
                        .is_some_and(|pipe| !pipe.rows.is_empty())
                })
                .map(|pipe| name(PIPES[pipe]))
                .collect();
            names.sort();
            assert_eq!(storage.histories(dev_id(dev), 100).unwrap(), names);
            for number in 1..3 {
                let expected = self.mail.get(&(dev, number)).into_iter().flatten();
                let expected: Vec<_> = expected.map(|mail| mail.2.clone()).collect();
                assert_eq!(letters(storage, dev, number), expected);
                let key = storage.key(dev_id(dev), user(number)).unwrap();
                let key = key.map(|key| key.reveal().to_owned());
                assert_eq!(key, self.keys.get(&(dev, number)).cloned());
                let data = storage.user_data(dev_id(dev), user(number)).unwrap();
                assert_eq!(
                    data.as_deref(),
                    self.data.get(&(dev, number)).map(String::as_str)
                );
                let seen = storage.last_seen(dev_id(dev), user(number)).unwrap();
                assert_eq!(
                    seen.map(|time| time.0),
                    self.seen.get(&(dev, number)).copied()
                );
            }
        }
        for dev in 0..2 {
            let data = storage.user_data_all(dev_id(dev), 100, 1 << 20).unwrap();
            assert_eq!(
                data.len(),
                self.data.keys().filter(|key| key.0 == dev).count()
            );
            let revoked = storage.revoked_tokens(dev_id(dev), 100).unwrap();
            let revoked: Vec<_> = revoked.iter().map(TokenText::reveal).collect();
            let tokens = self.revoked.keys().filter(|key| key.0 == dev);
            assert_eq!(revoked, tokens.map(|key| TOKENS[key.1]).collect::<Vec<_>>());
            for (number, text) in TOKENS.iter().enumerate() {
                let token = TokenText::new(text).unwrap();
                let is_revoked = storage.is_revoked(dev_id(dev), &token).unwrap();
                assert_eq!(is_revoked, self.revoked.contains_key(&(dev, number)));
            }
        }
        let snapshot = storage.snapshot().unwrap();
        let newest: Vec<_> = self
            .mail
            .iter()
            .filter_map(|((dev, number), mail)| Some((dev_id(*dev), user(*number), mail.last()?.0)))
            .collect();
        assert_eq!(snapshot.mailboxes, newest);
        assert_eq!(snapshot.settings.len(), self.lengths.len());
        for (dev, pipe, settings) in snapshot.settings {
            let number = PIPES
                .iter()
                .position(|known| *known == pipe.as_str())
                .unwrap();
            assert_eq!(
                self.lengths.get(&(dev.number(), number)),
                Some(&settings.length)
            );
        }
    }
}

fn trim<T>(rows: &mut Vec<T>, keep: usize) -> usize {
    let surplus = rows.len().saturating_sub(keep);
    rows.drain(..surplus);
    surplus
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn whatever_is_written_is_read_and_no_tenant_sees_another(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let directory = tempdir().unwrap();
        let mut storage = open(directory.path());
        let mut model = Model::default();
        for step in &steps {
            if matches!(step, Step::Reopen) {
                model.compare(&storage);
                drop(storage);
                storage = open(directory.path());
                model.compare(&storage);
            }
            model.run(&storage, step);
        }
        model.compare(&storage);
        drop(storage);
        model.compare(&open(directory.path()));
    }
}
