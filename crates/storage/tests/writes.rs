//! Every kind of write, what it answers, and what the reads say afterwards,
//! now and after the store was opened again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod common;

use std::sync::{Arc, Mutex, mpsc};

use common::*;
use pipes::message::{MailId, MessageId, Sender, UnixTime};
use pipes::name::AccessKey;
use pipes::pattern::PipePrefix;
use pipes::rules::{RuleTexts, Rules};
use pipes::settings::PipeSettings;
use pipes::storage::{HistoryBefore, Outcome, Storage, StorageError, Window, Write};
use storage::{Config, SqliteStorage};
use tempfile::tempdir;

#[test]
fn a_message_is_read_back_as_it_was_published() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    let payload = "it's \"q\" \\ \n \0 Привет 😀";
    let mut published = appending(15, "web_chat", payload, 10, 1_795_368_188);
    if let Write::AppendHistory { message, .. } = &mut published {
        message.sender = Sender::Browser(Some(user(i64::from(i32::MAX))));
        message.event = pipes::name::EventName::parse("").unwrap();
    }
    let Outcome::Appended { id, position } = write(&storage, published.clone()) else {
        panic!("not kept");
    };
    assert_eq!(position.offset, 1);
    assert!((1..1 << 53).contains(&position.epoch));
    let check = |storage: &SqliteStorage| {
        let history = storage
            .history(dev_id(15), &name("web_chat"), Window::newest(10))
            .unwrap();
        let Write::AppendHistory { message, .. } = &published else {
            panic!();
        };
        assert_eq!(history.len(), 1);
        assert_eq!(&history[0].message, message);
        assert_eq!((&history[0].id, history[0].position), (&id, position));
    };
    check(&storage);
    drop(storage);
    check(&open(directory.path()));
}

#[test]
fn a_message_name_has_at_most_64_of_the_alphabet_and_differs_between_stores() {
    let (one, two) = (tempdir().unwrap(), tempdir().unwrap());
    let [one, two] = [one, two].map(|directory| append(&open(directory.path()), 0, "p", "x").0);
    assert_ne!(one, two);
    for MessageId(id) in [one, two] {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        assert!(id.len() <= 64 && id.bytes().all(allowed), "{id}");
    }
}

#[test]
fn the_length_comes_from_the_settings_or_else_from_the_publisher() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    assert_eq!(
        write(&storage, appending(0, "p", "a", 0, 1)),
        Outcome::NotKept
    );
    assert_eq!(write(&storage, settling(0, "p", 2)), Outcome::Done);
    for payload in ["b", "c", "d"] {
        append(&storage, 0, "p", payload);
    }
    assert_eq!(payloads(&storage, 0, "p"), ["c", "d"]);
    for payload in ["x", "y"] {
        write(&storage, appending(0, "trust_p", payload, 1, 1));
    }
    assert_eq!(payloads(&storage, 0, "trust_p"), ["y"]);
}

#[test]
fn length_0_keeps_what_is_there_and_stores_no_more() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    append(&storage, 0, "p", "a");
    write(&storage, settling(0, "p", 0));
    assert_eq!(
        write(&storage, appending(0, "p", "b", 0, 1)),
        Outcome::NotKept
    );
    assert_eq!(payloads(&storage, 0, "p"), ["a"]);
}

#[test]
fn a_history_is_read_in_pieces_of_bounded_bytes() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    for payload in ["1111", "2222", "3333", "4444"] {
        append(&storage, 0, "p", payload);
    }
    let read = |window: Window| -> Vec<String> {
        let piece = storage.history(dev_id(0), &name("p"), window).unwrap();
        piece
            .iter()
            .map(|stored| stored.message.payload.to_string())
            .collect()
    };
    let window = Window::newest(3);
    assert_eq!(read(window.piece(0, 8)), ["2222", "3333"]);
    assert_eq!(read(window.piece(3, 8)), ["4444"]);
    assert_eq!(read(window.piece(0, 1)), ["2222"]);
    assert!(read(window.piece(4, 8)).is_empty());
}

