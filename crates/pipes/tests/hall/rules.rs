//! Rules of `pipes_settings`: who may subscribe, publish and read, what changed
//! rules do to those inside, and that they hold for one tenant alone.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use pipes::family::Refusal;
use pipes::message::{Message, Sender, UnixTime};
use pipes::name::{DevId, EventName};
use pipes::pattern::PipePattern;
use pipes::resume::Step;
use pipes::rules::{Audience, RuleTexts, Rules};
use pipes::settings::PipeSettings;
use pipes::storage::{Storage, Window, Write};
use pipes::{Change, Effect, HallError};
use proptest::prelude::*;
use serde::Serialize;

use crate::support::{House, Tab, dev, payloads, pipe, publish, user};

fn settings(length: u32, texts: RuleTexts<'_>) -> PipeSettings {
    PipeSettings {
        length,
        age: 0,
        rules: Some(Arc::new(Rules::parse(&texts).unwrap())),
    }
}

/// The change that gives `pattern` these settings.
fn set(pattern: &str, settings: PipeSettings) -> Change {
    match PipePattern::parse(pattern, 1).unwrap() {
        PipePattern::Pipe(pipe) => Change::PutSettings { pipe, settings },
        PipePattern::Prefix(prefix) => Change::PutPrefixSettings { prefix, settings },
    }
}

fn rule(pattern: &str, texts: RuleTexts<'_>) -> Change {
    set(pattern, settings(0, texts))
}

fn unset(pattern: &str) -> Change {
    match PipePattern::parse(pattern, 1).unwrap() {
        PipePattern::Pipe(pipe) => Change::RemoveSettings { pipe },
        PipePattern::Prefix(prefix) => Change::RemovePrefixSettings { prefix },
    }
}

fn subscribe(who: &str) -> RuleTexts<'_> {
    RuleTexts {
        subscribe: who,
        user_ids: "5",
        ..RuleTexts::default()
    }
}

async fn say(house: &House, tab: &Tab, name: &str, event: &str) -> Result<u64, HallError> {
    let event = EventName::parse(event).unwrap();
    let published = house
        .hall
        .publish_for(&tab.connection, pipe(name), event, "hi".into(), false);
    published.await.map(|report| report.receivers)
}

async fn history(house: &House, tab: &Tab, name: &str) -> Result<usize, HallError> {
    let window = Window::newest(99);
    let name = pipe(name);
    let read = house.hall.history_for(&tab.connection, &name, window);
    read.await.map(|history| history.len())
}

/// Stores a message that was accepted long ago.
fn append_at(house: &House, name: &str, time: u64) {
    let message = Message {
        pipe: pipe(name),
        event: EventName::parse("e").unwrap(),
        payload: "old".into(),
        sender: Sender::Backend,
        time: UnixTime(time),
    };
    let append = Write::AppendHistory {
        dev_id: DevId::ROOT,
        message,
        default_length: 10,
    };
    house
        .store
        .submit(vec![append], Box::new(|outcome| assert!(outcome.is_ok())));
}

#[derive(Serialize)]
struct Claims<'a> {
    user_id: u32,
    exp: u64,
    pipes: &'a [&'a str],
}

async fn with_token(house: &House, user_id: u32, pipes: &[&str]) -> Tab {
    let key = house.hall.tenants().key(DevId::ROOT).unwrap().reveal();
    let secret = EncodingKey::from_secret(format!("{key}0").as_bytes());
    let exp = UnixTime::now().0 + 3600;
    let claims = Claims {
        user_id,
        exp,
        pipes,
    };
    let token = encode(&Header::new(Algorithm::HS256), &claims, &secret).unwrap();
    let claim = Some((user(user_id.into()), token));
    house.open(DevId::ROOT, claim).await.unwrap()
}

