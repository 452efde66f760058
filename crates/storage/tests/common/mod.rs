//! Small builders for the tests of the store.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::path::Path;
use std::sync::mpsc;

use pipes::message::{MailId, Message, MessageId, Position, PrivateMessage, Sender, UnixTime};
use pipes::name::{DevId, EventName, PipeName, UserId};
use pipes::settings::PipeSettings;
use pipes::storage::{Outcome, Storage, StorageError, Window, Write};
use storage::{Config, SqliteStorage};

pub(crate) fn open(directory: &Path) -> SqliteStorage {
    SqliteStorage::open(directory, Config::default()).unwrap()
}

/// Submits and waits.
pub(crate) fn try_write(
    storage: &SqliteStorage,
    batch: Vec<Write>,
) -> Result<Vec<Outcome>, StorageError> {
    let (sender, receiver) = mpsc::channel();
    storage.submit(batch, Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv().unwrap()
}

pub(crate) fn write(storage: &SqliteStorage, write: Write) -> Outcome {
    try_write(storage, vec![write]).unwrap().remove(0)
}

pub(crate) fn append(
    storage: &SqliteStorage,
    dev: u32,
    pipe: &str,
    payload: &str,
) -> (MessageId, Position) {
    match write(storage, appending(dev, pipe, payload, 100, 1)) {
        Outcome::Appended { id, position } => (id, position),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn appending(
    dev: u32,
    pipe: &str,
    payload: &str,
    default_length: u32,
    time: u64,
) -> Write {
    Write::AppendHistory {
        dev_id: dev_id(dev),
        message: Message {
            pipe: name(pipe),
            event: EventName::parse("event").unwrap(),
            payload: payload.into(),
            sender: Sender::Browser(None),
            time: UnixTime(time),
        },
        default_length,
    }
}

pub(crate) fn mailing(dev: u32, user_id: i64, payload: &str, keep: u32, time: u64) -> Write {
    Write::PutMail {
        dev_id: dev_id(dev),
        user: user(user_id),
        message: PrivateMessage {
            event: EventName::parse("").unwrap(),
            payload: payload.into(),
            time: UnixTime(time),
        },
        keep,
    }
}

pub(crate) fn mail(storage: &SqliteStorage, dev: u32, user_id: i64, payload: &str) -> MailId {
    match write(storage, mailing(dev, user_id, payload, 100, 1)) {
        Outcome::Mailed { id, dropped: 0 } => id,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn settling(dev: u32, pipe: &str, length: u32) -> Write {
    Write::PutSettings {
        dev_id: dev_id(dev),
        pipe: name(pipe),
        settings: PipeSettings::of_length(length),
    }
}

pub(crate) fn payloads(storage: &SqliteStorage, dev: u32, pipe: &str) -> Vec<String> {
    let history = storage
        .history(dev_id(dev), &name(pipe), Window::newest(2000))
        .unwrap();
    history
        .iter()
        .map(|stored| stored.message.payload.to_string())
        .collect()
}

pub(crate) fn offsets(storage: &SqliteStorage, dev: u32, pipe: &str) -> Vec<u64> {
    let history = storage
        .history(dev_id(dev), &name(pipe), Window::newest(2000))
        .unwrap();
    history
        .iter()
        .map(|stored| stored.position.offset)
        .collect()
}

pub(crate) fn letters(storage: &SqliteStorage, dev: u32, user_id: i64) -> Vec<String> {
    let (all, most) = (MailId(u64::MAX), usize::MAX);
    let mailbox = storage.mailbox(dev_id(dev), user(user_id), MailId(0), all, most, most);
    mailbox
        .unwrap()
        .iter()
        .map(|mail| mail.message.payload.to_string())
        .collect()
}

pub(crate) fn dev_id(number: u32) -> DevId {
    DevId::new(number).unwrap()
}

pub(crate) fn name(text: &str) -> PipeName {
    PipeName::parse(text).unwrap()
}

pub(crate) fn user(number: i64) -> UserId {
    UserId::new(number).unwrap()
}
