//! The parameters of prepared statements, type by type and in the bytes of the
//! protocol: what the language receives for what a client binds, and what is
//! remembered between two executions.

use cometql::wire::Limits;

use crate::backend::Server;
use crate::raw::{Answer, Raw, cells};

/// What the language received, from the echo's second column.
fn received(answer: &Answer) -> String {
    let Answer::Rows { rows, .. } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(rows[0][..2], [0, 0]);
    cells(&rows[0][2..]).remove(1)
}

/// What follows the fixed part when one parameter is bound: no NULL, its type.
fn one(kind: u8, sign: u8, value: &[u8]) -> Vec<u8> {
    [&[0, 1, kind, sign], value].concat()
}

/// One value sent in advance, or a piece of it.
fn long_data(id: u32, parameter: u16, data: &[u8]) -> Vec<u8> {
    [
        &[0x18][..],
        &id.to_le_bytes(),
        &parameter.to_le_bytes(),
        data,
    ]
    .concat()
}

const SIGNED: u8 = 0;
const UNSIGNED: u8 = 0x80;

const DECIMAL: u8 = 0x00;
const TINY: u8 = 0x01;
const SHORT: u8 = 0x02;
const LONG: u8 = 0x03;
const FLOAT: u8 = 0x04;
const DOUBLE: u8 = 0x05;
const NULL: u8 = 0x06;
const TIMESTAMP: u8 = 0x07;
const LONGLONG: u8 = 0x08;
const INT24: u8 = 0x09;
const DATE: u8 = 0x0A;
const TIME: u8 = 0x0B;
const DATETIME: u8 = 0x0C;
const YEAR: u8 = 0x0D;
const VARCHAR: u8 = 0x0F;
const BIT: u8 = 0x10;
const JSON: u8 = 0xF5;
const NEW_DECIMAL: u8 = 0xF6;
const ENUM: u8 = 0xF7;
const SET: u8 = 0xF8;
const BLOB: u8 = 0xFC;
const VAR_STRING: u8 = 0xFD;
const STRING: u8 = 0xFE;
const GEOMETRY: u8 = 0xFF;

#[tokio::test]
async fn integers_of_every_width_keep_their_sign() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT ?").await.unwrap();
    for (kind, width, least, most) in [
        (TINY, 1, "i-128", "u255"),
        (SHORT, 2, "i-32768", "u65535"),
        (YEAR, 2, "i-32768", "u65535"),
        (INT24, 4, "i-2147483648", "u4294967295"),
        (LONG, 4, "i-2147483648", "u4294967295"),
        (
            LONGLONG,
            8,
            "i-9223372036854775808",
            "u18446744073709551615",
        ),
    ] {
        let mut lowest = vec![0; width];
        lowest[width - 1] = 0x80;
        let highest = vec![0xFF; width];
        let execute = raw.execute(id, &one(kind, SIGNED, &lowest)).await;
        assert_eq!(received(&execute), least);
        let execute = raw.execute(id, &one(kind, SIGNED, &highest)).await;
        assert_eq!(received(&execute), "i-1");
        let execute = raw.execute(id, &one(kind, UNSIGNED, &highest)).await;
        assert_eq!(received(&execute), most);
    }
}

#[tokio::test]
async fn fractions_keep_their_value() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT ?").await.unwrap();
    for (tail, expected) in [
        (one(FLOAT, SIGNED, &1.5f32.to_le_bytes()), "r1.5"),
        (one(FLOAT, SIGNED, &(-0.25f32).to_le_bytes()), "r-0.25"),
        (one(DOUBLE, SIGNED, &0.1f64.to_le_bytes()), "r0.1"),
        (
            one(DOUBLE, SIGNED, &(-1e15f64).to_le_bytes()),
            "r-1000000000000000",
        ),
        (
            one(DECIMAL, SIGNED, b"\x14-1234567890.12345678"),
            "t-1234567890.12345678",
        ),
        (one(NEW_DECIMAL, SIGNED, b"\x040.10"), "t0.10"),
    ] {
        assert_eq!(received(&raw.execute(id, &tail).await), expected);
    }
}