#[tokio::test]
async fn a_pipe_lets_in_those_its_row_names() {
    let house = House::start();
    let stranger = house.anonymous().await;
    let (listed, other) = (house.login(5).await, house.login(6).await);
    let bearer = with_token(&house, 7, &["web_a", "web_team_*"]).await;
    for (who, lets_in) in [
        ("anyone", [true, true, true, true]),
        ("authenticated", [false, true, true, true]),
        ("listed", [false, true, false, false]),
        ("token", [false, false, false, true]),
        ("listed,token", [false, true, false, true]),
        ("nobody", [false, false, false, false]),
    ] {
        house.apply_one(rule("web_a", subscribe(who))).await;
        for (tab, lets_in) in [&stranger, &listed, &other, &bearer]
            .into_iter()
            .zip(lets_in)
        {
            let refused = tab.subscribe(&["web_a"]);
            assert_eq!(refused.is_empty(), lets_in, "{who}");
            assert_eq!(tab.connection.is_subscribed(&pipe("web_a")), lets_in);
            let counts = house.hall.may_count(&tab.connection, &pipe("web_a"));
            assert_eq!(counts.is_ok(), lets_in, "{who}");
            tab.subscribe(&[]);
        }
    }
    house
        .apply_one(rule("web_team_*", subscribe("token")))
        .await;
    assert!(bearer.subscribe(&["web_team_1", "web_team_2"]).is_empty());
    let refused = listed.subscribe(&["web_team_1"]);
    let text = refused[0].1.to_string();
    assert!(text.contains("for token"), "{text}");
}

#[tokio::test]
async fn rules_never_widen_what_the_name_allows() {
    let house = House::start();
    let stranger = house.anonymous().await;
    let everything = RuleTexts {
        subscribe: "anyone",
        publish: "anyone",
        history: "anyone",
        ..RuleTexts::default()
    };
    house.apply_one(rule("*", everything)).await;
    assert!(!stranger.subscribe(&["private_a"]).is_empty());
    assert!(history(&house, &stranger, "private_a").await.is_err());
    for name in ["news", "webauth_a", "track_a"] {
        assert!(say(&house, &stranger, name, "e").await.is_err(), "{name}");
    }
    assert!(say(&house, &stranger, "web_a", "e").await.is_ok());
}

#[tokio::test]
async fn publishing_is_for_those_the_row_names_and_backends() {
    let house = House::start();
    let (listed, other) = (house.login(5).await, house.login(6).await);
    let texts = RuleTexts {
        publish: "listed",
        user_ids: "5",
        ..RuleTexts::default()
    };
    house.apply_one(rule("web_a", texts)).await;
    assert!(say(&house, &listed, "web_a", "e").await.is_ok());
    let refused = say(&house, &other, "web_a", "e").await;
    let expected = HallError::Refused(Refusal::PublishRule(Audience::LISTED));
    assert_eq!(refused, Err(expected));
    let published = house.apply_one(publish("web_a", "from a backend")).await;
    assert!(matches!(published, Effect::Published { .. }));
}

#[tokio::test]
async fn an_event_that_is_not_listed_is_refused_to_browsers_and_backends() {
    let house = House::start();
    let tab = house.anonymous().await;
    let texts = RuleTexts {
        events: "say,undefined",
        ..RuleTexts::default()
    };
    house.apply_one(rule("web_*", texts)).await;
    for event in ["say", "", "undefined"] {
        assert!(say(&house, &tab, "web_a", event).await.is_ok(), "{event}");
    }
    let refused = say(&house, &tab, "web_a", "move").await.unwrap_err();
    let text = refused.to_string();
    assert!(
        text.contains("move") && text.contains("say, undefined"),
        "{text}"
    );
    let backend = |event| Change::Publish {
        pipe: pipe("web_a"),
        event: EventName::parse(event).unwrap(),
        payload: "x".into(),
    };
    let refused = house.apply(vec![backend("say"), backend("move")]).await;
    assert!(matches!(refused, Err(HallError::EventNotListed { .. })));
    let foreseen = house.hall.foresee(DevId::ROOT, &backend("move"));
    assert!(foreseen.refusal.is_some());
    assert_eq!(foreseen.row.unwrap().to_string(), "web_*");
    assert!(house.apply(vec![backend("say")]).await.is_ok());
}

#[tokio::test]
async fn a_connection_publishes_no_faster_than_the_row_allows() {
    let house = House::start();
    let (tab, other) = (house.anonymous().await, house.anonymous().await);
    let texts = RuleTexts {
        rate: 3,
        ..RuleTexts::default()
    };
    house.apply_one(rule("web_*", texts)).await;
    for name in ["web_a", "web_b", "web_c"] {
        assert!(say(&house, &tab, name, "e").await.is_ok());
    }
    let refused = say(&house, &tab, "web_d", "e").await;
    assert!(matches!(refused, Err(HallError::TooFast { rate: 3, .. })));
    assert!(say(&house, &other, "web_d", "e").await.is_ok());
}

