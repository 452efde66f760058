//! A SELECT by key is answered without the query engine. The engine, asked the
//! same in other words, must give the same columns and rows.

use cometql::answer::{Answer, ResultSet};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::house::{Browser, Client, House};

const TABLES: [(&str, &str, &[&str]); 7] = [
    ("users_auth", "id", &["id", "hash"]),
    ("users_time", "id", &["id", "time"]),
    ("users_messages", "id", &["id", "index", "event", "message"]),
    (
        "pipes_messages",
        "name",
        &["id", "time", "name", "event", "message", "user_id"],
    ),
    (
        "users_in_pipes",
        "name",
        &["name", "user_id", "user_uuid", "ip", "origin"],
    ),
    ("pipes", "name", &["name", "users"]),
    ("pipes_settings", "name", &["name", "length"]),
];

const IDS: [&str; 6] = ["1", "'2'", "+3", "0", "-1", "\"4\""];
const NAMES: [&str; 7] = [
    "one",
    "'two'",
    "\"three\"",
    "`one`",
    "'ab'",
    "'no way'",
    "four",
];

async fn filled() -> (House, Client, Vec<Browser>) {
    let house = House::start();
    let mut php = house.login("root");
    for sql in [
        "INSERT INTO users_auth (id, hash) VALUES (1, 'a'), (2, 'b'), (3, 'c')",
        "INSERT INTO users_messages (id, event, message) VALUES (1,'a','x'),(3,'','y'),(1,'b','')",
        "INSERT INTO pipes_settings (name, length) VALUES ('one', 5), ('three', 9)",
        "INSERT INTO pipes_messages (name, event, message) VALUES ('one','a','x'),('three','','y'),('one','','z')",
    ] {
        php.done(sql).await;
    }
    let browsers = vec![
        house.browser(0, Some((2, "b"))).await,
        house.browser(0, None).await,
    ];
    browsers[0].subscribe("one");
    browsers[1].subscribe_to(&["one", "two"]);
    (house, php, browsers)
}

fn lookup() -> impl Strategy<Value = (String, String)> {
    let limit = prop_oneof![
        Just(String::new()),
        (0u8..4).prop_map(|count| format!(" LIMIT {count}")),
        (0u8..3, 0u8..3).prop_map(|(offset, count)| format!(" LIMIT {offset}, {count}")),
    ];
    let table = prop::sample::select(TABLES.to_vec());
    (
        table,
        any::<u8>(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        limit,
    )
        .prop_map(|((table, key, columns), mask, keys, limit)| {
            let keys: Vec<&str> = keys
                .iter()
                .map(|index| match key {
                    "id" => IDS[index.index(IDS.len())],
                    _ => NAMES[index.index(NAMES.len())],
                })
                .collect();
            let chosen: Vec<String> = (0..columns.len())
                .rev()
                .filter(|place| mask & (1 << place) != 0)
                .map(|place| format!("`{}`", columns[place]))
                .collect();
            let columns = if chosen.is_empty() {
                columns.iter().map(|column| format!("`{column}`")).collect()
            } else {
                chosen
            };
            let columns = columns.join(", ");
            let condition = match keys.as_slice() {
                [key_value] => format!("{key} = {key_value}"),
                _ => format!("{key} IN ( {} )", keys.join(", ")),
            };
            let select = format!("SELECT {columns} FROM {table} WHERE {condition}");
            (
                format!("{select}{limit}"),
                format!("{select} AND 1 = 1{limit}"),
            )
        })
}

async fn answer(php: &mut Client, sql: &str) -> ResultSet {
    match php.run(sql, &[]).await {
        Ok(Answer::Rows(result)) => result,
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn both_roads_give_the_same_answer() {
    let runtime = Runtime::new().unwrap();
    let (_house, php, _browsers) = runtime.block_on(filled());
    let php = parking_lot::Mutex::new(php);
    let config = ProptestConfig::with_cases(300);
    proptest!(config, |((by_key, by_query) in lookup())| {
        let mut php = php.lock();
        let (one, other) = runtime.block_on(async {
            (answer(&mut php, &by_key).await, answer(&mut php, &by_query).await)
        });
        prop_assert_eq!(one, other, "{}", by_key);
    });
}

#[test]
fn all_columns_come_in_the_same_shape_on_both_roads() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let (_house, mut php, _browsers) = filled().await;
        for (table, key, _) in TABLES {
            let value = if key == "id" { "1" } else { "'one'" };
            let by_key = format!("SELECT * FROM {table} WHERE {key} = {value}");
            let by_query = format!("{by_key} AND 1 = 1");
            let result = answer(&mut php, &by_key).await;
            assert!(!result.rows.is_empty(), "{table}");
            assert_eq!(result, answer(&mut php, &by_query).await, "{table}");
        }
    });
}
