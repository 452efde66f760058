//! Who gets what: order, reports, slow readers, huge messages.

use std::time::Duration;

use pipes::limits::Limits;
use pipes::message::{Event, LiveMessage, Message, Outgoing, Sender, UnixTime};
use pipes::name::EventName;
use pipes::shard::{Delivery, PipeId, Shard};
use pipes::tenant::Tenants;

use crate::support::*;

#[tokio::test]
async fn the_report_counts_the_others_and_the_sender_gets_no_copy() {
    let door = Door::open().await;
    let mut sender = door.original().await;
    sender.join(&door, "web_room", 1).await;
    let mut three = door.greeted(&anonymous("3.25", "js")).await;
    three.join(&door, "web_room", 2).await;
    let mut four = door.modern().await;
    four.join(&door, "web_room", 3).await;
    sender
        .say("web_pipe2\nweb_room\nsay\n*\n{\"t\":\"it's\"}")
        .await;
    let report = sender.message().await;
    assert_eq!(report["pipe"], "_answer_to_web_room");
    assert_eq!(report["data"]["number_messages"], 2);
    assert_eq!(report["data"]["error"], "");
    assert_eq!(report["data"]["message"], "{\"t\":\"it's\"}");
    let said = four.message().await;
    assert_eq!(said["data"], "{\"t\":\"it\\u0027s\"}");
    assert_eq!(said["user_id"], 0);
    assert!(said.get("event_name").is_none());
    assert_eq!(three.message().await["event_name"], "say");
    // The next thing the sender hears is the answer to its ping: no copy came.
    sender.settle().await;
    let mut outsider = door.original().await;
    outsider.say("web_pipe2\n@web_room\nsay\n*\nx").await;
    let report = outsider.message().await;
    assert_eq!(report["data"]["number_messages"], 3);
    assert_eq!(report["pipe"], "_answer_to_web_room");
    outsider.say("web_pipe2\nweb_nobody\nsay\n*\nx").await;
    let report = outsider.message().await;
    assert_eq!(report["data"]["number_messages"], 0);
}

#[tokio::test]
async fn frames_of_every_length_arrive_whole() {
    let door = Door::open().await;
    let mut reader = door.original().await;
    reader.join(&door, "news", 1).await;
    let lengths = (0..200).chain([65_400, 65_535, 65_536, 70_000, 1_000_000]);
    for length in lengths {
        let payload = "p".repeat(length);
        door.publish("news", payload.as_str()).await;
        assert_eq!(reader.message().await["data"], payload.as_str());
    }
}

#[tokio::test]
async fn many_messages_come_in_order_to_everyone() {
    const MESSAGES: usize = 2000;
    let door = Door::open().await;
    let mut readers = Vec::new();
    for count in 1..=5 {
        let mut reader = door.original().await;
        reader.join(&door, "news", count).await;
        readers.push(reader);
    }
    for number in 0..MESSAGES {
        door.publish("news", number.to_string()).await;
    }
    for reader in &mut readers {
        for number in 0..MESSAGES {
            assert_eq!(reader.message().await["data"], number.to_string());
        }
    }
}