#[test]
fn a_shorter_length_trims_at_once() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    for payload in ["a", "b", "c"] {
        append(&storage, 0, "p", payload);
    }
    write(&storage, settling(0, "p", 1));
    assert_eq!(payloads(&storage, 0, "p"), ["c"]);
    drop(storage);
    let storage = open(directory.path());
    assert_eq!(payloads(&storage, 0, "p"), ["c"]);
    assert_eq!(storage.snapshot().unwrap().settings.len(), 1);
}

#[test]
fn a_history_gives_the_newest_oldest_first() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    for payload in ["a", "b", "c"] {
        append(&storage, 0, "p", payload);
    }
    let newest = storage
        .history(dev_id(0), &name("p"), Window::newest(2))
        .unwrap();
    let newest: Vec<_> = newest
        .iter()
        .map(|stored| &*stored.message.payload)
        .collect();
    assert_eq!(newest, ["b", "c"]);
    assert_eq!(
        storage
            .history(dev_id(0), &name("p"), Window::newest(0))
            .unwrap(),
        []
    );
    assert_eq!(
        storage
            .history(dev_id(0), &name("none"), Window::newest(5))
            .unwrap(),
        []
    );
}

#[test]
fn offsets_go_on_after_a_history_was_cleared_even_by_a_new_process() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    append(&storage, 0, "p", "a");
    let (_, before) = append(&storage, 0, "p", "b");
    let clear = Write::ClearHistory {
        dev_id: dev_id(0),
        pipe: name("p"),
    };
    assert_eq!(write(&storage, clear.clone()), Outcome::Removed(2));
    assert_eq!(write(&storage, clear), Outcome::Removed(0));
    assert_eq!(storage.histories(dev_id(0), 10).unwrap(), []);
    drop(storage);
    let storage = open(directory.path());
    let (_, after) = append(&storage, 0, "p", "c");
    assert_eq!((after.epoch, after.offset), (before.epoch, 3));
}

#[test]
fn offsets_go_on_after_the_newest_message_was_removed_even_by_a_new_process() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    append(&storage, 0, "p", "a");
    let (id, before) = append(&storage, 0, "p", "b");
    let remove = |dev, id: &MessageId| Write::RemoveMessage {
        dev_id: dev_id(dev),
        id: id.clone(),
    };
    assert_eq!(write(&storage, remove(1, &id)), Outcome::Removed(0));
    assert_eq!(
        write(&storage, remove(0, &MessageId("x-1".to_owned()))),
        Outcome::Removed(0)
    );
    assert_eq!(write(&storage, remove(0, &id)), Outcome::Removed(1));
    assert_eq!(write(&storage, remove(0, &id)), Outcome::Removed(0));
    assert_eq!(payloads(&storage, 0, "p"), ["a"]);
    drop(storage);
    let storage = open(directory.path());
    assert_eq!(append(&storage, 0, "p", "c").1.offset, before.offset + 1);
    assert_eq!(offsets(&storage, 0, "p"), [1, 3]);
}

#[test]
fn a_message_in_the_middle_can_be_removed() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    append(&storage, 0, "p", "a");
    let (id, _) = append(&storage, 0, "p", "b");
    append(&storage, 0, "p", "c");
    let dev_id = dev_id(0);
    assert_eq!(
        write(&storage, Write::RemoveMessage { dev_id, id }),
        Outcome::Removed(1)
    );
    assert_eq!(payloads(&storage, 0, "p"), ["a", "c"]);
    drop(storage);
    assert_eq!(offsets(&open(directory.path()), 0, "p"), [1, 3]);
}

