//! Where every message is, in memory: per pipe its epoch, its next offset and
//! the rows of its history, per user the rows of the mailbox. Every change goes
//! through a method that notes how to take it back, so that memory never says
//! what the disk does not. No SQL lives here.

use std::collections::{BTreeMap, VecDeque};

use pipes::name::{DevId, PipeName, UserId};
use pipes::pattern::PipePrefix;
use pipes::settings::PipeSettings;
use pipes::storage::Span;

/// One row of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) offset: u64,
    pub(crate) time: u64,
}

/// One pipe that has, or had, a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pipe {
    pub(crate) epoch: u64,
    pub(crate) next_offset: u64,
    /// The id of its newest message, which may be gone: how recently it was used.
    pub(crate) last_id: i64,
    /// Oldest first; ids and offsets grow.
    pub(crate) rows: VecDeque<Row>,
}

impl Pipe {
    /// How far its history reaches.
    pub(crate) fn span(&self) -> Span {
        let first = self.rows.front();
        Span {
            epoch: self.epoch,
            first: first.map_or(self.next_offset, |row| row.offset),
            last: self.next_offset.saturating_sub(1),
        }
    }
}

/// One waiting private message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) id: i64,
    pub(crate) time: u64,
}

/// Oldest first; ids grow; never empty.
pub(crate) type Mailbox = VecDeque<Mail>;

/// What belongs to one tenant.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tenant {
    pub(crate) settings: BTreeMap<PipeName, PipeSettings>,
    pub(crate) prefixes: BTreeMap<PipePrefix, PipeSettings>,
    pub(crate) pipes: BTreeMap<PipeName, Pipe>,
    pub(crate) mailboxes: BTreeMap<UserId, Mailbox>,
}

#[derive(Debug, Default)]
pub(crate) struct Index {
    tenants: BTreeMap<DevId, Tenant>,
    sizes: Sizes,
    ids: Ids,
    undo: Vec<Undo>,
}

/// How many there are of what is bounded.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) pipes: usize,
    pub(crate) settings: usize,
    pub(crate) mailboxes: usize,
}

/// The ids of messages: the last one given, and the last one the file allows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) last: i64,
    pub(crate) limit: i64,
}

#[derive(Debug)]
enum Undo {
    Pipe(DevId, PipeName, Option<Pipe>),
    RowPushed {
        dev_id: DevId,
        name: PipeName,
        last_id: i64,
    },
    RowRemoved {
        dev_id: DevId,
        name: PipeName,
        at: usize,
        row: Row,
    },
    Settings(DevId, PipeName, Option<PipeSettings>),
    Prefix(DevId, PipePrefix, Option<PipeSettings>),
    Mailbox(DevId, UserId, Option<Mailbox>),
    MailPushed(DevId, UserId),
    MailRemoved {
        dev_id: DevId,
        user: UserId,
        at: usize,
        mail: Mail,
    },
    Ids(Ids),
}

impl Index {
    pub(crate) fn tenants(&self) -> impl Iterator<Item = (DevId, &Tenant)> {
        self.tenants
            .iter()
            .map(|(dev_id, tenant)| (*dev_id, tenant))
    }

    pub(crate) fn tenant(&self, dev_id: DevId) -> Option<&Tenant> {
        self.tenants.get(&dev_id)
    }

    pub(crate) fn pipe(&self, dev_id: DevId, name: &PipeName) -> Option<&Pipe> {
        self.tenants.get(&dev_id)?.pipes.get(name)
    }

    pub(crate) fn settings(&self, dev_id: DevId, name: &PipeName) -> Option<&PipeSettings> {
        self.tenants.get(&dev_id)?.settings.get(name)
    }

    pub(crate) fn has_prefix(&self, dev_id: DevId, prefix: &PipePrefix) -> bool {
        let tenant = self.tenants.get(&dev_id);
        tenant.is_some_and(|tenant| tenant.prefixes.contains_key(prefix))
    }

    pub(crate) fn mailbox(&self, dev_id: DevId, user: UserId) -> Option<&Mailbox> {
        self.tenants.get(&dev_id)?.mailboxes.get(&user)
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.sizes
    }

