//! Transactions: what a session sees of its own changes, what others see, and
//! what becomes visible together at COMMIT or not at all.

use cometql::backend::Session;
use proptest::prelude::*;

use super::house::{Client, House};

const SAY: &str = "INSERT INTO pipes_messages (name, event, message) VALUES";

async fn say(client: &mut Client, pipe: &str, text: &str) -> String {
    client
        .done(&format!("{SAY} ('{pipe}', 'e', '{text}')"))
        .await
        .info
}

#[tokio::test]
async fn nothing_is_visible_before_commit_and_everything_in_order_after() {
    let house = House::start();
    let mut php = house.login("root");
    let mut other = house.login("root");
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'key')")
        .await;
    let browser = house.browser(0, Some((1, "key"))).await;
    browser.subscribe_to(&["one", "two"]);
    php.done("BEGIN").await;
    assert_eq!(say(&mut php, "one", "1").await, "Waiting for COMMIT: 1");
    php.done("INSERT INTO users_messages (id, event, message) VALUES (1, 'p', 'mail')")
        .await;
    php.done("INSERT INTO users_auth (id, hash) VALUES (2, 'second')")
        .await;
    php.done("INSERT INTO pipes_settings (name, length) VALUES ('two', 5)")
        .await;
    assert_eq!(say(&mut php, "two", "2").await, "Waiting for COMMIT: 5");
    assert!(browser.news().is_empty());
    for (sql, mine) in [
        ("SELECT hash FROM users_auth WHERE id = 2", "second"),
        ("SELECT hash FROM users_auth WHERE id > 1", "second"),
        ("SELECT length FROM pipes_settings WHERE name = 'two'", "5"),
        (
            "SELECT `index`, message FROM pipes_messages WHERE name = 'two'",
            "0|2",
        ),
        ("SELECT message FROM users_messages WHERE id = 1", "mail"),
    ] {
        assert_eq!(php.rows(sql).await, mine, "{sql}");
        assert_eq!(other.rows(sql).await, "", "{sql}");
    }
    let done = php.done("COMMIT").await;
    assert_eq!(done.info, "Receivers: 3  Offset: 1");
    assert_eq!((done.affected_rows, done.insert_id), (0, 0));
    assert_eq!(browser.news(), ["one/e 1", "msg/p mail", "two/e 2"]);
    assert_eq!(
        other.rows("SELECT hash FROM users_auth WHERE id = 2").await,
        "second"
    );
    assert_eq!(other.rows("SELECT message FROM pipes_messages").await, "2");
    assert_eq!(php.done("COMMIT").await.info, "");
}

#[tokio::test]
async fn rollback_and_every_way_to_leave_undo_everything() {
    let house = House::start();
    let mut other = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    for way in [
        "ROLLBACK",
        "ROLLBACK AND NO CHAIN NO RELEASE",
        "reset",
        "leave",
    ] {
        let mut php = house.login("root");
        php.done("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ WRITE")
            .await;
        say(&mut php, "pipe", "never").await;
        php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'never')")
            .await;
        match way {
            "reset" => php.session.reset(),
            "leave" => drop(php),
            sql => assert_eq!(php.done(sql).await.info, "Rolled back: 2"),
        }
        assert_eq!(other.rows("SELECT hash FROM users_auth").await, "", "{way}");
    }
    assert!(browser.news().is_empty());
}

#[tokio::test]
async fn savepoints_take_back_what_came_after_them() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    php.done("BEGIN WORK").await;
    say(&mut php, "pipe", "1").await;
    php.done("SAVEPOINT `a`").await;
    say(&mut php, "pipe", "2").await;
    php.done("SAVEPOINT b").await;
    php.done("ROLLBACK WORK TO SAVEPOINT A").await;
    assert_eq!(php.refused("ROLLBACK TO b").await.0, 1305);
    say(&mut php, "pipe", "3").await;
    php.done("RELEASE SAVEPOINT a").await;
    assert_eq!(php.refused("RELEASE SAVEPOINT a").await.0, 1305);
    php.done("COMMIT WORK").await;
    assert_eq!(browser.news(), ["pipe/e 1", "pipe/e 3"]);
    assert_eq!(php.refused("ROLLBACK TO a").await.0, 1305);
    php.done("SAVEPOINT a").await;
    assert_eq!(php.refused("ROLLBACK TO a").await.0, 1305);
}

#[tokio::test]
async fn a_statement_that_fails_undoes_only_itself() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    php.done("BEGIN").await;
    say(&mut php, "pipe", "1").await;
    for (sql, number) in [
        (format!("{SAY} ('pipe', 'e', 'x'), ('p', 'e', 'x')"), 17),
        (format!("{SAY} ('pipe', 'e', 'x'), ('sys', 'e', 'x')"), 12),
        (format!("{SAY} ('pipe', 'e')"), 14),
        ("nonsense".to_owned(), 3),
    ] {
        assert_eq!(php.refused(&sql).await.0, number, "{sql}");
        assert!(php.session.in_transaction());
    }
    say(&mut php, "pipe", "2").await;
    php.done("COMMIT").await;
    assert_eq!(browser.news(), ["pipe/e 1", "pipe/e 2"]);
}