#[tokio::test]
async fn a_history_is_for_those_who_may_subscribe_unless_the_row_says_other() {
    let house = House::start();
    let (listed, other) = (house.login(5).await, house.login(6).await);
    house
        .apply_one(set("web_a", settings(5, subscribe("listed"))))
        .await;
    house.apply_one(publish("web_a", "1")).await;
    assert_eq!(history(&house, &listed, "web_a").await, Ok(1));
    let refused = history(&house, &other, "web_a").await;
    let expected = HallError::Refused(Refusal::SubscribeRule(Audience::LISTED));
    assert_eq!(refused, Err(expected));
    let public = RuleTexts {
        history: "anyone",
        ..subscribe("listed")
    };
    house.apply_one(set("web_a", settings(5, public))).await;
    assert_eq!(history(&house, &other, "web_a").await, Ok(1));
    let closed = RuleTexts {
        history: "nobody",
        ..subscribe("listed")
    };
    house.apply_one(set("web_a", settings(5, closed))).await;
    assert!(history(&house, &listed, "web_a").await.is_err());
}

#[tokio::test]
async fn who_may_listen_but_not_read_comes_back_to_a_gap_and_goes_on() {
    let house = House::start();
    let tab = house.login(5).await;
    let closed = RuleTexts {
        history: "nobody",
        ..RuleTexts::default()
    };
    house.apply_one(set("web_a", settings(5, closed))).await;
    let position = |effect| match effect {
        Effect::Published { position, .. } => position,
        other => panic!("{other:?}"),
    };
    let first = position(house.apply_one(publish("web_a", "1")).await);
    let second = position(house.apply_one(publish("web_a", "2")).await);
    assert!(tab.subscribe(&["web_a"]).is_empty());
    let reading = house
        .hall
        .begin_reading(&tab.connection, pipe("web_a"), first);
    let mut reading = reading.await.unwrap();
    let gap = house.hall.read_on(&mut reading, 1000).await.unwrap();
    assert_eq!(gap, Step::Gap(second.unwrap()));
    let end = house.hall.read_on(&mut reading, 1000).await.unwrap();
    assert_eq!(end, Step::Complete(second.unwrap()));
}

#[tokio::test]
async fn a_changed_rule_ends_subscriptions_at_once_and_says_so() {
    let house = House::start();
    let (listed, other) = (house.login(5).await, house.login(6).await);
    for tab in [&listed, &other] {
        assert!(tab.subscribe(&["web_a", "web_b", "track_a"]).is_empty());
    }
    for tab in [&listed, &other] {
        tab.news();
    }
    house.apply_one(rule("web_a", subscribe("listed"))).await;
    assert_eq!(
        other.news(),
        ["unsubscribed web_a: not everybody may subscribe to this pipe: it is for listed"]
    );
    assert_eq!(listed.news(), Vec::<String>::new());
    house.apply_one(publish("web_a", "hello")).await;
    assert_eq!(listed.news(), ["web_a hello"]);
    assert_eq!(other.news(), Vec::<String>::new());
    assert!(other.connection.is_subscribed(&pipe("web_b")));

    // A row that goes leaves the word to a stricter beginning.
    house.apply_one(rule("track_a", subscribe("anyone"))).await;
    house.apply_one(rule("track_*", subscribe("listed"))).await;
    assert!(other.connection.is_subscribed(&pipe("track_a")));
    house.apply_one(unset("track_a")).await;
    assert!(!other.connection.is_subscribed(&pipe("track_a")));
    assert_eq!(listed.news(), ["track_a left 6"]);
    assert_eq!(
        house.hall.subscriber_count(DevId::ROOT, &pipe("track_a")),
        1
    );
}

#[tokio::test]
async fn rules_hold_for_one_developer_alone() {
    let house = House::start();
    let inside = house.open(dev(15), None).await.unwrap();
    let outside = house.open(dev(16), None).await.unwrap();
    for tab in [&inside, &outside] {
        assert!(tab.subscribe(&["web_a"]).is_empty());
    }
    let closed = RuleTexts {
        subscribe: "nobody",
        publish: "nobody",
        events: "say",
        ..RuleTexts::default()
    };
    let applied = house.hall.apply(dev(15), vec![rule("*", closed)]);
    applied.await.unwrap();
    assert!(!inside.connection.is_subscribed(&pipe("web_a")));
    assert!(outside.connection.is_subscribed(&pipe("web_a")));
    assert!(say(&house, &inside, "web_a", "say").await.is_err());
    assert!(say(&house, &outside, "web_a", "move").await.is_ok());
    let move_ = vec![Change::Publish {
        pipe: pipe("web_a"),
        event: EventName::parse("move").unwrap(),
        payload: "x".into(),
    }];
    assert!(house.hall.apply(dev(15), move_.clone()).await.is_err());
    assert!(house.hall.apply(dev(16), move_).await.is_ok());
}