    pub(crate) fn ids(&self) -> Ids {
        self.ids
    }

    pub(crate) fn set_ids(&mut self, ids: Ids) {
        self.undo.push(Undo::Ids(self.ids));
        self.ids = ids;
    }

    /// Sets, replaces or removes a pipe with all its rows.
    pub(crate) fn set_pipe(&mut self, dev_id: DevId, name: &PipeName, pipe: Option<Pipe>) {
        let old = self.replace_pipe(dev_id, name, pipe);
        self.undo.push(Undo::Pipe(dev_id, name.clone(), old));
    }

    /// Adds a row at the end of a pipe that is there.
    pub(crate) fn push_row(&mut self, dev_id: DevId, name: &PipeName, row: Row) {
        let Some(pipe) = self.pipe_mut(dev_id, name) else {
            return;
        };
        let last_id = pipe.last_id;
        pipe.next_offset = row.offset + 1;
        pipe.last_id = row.id;
        pipe.rows.push_back(row);
        self.undo.push(Undo::RowPushed {
            dev_id,
            name: name.clone(),
            last_id,
        });
    }

    /// For loading: a pipe's next offset is at least `floor`.
    pub(crate) fn raise_next_offset(&mut self, dev_id: DevId, name: &PipeName, floor: u64) {
        if let Some(pipe) = self.pipe_mut(dev_id, name) {
            pipe.next_offset = pipe.next_offset.max(floor);
        }
    }

    /// Removes a pipe's row number `at`.
    pub(crate) fn remove_row(&mut self, dev_id: DevId, name: &PipeName, at: usize) -> Option<Row> {
        let row = self.pipe_mut(dev_id, name)?.rows.remove(at)?;
        self.undo.push(Undo::RowRemoved {
            dev_id,
            name: name.clone(),
            at,
            row,
        });
        Some(row)
    }

    /// Sets, replaces or removes the settings of a prefix.
    pub(crate) fn set_prefix(
        &mut self,
        dev_id: DevId,
        prefix: &PipePrefix,
        settings: Option<PipeSettings>,
    ) {
        let old = self.replace_prefix(dev_id, prefix, settings);
        self.undo.push(Undo::Prefix(dev_id, prefix.clone(), old));
    }

    /// Sets, replaces or removes a pipe's settings.
    pub(crate) fn set_settings(
        &mut self,
        dev_id: DevId,
        name: &PipeName,
        settings: Option<PipeSettings>,
    ) {
        let old = self.replace_settings(dev_id, name, settings);
        self.undo.push(Undo::Settings(dev_id, name.clone(), old));
    }

    /// Sets, replaces or removes a mailbox; an empty one is removed.
    pub(crate) fn set_mailbox(&mut self, dev_id: DevId, user: UserId, mailbox: Option<Mailbox>) {
        let mailbox = mailbox.filter(|mailbox| !mailbox.is_empty());
        let old = self.replace_mailbox(dev_id, user, mailbox);
        self.undo.push(Undo::Mailbox(dev_id, user, old));
    }

    /// Adds a private message at the end of a mailbox.
    pub(crate) fn push_mail(&mut self, dev_id: DevId, user: UserId, mail: Mail) {
        match self.mailbox_mut(dev_id, user) {
            Some(mailbox) => {
                mailbox.push_back(mail);
                self.undo.push(Undo::MailPushed(dev_id, user));
            }
            None => self.set_mailbox(dev_id, user, Some(Mailbox::from([mail]))),
        }
    }

    /// Removes a mailbox' message number `at`.
    pub(crate) fn remove_mail(&mut self, dev_id: DevId, user: UserId, at: usize) -> Option<Mail> {
        let mailbox = self.mailbox_mut(dev_id, user)?;
        let mail = *mailbox.get(at)?;
        if mailbox.len() == 1 {
            self.set_mailbox(dev_id, user, None);
        } else {
            mailbox.remove(at);
            self.undo.push(Undo::MailRemoved {
                dev_id,
                user,
                at,
                mail,
            });
        }
        Some(mail)
    }