#[tokio::test]
async fn without_autocommit_the_first_change_begins_and_switching_it_on_commits() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    php.done("SET autocommit=0").await;
    assert!(!php.session.in_transaction());
    say(&mut php, "pipe", "1").await;
    assert!(php.session.in_transaction());
    php.done("ROLLBACK").await;
    assert!(!php.session.in_transaction());
    say(&mut php, "pipe", "2").await;
    php.done("COMMIT").await;
    assert_eq!(browser.news(), ["pipe/e 2"]);
    say(&mut php, "pipe", "3").await;
    assert!(browser.news().is_empty());
    php.done("SET autocommit=1").await;
    assert_eq!(browser.news(), ["pipe/e 3"]);
    assert!(!php.session.in_transaction());
    say(&mut php, "pipe", "4").await;
    assert_eq!(browser.news(), ["pipe/e 4"]);
}

#[tokio::test]
async fn begin_commits_what_is_open_and_chain_begins_again() {
    let house = House::start();
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    php.done("BEGIN").await;
    say(&mut php, "pipe", "1").await;
    php.done("BEGIN").await;
    assert_eq!(browser.news(), ["pipe/e 1"]);
    say(&mut php, "pipe", "2").await;
    php.done("COMMIT AND CHAIN").await;
    assert_eq!(browser.news(), ["pipe/e 2"]);
    assert!(php.session.in_transaction());
    say(&mut php, "pipe", "3").await;
    php.done("ROLLBACK AND CHAIN").await;
    assert!(php.session.in_transaction());
    assert_eq!(php.refused("COMMIT RELEASE").await.0, 2);
    assert_eq!(php.refused("START TRANSACTION READ").await.0, 3);
    assert_eq!(
        php.refused("START TRANSACTION ISOLATION LEVEL x").await.0,
        3
    );
    php.done("COMMIT").await;
    assert!(browser.news().is_empty());
    php.done("COMMIT AND CHAIN").await;
    assert!(!php.session.in_transaction());
}

#[tokio::test]
async fn a_read_only_transaction_changes_nothing() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("START TRANSACTION READ ONLY").await;
    for sql in [
        "INSERT INTO users_auth (id, hash) VALUES (1, 'k')",
        "DELETE FROM users_auth WHERE id = 1",
    ] {
        assert_eq!(php.refused(sql).await.0, 1792, "{sql}");
    }
    assert_eq!(php.rows("SELECT COUNT(*) FROM users_auth").await, "0");
    php.done("COMMIT").await;
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'k')")
        .await;
    php.done("SET SESSION transaction_read_only = 1").await;
    let sql = "INSERT INTO users_auth (id, hash) VALUES (2, 'k')";
    assert_eq!(php.refused(sql).await.0, 1792);
    php.done("START TRANSACTION READ WRITE").await;
    php.done(sql).await;
    php.done("COMMIT").await;
    assert_eq!(php.rows("SELECT COUNT(*) FROM users_auth").await, "2");
}

#[tokio::test]
async fn a_transaction_is_bounded_and_says_so() {
    let house = House::with(|config| config.transaction.max_changes = 2);
    let mut php = house.login("root");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    php.done("BEGIN").await;
    say(&mut php, "pipe", "1").await;
    let sql = format!("{SAY} ('pipe', 'e', 'x'), ('pipe', 'e', 'y')");
    assert_eq!(php.refused(&sql).await.0, 1197);
    say(&mut php, "pipe", "2").await;
    assert_eq!(php.refused("SAVEPOINT a").await.0, 1197);
    php.done("COMMIT").await;
    assert_eq!(browser.news(), ["pipe/e 1", "pipe/e 2"]);
    // One statement by itself is no transaction and has its own bounds.
    php.done(&format!(
        "{SAY} ('pipe','e','1'), ('pipe','e','2'), ('pipe','e','3')"
    ))
    .await;
    assert_eq!(browser.news().len(), 3);
}

#[tokio::test]
async fn root_does_not_change_the_tenant_while_changes_wait() {
    let house = House::start();
    let mut root = house.login("root");
    root.done("BEGIN").await;
    root.done("USE db_15").await;
    root.done("INSERT INTO users_auth (id, hash) VALUES (1, 'of15')")
        .await;
    assert_eq!(root.refused("USE db_16").await.0, 1192);
    assert!(root.session.use_database("db_16").is_err());
    root.done("USE db_15").await;
    root.done("USE CometQL_v1").await;
    root.done("COMMIT").await;
    root.done("USE db_16").await;
    assert_eq!(root.rows("SELECT hash FROM users_auth").await, "");
    root.done("USE db_15").await;
    assert_eq!(root.rows("SELECT hash FROM users_auth").await, "of15");
}