#[tokio::test]
async fn dates_and_times_arrive_in_mysqls_text_form() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT ?").await.unwrap();
    let day = [0xEA, 0x07, 11, 25];
    let moment = [&day[..], &[23, 59, 58]].concat();
    let microseconds = 42u32.to_le_bytes();
    let exact = [&moment[..], &microseconds].concat();
    let span = [1, 34, 0, 0, 0, 22, 59, 59];
    let with_length = |value: &[u8]| [&[value.len() as u8], value].concat();
    for (kind, value, expected) in [
        (DATE, &[][..], "t0000-00-00"),
        (DATE, &day, "t2026-11-25"),
        (DATE, &[0, 0, 0, 0], "t0000-00-00"),
        (DATETIME, &[], "t0000-00-00 00:00:00"),
        (DATETIME, &day, "t2026-11-25 00:00:00"),
        (DATETIME, &moment, "t2026-11-25 23:59:58"),
        (DATETIME, &exact, "t2026-11-25 23:59:58.000042"),
        (TIMESTAMP, &[], "t0000-00-00 00:00:00"),
        (TIMESTAMP, &moment, "t2026-11-25 23:59:58"),
        (TIMESTAMP, &exact, "t2026-11-25 23:59:58.000042"),
        (TIME, &[], "t00:00:00"),
        (TIME, &[0, 0, 0, 0, 0, 1, 2, 3], "t01:02:03"),
        (TIME, &span, "t-838:59:59"),
        (
            TIME,
            &[&span[..], &microseconds].concat(),
            "t-838:59:59.000042",
        ),
    ] {
        let tail = one(kind, SIGNED, &with_length(value));
        assert_eq!(received(&raw.execute(id, &tail).await), expected);
    }
    for (kind, length) in [(DATE, 3), (DATETIME, 8), (TIMESTAMP, 12), (TIME, 7)] {
        let tail = one(kind, SIGNED, &with_length(&vec![1; length]));
        assert_eq!(raw.execute(id, &tail).await.number(), 1835);
    }
}

#[tokio::test]
async fn every_type_that_is_sent_as_text_is_text() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT ?").await.unwrap();
    let tiny_to_long_blob = 0xF9..=BLOB;
    for kind in [VARCHAR, BIT, JSON, ENUM, SET, VAR_STRING, STRING, GEOMETRY]
        .into_iter()
        .chain(tiny_to_long_blob)
    {
        let answer = raw
            .execute(id, &one(kind, SIGNED, b"\x05gr\xC3\xBCn"))
            .await;
        assert_eq!(received(&answer), "tgrün", "0x{kind:02X}");
        let answer = raw.execute(id, &one(kind, SIGNED, b"\0")).await;
        assert_eq!(received(&answer), "t", "0x{kind:02X}");
        let answer = raw.execute(id, &one(kind, SIGNED, b"\x01\xFF")).await;
        assert_eq!(answer.number(), 12, "0x{kind:02X}");
    }
    let long = "x".repeat(70_000);
    let length = (long.len() as u32).to_le_bytes();
    let value = [&[0xFD][..], &length[..3], long.as_bytes()].concat();
    let answer = raw.execute(id, &one(BLOB, SIGNED, &value)).await;
    assert_eq!(received(&answer), format!("t{long}"));
}

#[tokio::test]
async fn null_is_said_by_the_bit_or_by_the_type() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT ?,?,?,?,?,?,?,?,?").await.unwrap();
    let mut tail = vec![0b1000_0010, 0b1, 1];
    for _ in 0..8 {
        tail.extend_from_slice(&[TINY, SIGNED]);
    }
    tail.extend_from_slice(&[VAR_STRING, SIGNED, 1, 3, 4, 5, 6, 7]);
    let expected = "i1|null|i3|i4|i5|i6|i7|null|null";
    assert_eq!(received(&raw.execute(id, &tail).await), expected);

    let id = raw.prepare("SELECT ?,?").await.unwrap();
    let tail = [0, 1, NULL, SIGNED, TINY, SIGNED, 7];
    assert_eq!(received(&raw.execute(id, &tail).await), "null|i7");
}

