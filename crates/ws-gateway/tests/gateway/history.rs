//! Reading what was said before.

use std::sync::Arc;

use pipes::Change;
use pipes::rules::{RuleTexts, Rules};
use pipes::settings::PipeSettings;

use crate::support::*;

#[tokio::test]
async fn a_history_comes_in_order_with_the_mark_each_generation_bears() {
    let door = Door::open().await;
    door.keep_history("news", 5).await;
    for number in 0..8 {
        door.publish("news", number.to_string()).await;
    }
    for (version, marker) in [("4.08", None), ("3.25", Some("551"))] {
        let mut browser = door.greeted(&anonymous(version, "js")).await;
        browser.say("pipe_log\nnews\n551\n").await;
        for number in 3..8 {
            let entry = browser.message().await;
            assert_eq!(entry["data"], number.to_string());
            assert_eq!(entry["history"], true);
            assert_eq!(entry["fromQueue"], true);
            assert_eq!(entry["user_id"], 0);
            assert_eq!(entry.get("marker").and_then(|m| m.as_str()), marker);
        }
        browser.say("pipe_log\nnothing\n1\n").await;
        browser.settle().await;
    }
}

#[tokio::test]
async fn a_history_far_beyond_the_bound_reaches_a_slow_reader_whole() {
    let door = Door::with(|config| config.limits.queued_bytes = 32 * 1024).await;
    door.keep_history("news", 99).await;
    // 16 MB in all, several entries larger than the bound itself.
    let filler = "x".repeat(20 * 1024);
    let large = "y".repeat(1024 * 1024);
    for number in 0..99 {
        let filler = if number % 7 == 0 { &large } else { &filler };
        door.publish("news", format!("{number} {filler}")).await;
    }
    let mut browser = door.narrow(&anonymous("4.08", "js")).await;
    browser.join(&door, "live", 1).await;
    browser.say("pipe_log\nnews\n1\n").await;
    let first = browser.message().await;
    assert!(first["data"].as_str().unwrap().starts_with("0 "));
    // Live messages go on in between.
    door.publish("live", "now").await;
    let mut seen = 1;
    let mut live = 0;
    while seen < 99 || live < 1 {
        let message = browser.message().await;
        if message["pipe"] == "live" {
            live += 1;
            continue;
        }
        let expected = format!("{seen} ");
        assert!(message["data"].as_str().unwrap().starts_with(&expected));
        seen += 1;
    }
    browser.settle().await;
    assert_eq!(door.slow_readers(), 0);
}

#[tokio::test]
async fn a_browser_that_leaves_in_the_middle_of_a_history_is_gone() {
    let door = Door::with(|config| config.limits.queued_bytes = 32 * 1024).await;
    door.keep_history("news", 99).await;
    for _ in 0..99 {
        door.publish("news", "x".repeat(256 * 1024)).await;
    }
    let mut browser = door.narrow(&anonymous("4.08", "js")).await;
    browser.say("pipe_log\nnews\n1\n").await;
    browser.message().await;
    browser.crash();
    until(|| door.hall.counters().connections() == 0).await;
}

#[tokio::test]
async fn a_rule_that_shuts_a_browser_out_ends_what_it_is_being_sent_of_the_past() {
    const MESSAGES: u32 = 20;
    let door = Door::open().await;
    door.keep_history("news", MESSAGES).await;
    let mut early = door.greeted(&anonymous("4.50", "cometwire")).await;
    early.say("resume\nnews\n\n").await;
    let mark = early.message().await;
    drop(early);
    for number in 0..MESSAGES {
        let filler = "x".repeat(2 * 1024 * 1024);
        door.publish("news", format!("{number} {filler}")).await;
    }
    let mut browser = door.narrow(&anonymous("4.50", "cometwire")).await;
    let (epoch, offset) = (&mark["epoch"], &mark["offset"]);
    browser
        .say(&format!("resume\nnews\n{epoch}\n{offset}"))
        .await;
    assert_eq!(browser.message().await["resumed"], true);
    let rules = RuleTexts {
        subscribe: "authenticated",
        ..RuleTexts::default()
    };
    door.apply(Change::PutSettings {
        pipe: pipe("news"),
        settings: PipeSettings {
            length: MESSAGES,
            age: 0,
            rules: Some(Arc::new(Rules::parse(&rules).unwrap())),
        },
    })
    .await;
    door.subscribers("news", 0).await;
    browser.say("pipe_count\nweb_end\nend\n").await;
    let mut sent = 1;
    loop {
        let message = browser.message().await;
        if message["marker"] == "end" {
            break;
        }
        assert_ne!(message["event"], "resumed");
        sent += u32::from(message["pipe"] == "news");
    }
    assert!(sent < MESSAGES, "{sent} messages");
}