#[test]
fn removing_the_settings_begins_a_new_epoch_and_never_reuses_a_name() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    write(&storage, settling(0, "p", 5));
    let (old_id, old) = append(&storage, 0, "p", "a");
    let remove = Write::RemoveSettings {
        dev_id: dev_id(0),
        pipe: name("p"),
    };
    assert_eq!(write(&storage, remove.clone()), Outcome::Removed(1));
    assert_eq!(write(&storage, remove), Outcome::Removed(0));
    assert_eq!(payloads(&storage, 0, "p"), Vec::<String>::new());
    assert!(storage.snapshot().unwrap().settings.is_empty());
    drop(storage);
    let storage = open(directory.path());
    let (new_id, new) = append(&storage, 0, "p", "b");
    assert_eq!(new.offset, 1);
    assert_ne!(new.epoch, old.epoch);
    assert_ne!(new_id, old_id);
}

#[test]
fn settings_and_rules_of_pipes_and_prefixes_are_there_after_a_restart() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    let rules = Rules::parse(&RuleTexts {
        subscribe: "listed,token",
        publish: "nobody",
        history: "anyone",
        user_ids: "7,42",
        events: "say,typing",
        rate: 60,
    });
    let settings = PipeSettings {
        length: 5,
        age: 60,
        rules: Some(Arc::new(rules.unwrap())),
    };
    let prefix = |text: &str| PipePrefix::parse(text).unwrap();
    let dev_id = dev_id(3);
    let put = |text: &str, settings: &PipeSettings| Write::PutPrefixSettings {
        dev_id,
        prefix: prefix(text),
        settings: settings.clone(),
    };
    write(&storage, put("web_", &PipeSettings::of_length(1)));
    write(&storage, put("web_", &settings));
    write(&storage, put("", &PipeSettings::of_length(9)));
    write(&storage, put("gone_", &settings));
    let remove = Write::RemovePrefixSettings {
        dev_id,
        prefix: prefix("gone_"),
    };
    assert_eq!(write(&storage, remove.clone()), Outcome::Removed(1));
    assert_eq!(write(&storage, remove), Outcome::Removed(0));
    let pipe = name("web_a");
    write(
        &storage,
        Write::PutSettings {
            dev_id,
            pipe: pipe.clone(),
            settings: settings.clone(),
        },
    );
    assert_eq!(storage.stats().settings, 3);
    drop(storage);
    let storage = open(directory.path());
    assert_eq!(storage.stats().settings, 3);
    let snapshot = storage.snapshot().unwrap();
    assert_eq!(snapshot.settings, [(dev_id, pipe, settings.clone())]);
    let nine = PipeSettings::of_length(9);
    let expected = [
        (dev_id, prefix(""), nine),
        (dev_id, prefix("web_"), settings),
    ];
    assert_eq!(snapshot.prefixes, expected);
}

#[test]
fn a_full_mailbox_drops_its_oldest() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    let outcomes: Vec<_> = ["a", "b", "c"]
        .map(|payload| write(&storage, mailing(0, 7, payload, 2, 1)))
        .into();
    assert!(matches!(outcomes[1], Outcome::Mailed { dropped: 0, .. }));
    assert!(matches!(outcomes[2], Outcome::Mailed { dropped: 1, .. }));
    assert_eq!(letters(&storage, 0, 7), ["b", "c"]);
    assert!(matches!(
        write(&storage, mailing(0, 7, "d", 0, 1)),
        Outcome::Mailed { dropped: 2, .. }
    ));
    drop(storage);
    assert_eq!(letters(&open(directory.path()), 0, 7), ["d"]);
}

#[test]
fn a_mailbox_is_read_in_a_range_up_to_a_number_and_a_size() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    let ids = ["aaaa", "bbbb", "cccc"].map(|payload| mail(&storage, 0, 7, payload));
    assert!(ids[0] < ids[1] && ids[1] < ids[2]);
    let read = |after, up_to, limit, bytes| -> Vec<MailId> {
        let mail = storage.mailbox(dev_id(0), user(7), after, up_to, limit, bytes);
        mail.unwrap().iter().map(|mail| mail.id).collect()
    };
    assert_eq!(read(MailId(0), ids[2], 10, 100), ids);
    assert_eq!(read(ids[0], ids[1], 10, 100), [ids[1]]);
    assert_eq!(read(MailId(0), ids[2], 2, 100), ids[..2]);
    assert_eq!(read(MailId(0), ids[2], 10, 8), ids[..2]);
    assert_eq!(read(MailId(0), ids[2], 10, 1), ids[..1]);
    assert_eq!(read(ids[2], MailId(u64::MAX), 10, 100), []);
}