#[tokio::test]
async fn looking_first_finds_own_rows_that_wait() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("BEGIN").await;
    php.done("INSERT INTO users_auth (id, hash) VALUES (1, 'first')")
        .await;
    let ignored = php
        .done("INSERT IGNORE INTO users_auth (id, hash) VALUES (1, 'second')")
        .await;
    assert_eq!((ignored.affected_rows, ignored.info.as_str()), (0, ""));
    php.done(
        "INSERT INTO users_auth (id, hash) VALUES (1, 'x') ON DUPLICATE KEY UPDATE hash = hash",
    )
    .await;
    php.done("DELETE FROM users_auth WHERE hash = 'nobody'")
        .await;
    php.done("INSERT INTO users_auth (id, hash) VALUES (2, 'gone')")
        .await;
    php.done("DELETE FROM users_auth WHERE hash = 'gone'").await;
    assert_eq!(php.rows("SELECT id, hash FROM users_auth").await, "1|first");
    php.done("COMMIT").await;
    assert_eq!(php.rows("SELECT id, hash FROM users_auth").await, "1|first");
}

#[tokio::test]
async fn a_history_shows_its_own_waiting_messages_as_it_will_keep_them() {
    let house = House::start();
    let mut php = house.login("root");
    php.done("INSERT INTO pipes_settings (name, length) VALUES ('kept', 2)")
        .await;
    say(&mut php, "kept", "1").await;
    php.done("BEGIN").await;
    say(&mut php, "kept", "2").await;
    say(&mut php, "kept", "3").await;
    say(&mut php, "plain", "unkept").await;
    say(&mut php, "trust_a", "kept").await;
    let seen = "SELECT name, `index`, message FROM pipes_messages";
    assert_eq!(php.rows(seen).await, "kept|0|2;kept|1|3;trust_a|0|kept");
    assert_eq!(
        php.rows("SELECT id FROM pipes_messages WHERE name = 'kept'")
            .await,
        ";"
    );
    assert_eq!(
        php.refused("DELETE FROM pipes_messages WHERE message = '3'")
            .await
            .0,
        2
    );
    php.done("INSERT INTO pipes_settings (name, length) VALUES ('kept', 1)")
        .await;
    assert_eq!(php.rows(seen).await, "kept|0|3;trust_a|0|kept");
    php.done("DELETE FROM pipes_messages WHERE name = 'trust_a'")
        .await;
    php.done("DELETE FROM pipes_settings WHERE name = 'kept'")
        .await;
    assert_eq!(php.rows(seen).await, "");
    say(&mut php, "kept", "4").await;
    assert_eq!(php.rows(seen).await, "");
    php.done("ROLLBACK").await;
    assert_eq!(php.rows(seen).await, "kept|0|1");
}

#[tokio::test]
async fn a_session_can_ask_what_came_of_its_last_messages() {
    let house = House::start();
    let mut php = house.login("root");
    let ask = "SELECT @@cometwire_receivers, @@cometwire_offset";
    assert_eq!(php.rows(ask).await, "~|~");
    let browser = house.browser(0, None).await;
    browser.subscribe("pipe");
    say(&mut php, "pipe", "1").await;
    assert_eq!(php.rows(ask).await, "1|~");
    php.done("INSERT INTO pipes_settings (name, length) VALUES ('pipe', 2)")
        .await;
    assert_eq!(php.rows(ask).await, "1|~");
    php.done("BEGIN").await;
    say(&mut php, "pipe", "2").await;
    say(&mut php, "pipe", "3").await;
    assert_eq!(php.rows(ask).await, "1|~");
    php.done("COMMIT").await;
    assert_eq!(php.rows(ask).await, "2|2");
    assert_eq!(
        php.rows("SHOW VARIABLES LIKE 'cometwire\\_o%'").await,
        "cometwire_offset|2"
    );
    php.done("SET cometwire_receivers = 9").await;
    assert_eq!(php.rows(ask).await, "2|2");
    php.session.reset();
    assert_eq!(php.rows(ask).await, "~|~");
}

/// One step of one of two sessions.
#[derive(Debug, Clone)]
enum Step {
    Begin,
    Commit,
    Rollback,
    Savepoint(u8),
    RollbackTo(u8),
    Release(u8),
    Say(u8),
    Key(u8, u8),
    NoKey(u8),
    Refused,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Begin),
        3 => Just(Step::Commit),
        1 => Just(Step::Rollback),
        2 => (0_u8..3).prop_map(Step::Savepoint),
        2 => (0_u8..3).prop_map(Step::RollbackTo),
        1 => (0_u8..3).prop_map(Step::Release),
        6 => any::<u8>().prop_map(Step::Say),
        4 => (1_u8..4, any::<u8>()).prop_map(|(user, key)| Step::Key(user, key)),
        2 => (1_u8..4).prop_map(Step::NoKey),
        1 => Just(Step::Refused),
    ]
}