#[tokio::test]
async fn types_are_remembered_until_others_are_sent() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT ?,?").await.unwrap();
    assert_eq!(raw.execute(id, &[0, 0, 1, 2]).await.number(), 1835);
    let first = [0, 1, TINY, UNSIGNED, SHORT, SIGNED, 0xFF, 0xFF, 0xFF];
    assert_eq!(received(&raw.execute(id, &first).await), "u255|i-1");
    let again = [0, 0, 0xFE, 0xFE, 0xFF];
    assert_eq!(received(&raw.execute(id, &again).await), "u254|i-2");
    let null = [0b01, 0, 0xFE, 0xFF];
    assert_eq!(received(&raw.execute(id, &null).await), "null|i-2");
    // A value sent in advance has no say in the type that is remembered.
    raw.send(0, &long_data(id, 0, b"text")).await;
    let answer = raw.execute(id, &[0, 0, 0xFE, 0xFF]).await;
    assert_eq!(received(&answer), "ttext|i-2");
    assert_eq!(received(&raw.execute(id, &again).await), "u254|i-2");
    let others = [0, 1, STRING, SIGNED, TINY, SIGNED, 2, b'h', b'i', 0xFF];
    assert_eq!(received(&raw.execute(id, &others).await), "thi|i-1");
    assert_eq!(
        received(&raw.execute(id, &[0, 0, 1, b'x', 1]).await),
        "tx|i1"
    );
}

#[tokio::test]
async fn values_sent_in_advance_follow_null_and_end_with_a_reset() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT ?").await.unwrap();
    let null = [1, 1, BLOB, SIGNED];
    assert_eq!(received(&raw.execute(id, &null).await), "null");
    raw.send(0, &long_data(id, 0, b"after ")).await;
    raw.send(0, &long_data(id, 0, b"NULL")).await;
    assert_eq!(received(&raw.execute(id, &null).await), "tafter NULL");
    raw.send(0, &long_data(id, 0, b"forgotten")).await;
    raw.command(&[&[0x1A][..], &id.to_le_bytes()].concat())
        .await
        .assert_ok();
    assert_eq!(received(&raw.execute(id, &null).await), "null");
    raw.send(0, &long_data(id, 0, b"")).await;
    assert_eq!(received(&raw.execute(id, &null).await), "t");
    // The types survive a reset, as the statement does.
    raw.command(&[&[0x1A][..], &id.to_le_bytes()].concat())
        .await
        .assert_ok();
    assert_eq!(received(&raw.execute(id, &[0, 0, 1, b'x']).await), "tx");
}

#[tokio::test]
async fn a_failure_of_a_value_sent_in_advance_ends_with_a_reset() {
    let server = Server::start_with(Limits {
        max_prepared_bytes: 1000,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT ?").await.unwrap();
    let null = [1, 1, BLOB, SIGNED];
    raw.send(0, &long_data(id, 0, &[b'x'; 2000])).await;
    assert_eq!(raw.execute(id, &null).await.number(), 1153);
    raw.send(0, &long_data(id, 7, b"x")).await;
    raw.command(&[&[0x1A][..], &id.to_le_bytes()].concat())
        .await
        .assert_ok();
    assert_eq!(received(&raw.execute(id, &null).await), "null");
}

#[tokio::test]
async fn whoever_asks_for_a_cursor_is_given_all_rows_at_once() {
    const CURSOR_EXISTS: u16 = 0x0040;
    const LAST_ROW_SENT: u16 = 0x0080;
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("ROWS 3000").await.unwrap();
    // Read only, for update, scrollable, and Connector/J's useCursorFetch.
    for flags in [1, 2, 4, 5] {
        let mut command = vec![0x17];
        command.extend_from_slice(&id.to_le_bytes());
        command.extend_from_slice(&[flags, 1, 0, 0, 0]);
        let answer = raw.command(&command).await;
        assert_eq!(answer.status() & (CURSOR_EXISTS | LAST_ROW_SENT), 0);
        let Answer::Rows { rows, .. } = answer else {
            panic!();
        };
        assert_eq!(rows.len(), 3000);
        let fetch = [&[0x1C][..], &id.to_le_bytes(), &[100, 0, 0, 0]].concat();
        assert_eq!(raw.command(&fetch).await.number(), 2);
    }
    raw.query("INSERT").await.assert_ok();
}

#[tokio::test]
async fn the_last_prepared_statement_a_connection_may_hold_is_followed_by_1461() {
    let server = Server::start_with(Limits {
        max_statements: 3,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::log_in(&server).await;
    for _ in 0..3 {
        raw.prepare("SELECT ?").await.unwrap();
    }
    assert_eq!(raw.prepare("SELECT ?").await.unwrap_err().number(), 1461);
    // Another connection has its own.
    let mut other = Raw::log_in(&server).await;
    assert!(other.prepare("SELECT ?").await.is_ok());
    assert_eq!(raw.command(b"\x1F").await.status(), 0x0002);
    assert!(raw.prepare("SELECT ?").await.is_ok());
}