#[test]
fn handed_over_mail_is_removed_and_nothing_else() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    let ids = ["a", "b", "c"].map(|payload| mail(&storage, 0, 7, payload));
    let foreign = mail(&storage, 1, 7, "x");
    let remove = Write::RemoveMail {
        dev_id: dev_id(0),
        user: user(7),
        ids: vec![ids[2], ids[0], ids[0], foreign, MailId(u64::MAX)],
    };
    assert_eq!(write(&storage, remove), Outcome::Removed(2));
    assert_eq!(letters(&storage, 0, 7), ["b"]);
    assert_eq!(letters(&storage, 1, 7), ["x"]);
    let newest = storage.snapshot().unwrap().mailboxes;
    assert_eq!(
        newest,
        [(dev_id(0), user(7), ids[1]), (dev_id(1), user(7), foreign)]
    );
    let clear = Write::ClearMailbox {
        dev_id: dev_id(0),
        user: user(7),
    };
    assert_eq!(write(&storage, clear.clone()), Outcome::Removed(1));
    assert_eq!(write(&storage, clear), Outcome::Removed(0));
    drop(storage);
    let storage = open(directory.path());
    assert_eq!(letters(&storage, 0, 7), Vec::<String>::new());
    assert!(mail(&storage, 0, 7, "later") > foreign);
}

#[test]
fn a_purge_takes_old_mail_and_old_messages_without_settings() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    write(&storage, settling(0, "settled", 5));
    write(&storage, settling(0, "settled_0", 0));
    for time in [10, 20] {
        for pipe in ["settled", "trust_p"] {
            write(&storage, appending(0, pipe, &time.to_string(), 5, time));
        }
        write(&storage, mailing(0, 7, &time.to_string(), 5, time));
    }
    write(&storage, appending(0, "trust_old", "10", 5, 10));
    let purge = Write::Purge {
        mail_before: UnixTime(15),
        history_before: HistoryBefore::new(|_, pipe| {
            let goes = pipe.as_str().starts_with("trust_");
            goes.then_some(UnixTime(20))
        }),
        tokens_before: UnixTime(0),
    };
    assert_eq!(write(&storage, purge), Outcome::Removed(3));
    assert_eq!(letters(&storage, 0, 7), ["20"]);
    assert_eq!(payloads(&storage, 0, "settled"), ["10", "20"]);
    assert_eq!(payloads(&storage, 0, "trust_p"), ["20"]);
    assert_eq!(payloads(&storage, 0, "trust_old"), Vec::<String>::new());
    drop(storage);
    let storage = open(directory.path());
    assert_eq!(append(&storage, 0, "trust_old", "x").1.offset, 2);
    assert_eq!(append(&storage, 0, "trust_p", "x").1.offset, 3);
}

#[test]
fn a_purge_forgets_the_longest_unused_of_too_many_idle_pipes() {
    let directory = tempdir().unwrap();
    let config = Config {
        max_idle_pipes: 1,
        ..Config::default()
    };
    let storage = SqliteStorage::open(directory.path(), config.clone()).unwrap();
    let before = ["a", "b"].map(|pipe| append(&storage, 0, pipe, "x").1);
    let purge = || Write::Purge {
        mail_before: UnixTime(9),
        history_before: HistoryBefore::new(|_, _| Some(UnixTime(9))),
        tokens_before: UnixTime(0),
    };
    assert_eq!(write(&storage, purge()), Outcome::Removed(2));
    assert_eq!(storage.stats().pipes, 1);
    drop(storage);
    let storage = SqliteStorage::open(directory.path(), config).unwrap();
    assert_eq!(storage.stats().pipes, 1);
    let after = ["a", "b"].map(|pipe| append(&storage, 0, pipe, "x").1);
    assert_ne!(after[0].epoch, before[0].epoch);
    assert_eq!(after[1].epoch, before[1].epoch);
    assert_eq!(after.map(|position| position.offset), [1, 2]);
}