type Keys = std::collections::BTreeMap<u8, u8>;

/// What everybody sees.
#[derive(Debug, Clone, Default)]
struct World {
    heard: Vec<String>,
    keys: Keys,
}

impl World {
    fn carry_out(&mut self, step: &Step) {
        match step {
            Step::Say(text) => self.heard.push(format!("pipe/e {text}")),
            Step::Key(user, key) => {
                self.keys.insert(*user, *key);
            }
            Step::NoKey(user) => {
                self.keys.remove(user);
            }
            _ => {}
        }
    }
}

/// What one session has open.
#[derive(Debug, Default)]
struct Modelled {
    open: bool,
    waiting: Vec<Step>,
    savepoints: Vec<(u8, usize)>,
}

impl Modelled {
    /// Whether the statement is accepted.
    fn take(&mut self, step: &Step, world: &mut World) -> bool {
        let place = |name: &u8, savepoints: &[(u8, usize)]| {
            savepoints.iter().position(|(known, _)| known == name)
        };
        match step {
            Step::Begin | Step::Commit => {
                for waiting in std::mem::take(self).waiting {
                    world.carry_out(&waiting);
                }
                self.open = matches!(step, Step::Begin);
            }
            Step::Rollback => *self = Self::default(),
            Step::Savepoint(name) if self.open => {
                self.savepoints.retain(|(known, _)| known != name);
                self.savepoints.push((*name, self.waiting.len()));
            }
            Step::Savepoint(_) => {}
            Step::RollbackTo(name) => {
                let Some(place) = place(name, &self.savepoints) else {
                    return false;
                };
                self.savepoints.truncate(place + 1);
                self.waiting.truncate(self.savepoints[place].1);
            }
            Step::Release(name) => {
                let Some(place) = place(name, &self.savepoints) else {
                    return false;
                };
                self.savepoints.truncate(place);
            }
            Step::Refused => return false,
            change if self.open => self.waiting.push(change.clone()),
            change => world.carry_out(change),
        }
        true
    }

    /// The keys this session sees.
    fn keys(&self, world: &World) -> Keys {
        let mut seen = World {
            keys: world.keys.clone(),
            heard: Vec::new(),
        };
        for waiting in &self.waiting {
            seen.carry_out(waiting);
        }
        seen.keys
    }
}

fn sql(step: &Step) -> String {
    match step {
        Step::Begin => "BEGIN".to_owned(),
        Step::Commit => "COMMIT".to_owned(),
        Step::Rollback => "ROLLBACK".to_owned(),
        Step::Savepoint(name) => format!("SAVEPOINT s{name}"),
        Step::RollbackTo(name) => format!("ROLLBACK TO s{name}"),
        Step::Release(name) => format!("RELEASE SAVEPOINT s{name}"),
        Step::Say(text) => format!("{SAY} ('pipe', 'e', '{text}')"),
        Step::Key(user, key) => {
            format!("INSERT INTO users_auth (id, hash) VALUES ({user}, 'k{key}')")
        }
        Step::NoKey(user) => format!("DELETE FROM users_auth WHERE id = {user}"),
        Step::Refused => format!("{SAY} ('pipe', 'e', 'x'), ('sys', 'e', 'x')"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn sessions_in_any_order_show_what_a_simple_model_shows(
        steps in proptest::collection::vec((0_usize..2, step()), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::start();
            let browser = house.browser(0, None).await;
            browser.subscribe("pipe");
            let mut clients = [house.login("root"), house.login("root")];
            let mut modelled = [Modelled::default(), Modelled::default()];
            let mut world = World::default();
            for (who, step) in &steps {
                let accepted = modelled[*who].take(step, &mut world);
                let answer = clients[*who].run(&sql(step), &[]).await;
                assert_eq!(answer.is_ok(), accepted, "{step:?}: {answer:?}");
                assert_eq!(browser.news(), std::mem::take(&mut world.heard), "{step:?}");
                for (client, modelled) in clients.iter_mut().zip(&modelled) {
                    assert_eq!(client.session.in_transaction(), modelled.open);
                    let expected: Vec<String> = modelled
                        .keys(&world)
                        .iter()
                        .map(|(user, key)| format!("{user}|k{key}"))
                        .collect();
                    let seen = client.rows("SELECT id, hash FROM users_auth WHERE id IN (1, 2, 3)").await;
                    assert_eq!(seen, expected.join(";"), "{step:?}");
                }
            }
        });
    }
}