#[tokio::test]
async fn a_beginning_gives_its_pipes_a_history_also_within_one_batch() {
    let house = House::start();
    house
        .apply(vec![
            publish("web_a", "before"),
            set("web_*", PipeSettings::of_length(2)),
            publish("web_a", "1"),
            publish("web_a", "2"),
            publish("web_a", "3"),
            publish("news", "not kept"),
        ])
        .await
        .unwrap();
    let kept = |name| house.hall.history(DevId::ROOT, &pipe(name)).unwrap();
    assert_eq!(payloads(&kept("web_a")), ["2", "3"]);
    assert!(kept("news").is_empty());
    let house = house.restarted();
    house.apply_one(publish("web_b", "x")).await;
    house.apply_one(unset("web_*")).await;
    house.apply_one(publish("web_b", "y")).await;
    let kept = |name| house.hall.history(DevId::ROOT, &pipe(name)).unwrap();
    assert_eq!(payloads(&kept("web_b")), ["x"]);
}

#[tokio::test]
async fn messages_that_are_too_old_go_and_young_ones_stay() {
    let house = House::start();
    let now = UnixTime::now().0;
    let ageing = PipeSettings {
        length: 10,
        age: 60,
        rules: None,
    };
    house.apply_one(set("web_*", ageing)).await;
    house
        .apply_one(set("web_kept", PipeSettings::of_length(10)))
        .await;
    let unlimited = RuleTexts {
        subscribe: "anyone",
        ..RuleTexts::default()
    };
    house
        .apply_one(set("trust_a", settings(0, unlimited)))
        .await;
    for name in ["web_a", "trust_a", "trust_b"] {
        for age in [100_000, 90, 10] {
            append_at(&house, name, now - age);
        }
    }
    house.hall.purge();
    let kept = |name| house.hall.history(DevId::ROOT, &pipe(name)).unwrap().len();
    assert_eq!(kept("web_a"), 1, "a minute, as the beginning says");
    assert_eq!(kept("trust_a"), 3, "its row says nothing of age");
    assert_eq!(kept("trust_b"), 2, "two minutes, as all trust_ pipes");
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Subscribe(usize),
    Leave(usize),
    Rule(usize, Option<usize>),
}

const WHO: [&str; 4] = ["anyone", "authenticated", "listed", "nobody"];
const PATTERNS: [&str; 3] = ["web_a", "web_*", "*"];

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..3usize).prop_map(Act::Subscribe),
        (0..3usize).prop_map(Act::Leave),
        (0..3usize, prop::option::of(0..4usize)).prop_map(|(row, who)| Act::Rule(row, who)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever the order of rules and subscriptions, nobody is subscribed whom
    /// the rules that hold do not let in, and nobody else was put out.
    #[test]
    fn those_inside_are_those_who_came_and_were_always_allowed(
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let house = House::start();
            let tabs = [house.anonymous().await, house.login(5).await, house.login(6).await];
            let mut rows: [Option<usize>; 3] = [None; 3];
            let mut inside = [false; 3];
            let allows = |rows: &[Option<usize>; 3], tab: usize| {
                match rows.iter().flatten().next().map(|who| WHO[*who]) {
                    None | Some("anyone") => true,
                    Some("authenticated") => tab > 0,
                    Some("listed") => tab == 1,
                    Some(_) => false,
                }
            };
            for act in acts {
                match act {
                    Act::Subscribe(tab) => {
                        let refused = tabs[tab].subscribe(&["web_a"]);
                        inside[tab] = allows(&rows, tab);
                        assert_eq!(refused.is_empty(), inside[tab]);
                    }
                    Act::Leave(tab) => {
                        tabs[tab].subscribe(&[]);
                        inside[tab] = false;
                    }
                    Act::Rule(row, who) => {
                        rows[row] = who;
                        house.apply_one(match who {
                            Some(who) => rule(PATTERNS[row], subscribe(WHO[who])),
                            None => unset(PATTERNS[row]),
                        }).await;
                        for (tab, inside) in inside.iter_mut().enumerate() {
                            *inside &= allows(&rows, tab);
                        }
                    }
                }
                for (tab, inside) in tabs.iter().zip(inside) {
                    assert_eq!(tab.connection.is_subscribed(&pipe("web_a")), inside);
                }
                let count = inside.iter().filter(|inside| **inside).count();
                assert_eq!(house.hall.subscriber_count(DevId::ROOT, &pipe("web_a")), count);
            }
        });
    }
}