#[test]
fn keys_and_last_seen_times_are_set_replaced_listed_and_removed() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    let key = |text: &str| AccessKey::parse(text).unwrap();
    for (number, text) in [(9, "nine"), (2, "old"), (2, "two=+/_")] {
        let (dev_id, user, key) = (dev_id(1), user(number), key(text));
        assert_eq!(
            write(&storage, Write::PutKey { dev_id, user, key }),
            Outcome::Done
        );
        let time = UnixTime(number.unsigned_abs() * 10);
        let seen = Write::PutLastSeen { dev_id, user, time };
        assert_eq!(write(&storage, seen), Outcome::Done);
    }
    drop(storage);
    let storage = open(directory.path());
    let revealed = |limit| -> Vec<(u32, String)> {
        let keys = storage.keys(dev_id(1), limit).unwrap();
        let keys = keys
            .iter()
            .map(|(user, key)| (user.number(), key.reveal().to_owned()));
        keys.collect()
    };
    assert_eq!(
        revealed(9),
        [(2, "two=+/_".to_owned()), (9, "nine".to_owned())]
    );
    assert_eq!(revealed(1), [(2, "two=+/_".to_owned())]);
    assert!(storage.keys(dev_id(0), 9).unwrap().is_empty());
    let found = storage.key(dev_id(1), user(9)).unwrap().unwrap();
    assert_eq!(found.reveal(), "nine");
    assert!(storage.key(dev_id(0), user(9)).unwrap().is_none());
    let (dev, nine) = (dev_id(1), user(9));
    let remove = || Write::RemoveKey {
        dev_id: dev,
        user: nine,
    };
    assert_eq!(write(&storage, remove()), Outcome::Removed(1));
    assert_eq!(write(&storage, remove()), Outcome::Removed(0));
    assert!(storage.key(dev, nine).unwrap().is_none());
    assert_eq!(storage.last_seen(dev, nine).unwrap(), Some(UnixTime(90)));
    assert_eq!(storage.last_seen(dev_id(0), nine).unwrap(), None);
    let seen = [(user(2), UnixTime(20)), (nine, UnixTime(90))];
    assert_eq!(storage.last_seen_all(dev, 5).unwrap(), seen);
    assert_eq!(storage.last_seen_all(dev, 1).unwrap(), seen[..1]);
}

#[test]
fn histories_are_listed_by_name_up_to_a_limit_and_for_one_tenant() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    for (dev, pipe) in [(0, "b"), (0, "a"), (1, "c")] {
        append(&storage, dev, pipe, "x");
    }
    assert_eq!(
        storage.histories(dev_id(0), 9).unwrap(),
        [name("a"), name("b")]
    );
    assert_eq!(storage.histories(dev_id(0), 1).unwrap(), [name("a")]);
    assert_eq!(storage.histories(dev_id(1), 9).unwrap(), [name("c")]);
}