#[tokio::test]
async fn a_slow_reader_is_cut_off_and_nobody_else_notices() {
    const BOUND: usize = 256 * 1024;
    let door = Door::with(|config| config.limits.queued_bytes = BOUND).await;
    let mut slow = door.narrow(&anonymous("4.08", "js")).await;
    slow.join(&door, "news", 1).await;
    let mut good = door.original().await;
    good.join(&door, "news", 2).await;
    let filler = "x".repeat(64 * 1024);
    let mut sent = 0;
    while door.slow_readers() == 0 {
        assert!(sent < 2000, "the slow reader was never cut off");
        door.publish("news", format!("{sent} {filler}")).await;
        let got = good.message().await;
        assert!(
            got["data"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{sent} "))
        );
        sent += 1;
    }
    door.subscribers("news", 1).await;
    // What the slow one had been sent is in order, cut off, and without a Close.
    let frames = slow.frames_to_end().await;
    assert!(frames.len() < sent);
    for (number, frame) in frames.iter().enumerate() {
        assert_eq!(frame.first, 0x81);
        let message: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
        let data = message["data"].as_str().unwrap();
        assert!(data.starts_with(&format!("{number} ")));
    }
    door.publish("news", "after").await;
    assert_eq!(good.message().await["data"], "after");
    assert_eq!(door.slow_readers(), 1);
}

#[tokio::test]
async fn a_message_beyond_the_bound_reaches_a_reader_and_so_does_the_next() {
    let door = Door::with(|config| config.limits.queued_bytes = 16 * 1024).await;
    let mut reader = door.narrow(&anonymous("4.08", "js")).await;
    reader.join(&door, "news", 1).await;
    let huge = "h".repeat(8 * 1024 * 1024);
    door.publish("news", huge.as_str()).await;
    door.publish("news", "small").await;
    assert_eq!(reader.message().await["data"], huge.as_str());
    assert_eq!(reader.message().await["data"], "small");
    reader.settle().await;
    assert_eq!(door.slow_readers(), 0);
}

#[tokio::test]
async fn a_sender_that_never_reads_its_reports_is_a_slow_reader() {
    let door = Door::with(|config| config.limits.queued_bytes = 16 * 1024).await;
    let mut deaf = door.narrow(&anonymous("4.08", "js")).await;
    let payload = "x".repeat(64 * 1024);
    let command = masked(
        0x81,
        format!("web_pipe2\nweb_a\ne\n*\n{payload}").as_bytes(),
    );
    let mut sent = 0;
    while door.slow_readers() == 0 {
        assert!(sent < 5000, "never cut off");
        sent += 1;
        let written = tokio::io::AsyncWriteExt::write_all(&mut deaf.stream, &command);
        if soon(written).await.is_err() {
            break;
        }
    }
    until(|| door.slow_readers() == 1).await;
    until(|| door.hall.counters().connections() == 0).await;
}

#[tokio::test]
async fn a_list_of_pipes_is_replaced_and_bounded() {
    let limits = Limits {
        subscriptions_per_connection: 40,
        ..Limits::default()
    };
    let door = Door::of(Tenants::new("k"), limits, |_| {}).await;
    let mut browser = door.original().await;
    let names: Vec<String> = (0..50).map(|number| format!("pipe_{number}")).collect();
    browser
        .say(&format!("subscription\n{}", names.join("\n")))
        .await;
    assert_eq!(browser.error().await["code"], "403");
    browser.settle().await;
    door.publish("pipe_39", "in").await;
    door.publish("pipe_40", "out").await;
    assert_eq!(browser.message().await["pipe"], "pipe_39");
    browser.settle().await;
    browser
        .say("subscription\nsys\n_answer_to_web_a\nsubscription\nx\nnews")
        .await;
    browser.error().await;
    door.subscribers("news", 1).await;
    door.subscribers("pipe_39", 0).await;
    browser.say("subscription").await;
    door.subscribers("news", 0).await;
}

#[tokio::test]
async fn members_of_a_tracked_pipe_see_real_moves_only() {
    let door = Door::open().await;
    let mut first = door.original().await;
    first.join(&door, "track_hall", 1).await;
    let mut second = door.original().await;
    second.join(&door, "track_hall", 2).await;
    second.say("subscription\ntrack_hall\nnews").await;
    door.subscribers("news", 1).await;
    let joined = first.message().await;
    assert_eq!(joined["event"], "subscription");
    assert_eq!(joined["data"]["uuid"], "u1");
    first.say("track_pipe_users\ntrack_hall\n99").await;
    let listed = first.message().await;
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert_eq!(listed["marker"], "99");
    second.crash();
    assert_eq!(first.message().await["event"], "unsubscription");
}

#[tokio::test]
async fn a_command_that_takes_its_time_does_not_hold_up_what_waits_for_the_socket() {
    // No tick comes to the shards unasked.
    let door = Door::with(|config| config.limits.keep_alive = Duration::from_secs(36_000)).await;
    let mut reader = door.narrow(&anonymous("4.08", "js")).await;
    reader.join(&door, "news", 1).await;
    let huge = "h".repeat(16 * 1024 * 1024);
    door.publish("news", huge.as_str()).await;
    soon(reader.stream.readable()).await.unwrap();
    // So much lies in both shards' queues, unnoticed, that publishers wait.
    let ballast = Outgoing::new(Event::Message(LiveMessage {
        message: Message {
            pipe: pipe("nowhere"),
            event: EventName::parse("e").unwrap(),
            payload: "b".repeat(32 * 1024 * 1024).into(),
            sender: Sender::Backend,
            time: UnixTime::now(),
        },
        position: None,
    }));
    for shard in door.gateway.shards() {
        shard.push(Delivery::Publish {
            pipe: PipeId(u64::MAX),
            event: ballast.clone(),
            except: None,
        });
    }
    reader.say("web_pipe2\nweb_a\ne\n*\nx").await;
    assert_eq!(reader.message().await["data"], huge.as_str());
    for shard in door.gateway.shards() {
        shard.wake();
    }
    assert_eq!(reader.message().await["pipe"], "_answer_to_web_a");
}