    /// What was changed is on disk.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// What was changed is not on disk: takes back everything since `keep`.
    pub(crate) fn take_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Pipe(dev_id, name, pipe) => {
                    self.replace_pipe(dev_id, &name, pipe);
                }
                Undo::RowPushed {
                    dev_id,
                    name,
                    last_id,
                } => {
                    if let Some(pipe) = self.pipe_mut(dev_id, &name) {
                        if let Some(row) = pipe.rows.pop_back() {
                            pipe.next_offset = row.offset;
                        }
                        pipe.last_id = last_id;
                    }
                }
                Undo::RowRemoved {
                    dev_id,
                    name,
                    at,
                    row,
                } => {
                    if let Some(pipe) = self.pipe_mut(dev_id, &name) {
                        pipe.rows.insert(at, row);
                    }
                }
                Undo::Prefix(dev_id, prefix, settings) => {
                    self.replace_prefix(dev_id, &prefix, settings);
                }
                Undo::Settings(dev_id, name, settings) => {
                    self.replace_settings(dev_id, &name, settings);
                }
                Undo::Mailbox(dev_id, user, mailbox) => {
                    self.replace_mailbox(dev_id, user, mailbox);
                }
                Undo::MailPushed(dev_id, user) => {
                    if let Some(mailbox) = self.mailbox_mut(dev_id, user) {
                        mailbox.pop_back();
                    }
                }
                Undo::MailRemoved {
                    dev_id,
                    user,
                    at,
                    mail,
                } => {
                    if let Some(mailbox) = self.mailbox_mut(dev_id, user) {
                        mailbox.insert(at, mail);
                    }
                }
                Undo::Ids(ids) => self.ids = ids,
            }
        }
    }

    fn pipe_mut(&mut self, dev_id: DevId, name: &PipeName) -> Option<&mut Pipe> {
        self.tenants.get_mut(&dev_id)?.pipes.get_mut(name)
    }

    fn mailbox_mut(&mut self, dev_id: DevId, user: UserId) -> Option<&mut Mailbox> {
        self.tenants.get_mut(&dev_id)?.mailboxes.get_mut(&user)
    }

    fn replace_pipe(&mut self, dev_id: DevId, name: &PipeName, pipe: Option<Pipe>) -> Option<Pipe> {
        let pipes = &mut self.tenants.entry(dev_id).or_default().pipes;
        replace(pipes, name, pipe, &mut self.sizes.pipes)
    }

    fn replace_prefix(
        &mut self,
        dev_id: DevId,
        prefix: &PipePrefix,
        settings: Option<PipeSettings>,
    ) -> Option<PipeSettings> {
        let all = &mut self.tenants.entry(dev_id).or_default().prefixes;
        replace(all, prefix, settings, &mut self.sizes.settings)
    }

    fn replace_settings(
        &mut self,
        dev_id: DevId,
        name: &PipeName,
        settings: Option<PipeSettings>,
    ) -> Option<PipeSettings> {
        let all = &mut self.tenants.entry(dev_id).or_default().settings;
        replace(all, name, settings, &mut self.sizes.settings)
    }

    fn replace_mailbox(
        &mut self,
        dev_id: DevId,
        user: UserId,
        mailbox: Option<Mailbox>,
    ) -> Option<Mailbox> {
        let mailboxes = &mut self.tenants.entry(dev_id).or_default().mailboxes;
        replace(mailboxes, &user, mailbox, &mut self.sizes.mailboxes)
    }
}

fn replace<K: Ord + Clone, V>(
    map: &mut BTreeMap<K, V>,
    key: &K,
    value: Option<V>,
    size: &mut usize,
) -> Option<V> {
    let (old, is_there) = match value {
        Some(value) => (map.insert(key.clone(), value), true),
        None => (map.remove(key), false),
    };
    match (old.is_some(), is_there) {
        (false, true) => *size += 1,
        (true, false) => *size -= 1,
        _ => (),
    }
    old
}