#[test]
fn a_batch_with_a_failing_write_leaves_nothing_and_harms_no_other() {
    let directory = tempdir().unwrap();
    let config = Config {
        max_pipes: 1,
        max_settings: 1,
        max_mailboxes: 1,
        ..Config::default()
    };
    let storage = SqliteStorage::open(directory.path(), config).unwrap();
    append(&storage, 0, "p", "first");
    // Held in the first completion, the writer finds all the others waiting.
    let (release, held) = mpsc::channel::<()>();
    storage.submit(Vec::new(), Box::new(move |_| held.recv().unwrap()));
    let (sender, results) = mpsc::channel();
    let batches = [
        vec![appending(0, "p", "second", 9, 1)],
        vec![
            appending(0, "p", "lost", 9, 1),
            settling(0, "p", 1),
            mailing(0, 1, "lost", 9, 1),
            appending(0, "q", "one too many", 9, 1),
        ],
        vec![appending(0, "r", "one too many", 9, 1)],
        vec![
            appending(0, "p", "third", 9, 1),
            mailing(0, 2, "kept", 9, 1),
        ],
        vec![mailing(0, 3, "one too many", 9, 1)],
    ];
    for batch in batches {
        let sender = sender.clone();
        storage.submit(batch, Box::new(move |result| sender.send(result).unwrap()));
    }
    release.send(()).unwrap();
    let results: Vec<_> = results.iter().take(5).collect();
    let positions: Vec<_> = results
        .iter()
        .map(|result| match result.as_deref() {
            Ok([Outcome::Appended { position, .. }, ..]) => Some(position.offset),
            Ok(_) => None,
            Err(StorageError::Failed(why)) => {
                assert!(why.contains("the limit is 1"), "{why}");
                None
            }
            Err(error) => panic!("{error}"),
        })
        .collect();
    assert_eq!(positions, [Some(2), None, None, Some(3), None]);
    let check = |storage: &SqliteStorage| {
        assert_eq!(payloads(storage, 0, "p"), ["first", "second", "third"]);
        assert_eq!(offsets(storage, 0, "p"), [1, 2, 3]);
        assert_eq!(letters(storage, 0, 1), Vec::<String>::new());
        assert_eq!(letters(storage, 0, 2), ["kept"]);
        assert!(storage.snapshot().unwrap().settings.is_empty());
    };
    check(&storage);
    drop(storage);
    check(&open(directory.path()));
}

#[test]
fn a_full_file_fails_what_needs_room_and_nothing_else() {
    let directory = tempdir().unwrap();
    let config = Config {
        max_file_bytes: 256 << 10,
        ..Config::default()
    };
    let storage = SqliteStorage::open(directory.path(), config).unwrap();
    let payload = "x".repeat(20_000);
    let mut stored = 0;
    let error = loop {
        match try_write(&storage, vec![appending(0, "p", &payload, 1000, 1)]) {
            Ok(_) => stored += 1,
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("full"), "{error}");
    assert!(stored > 5);
    assert_eq!(
        offsets(&storage, 0, "p"),
        (1..=stored).collect::<Vec<u64>>()
    );
    write(&storage, settling(0, "p", 2));
    write(&storage, appending(0, "p", &payload, 1000, 1));
    drop(storage);
    assert_eq!(
        offsets(&open(directory.path()), 0, "p"),
        [stored, stored + 1]
    );
}

#[test]
fn completions_run_in_the_order_of_submission_and_find_their_writes_readable() {
    let directory = tempdir().unwrap();
    let storage = Arc::new(open(directory.path()));
    let turn = Arc::new(Mutex::new(0_u64));
    let done = Arc::new(Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (storage, turn, done) = (&storage, &turn, &done);
            scope.spawn(move || {
                for round in 0..50 {
                    let (sender, receiver) = mpsc::channel();
                    let done = Arc::clone(done);
                    let pipe = format!("pipe_{}", round % 3);
                    {
                        let mut turn = turn.lock().unwrap();
                        let number = *turn;
                        *turn += 1;
                        storage.submit(
                            vec![appending(0, &pipe, "x", 1000, 1)],
                            Box::new(move |result| {
                                done.lock().unwrap().push(number);
                                sender.send(result.unwrap().remove(0)).unwrap();
                            }),
                        );
                    }
                    let Outcome::Appended { position, .. } = receiver.recv().unwrap() else {
                        panic!("not kept, thread {thread}");
                    };
                    assert!(offsets(storage, 0, &pipe).contains(&position.offset));
                }
            });
        }
    });
    assert_eq!(*done.lock().unwrap(), (0..16 * 50).collect::<Vec<u64>>());
    assert_eq!(
        offsets(&storage, 0, "pipe_2"),
        (1..=16 * 16).collect::<Vec<u64>>()
    );
}

#[test]
fn a_reader_never_sees_a_history_between_two_states() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    write(&storage, settling(0, "p", 3));
    for _ in 0..3 {
        append(&storage, 0, "p", "x");
    }
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..300 {
                    let seen = offsets(&storage, 0, "p");
                    assert_eq!(seen, (seen[0]..seen[0] + 3).collect::<Vec<u64>>());
                }
            });
        }
        for _ in 0..300 {
            append(&storage, 0, "p", "x");
        }
    });
}

#[test]
fn a_completion_that_panics_harms_no_other() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    storage.submit(Vec::new(), Box::new(|_| panic!("on purpose")));
    append(&storage, 0, "p", "a");
    assert_eq!(payloads(&storage, 0, "p"), ["a"]);
}

#[test]
fn a_full_queue_fails_the_batch_at_its_turn() {
    let directory = tempdir().unwrap();
    let config = Config {
        queue_batches: 2,
        ..Config::default()
    };
    let storage = SqliteStorage::open(directory.path(), config).unwrap();
    let (started, waiting) = mpsc::channel();
    let (release, held) = mpsc::channel::<()>();
    storage.submit(
        Vec::new(),
        Box::new(move |_| {
            started.send(()).unwrap();
            held.recv().unwrap();
        }),
    );
    waiting.recv().unwrap();
    let (sender, results) = mpsc::channel();
    for _ in 0..3 {
        let sender = sender.clone();
        let batch = vec![appending(0, "p", "x", 9, 1)];
        storage.submit(batch, Box::new(move |result| sender.send(result).unwrap()));
    }
    assert_eq!(storage.stats().queued_batches, 2);
    assert_eq!(storage.stats().refused_batches, 1);
    release.send(()).unwrap();
    let results: Vec<_> = results.iter().take(3).collect();
    assert!(results[0].is_ok() && results[1].is_ok());
    let error = results[2].as_ref().unwrap_err().to_string();
    assert!(error.contains("queue is full"), "{error}");
    append(&storage, 0, "p", "there is room again");
}

#[test]
fn closing_finishes_the_queue_and_then_refuses() {
    let directory = tempdir().unwrap();
    let storage = open(directory.path());
    let (sender, results) = mpsc::channel();
    for _ in 0..100 {
        let sender = sender.clone();
        let batch = vec![appending(0, "p", "x", 1000, 1)];
        storage.submit(batch, Box::new(move |result| sender.send(result).unwrap()));
    }
    storage.close();
    assert!(results.try_iter().take(100).filter(Result::is_ok).count() == 100);
    let late = try_write(&storage, vec![appending(0, "p", "x", 1000, 1)]);
    assert_eq!(late, Err(StorageError::Closed));
    let read = storage.history(dev_id(0), &name("p"), Window::newest(1));
    assert_eq!(read, Err(StorageError::Closed));
    assert!(!directory.path().join("cometwire.db-wal").exists());
    // The directory is free although the closed store is still there.
    assert_eq!(offsets(&open(directory.path()), 0, "p").len(), 100);
    storage.close();
}

#[test]
fn a_completion_may_own_the_last_handle() {
    let directory = tempdir().unwrap();
    let storage = Arc::new(open(directory.path()));
    let (release, held) = mpsc::channel::<()>();
    let (sender, done) = mpsc::channel();
    let last = Arc::clone(&storage);
    storage.submit(
        vec![appending(0, "p", "x", 9, 1)],
        Box::new(move |_| {
            held.recv().unwrap();
            drop(last);
            sender.send(()).unwrap();
        }),
    );
    drop(storage);
    release.send(()).unwrap();
    done.recv().unwrap();
}
