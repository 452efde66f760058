//! The commands, one by one, in raw packets.

use cometql::wire::Limits;

use crate::backend::Server;
use crate::raw::{Answer, MULTI_STATEMENTS, Raw, USUAL, cells, framed, query};

const AUTOCOMMIT: u16 = 0x0002;
const IN_TRANSACTION: u16 = 0x0001;
const MORE_RESULTS: u16 = 0x0008;

#[tokio::test]
async fn a_statement_arrives_byte_for_byte() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    for text in [
        "SELECT 'nul \0 inside'",
        "SELECT 'Привет 👋'",
        r#"SELECT '{"t":"\u0412"}'"#,
        "  SELECT 1",
    ] {
        assert_eq!(raw.query(text).await.cells()[0].trim(), text.trim());
    }
}

#[tokio::test]
async fn variables_and_use_reach_the_session() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    for text in ["SELECT @@max_allowed_packet", "select @@x"] {
        raw.query(text).await;
        assert_eq!(server.backend.statements.lock().pop().unwrap().trim(), text);
    }
    raw.query("USE CometQL_v1").await.assert_ok();
    assert_eq!(raw.query("use mysql").await.number(), 15);
}

#[tokio::test]
async fn text_that_is_not_utf8_is_refused_and_the_connection_kept() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    assert_eq!(raw.command(b"\x03SELECT '\xE9'").await.number(), 12);
    assert_eq!(raw.command(b"\x16SELECT '\xE9'").await.number(), 12);
    assert_eq!(raw.command(b"\x02\xE9").await.number(), 12);
    raw.query("INSERT").await.assert_ok();
    assert_eq!(*server.backend.statements.lock(), ["INSERT"]);
}

#[tokio::test]
async fn nothing_to_do_is_ok() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    for text in ["", "   ", ";;;;", "-- nothing"] {
        raw.query(text).await.assert_ok();
    }
    assert!(server.backend.statements.lock().is_empty());
}

#[tokio::test]
async fn ok_carries_counts_and_the_info_text_with_its_length() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let Answer::Ok { rest, .. } = raw.query("INSERT x").await else {
        panic!();
    };
    assert_eq!(rest, [0, 1, 0xFD, 0x70, 0x11, 1, 2, 0, 0, 0]);
    let Answer::Ok { rest, .. } = raw.query("INFO").await else {
        panic!();
    };
    assert_eq!(&rest[..7], [0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(&rest[7..], b"\x0Creceivers: 2");
}

#[tokio::test]
async fn the_status_follows_the_transaction() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    assert_eq!(raw.query("SELECT 1").await.status(), AUTOCOMMIT);
    let inside = AUTOCOMMIT | IN_TRANSACTION;
    assert_eq!(raw.query("BEGIN").await.status(), inside);
    assert_eq!(raw.query("SELECT 1").await.status(), inside);
    assert_eq!(raw.command(b"\x0E").await.status(), inside);
    assert_eq!(raw.query("COMMIT").await.status(), AUTOCOMMIT);
}

#[tokio::test]
async fn errors_take_the_numbers_the_session_asked_for() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let expected = |number| Answer::Error {
        number,
        state: "42000".into(),
        text: "Told to fail".into(),
    };
    assert_eq!(raw.query("FAIL").await, expected(3));
    raw.query("NUMBERS").await.assert_ok();
    assert_eq!(raw.query("FAIL").await, expected(1064));
}

#[tokio::test]
async fn several_statements_need_the_capability_or_the_option() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    assert_eq!(raw.query("INSERT a; INSERT b").await.number(), 3);
    raw.query("INSERT a;\n;'").await.assert_ok();
    raw.send(0, b"\x1B\0\0").await;
    assert_eq!(raw.read().await.unwrap(), (1, vec![0xFE, 0, 0, 2, 0]));
    raw.query("INSERT a; INSERT b").await.assert_ok();
    assert_eq!(raw.answer().await.0, 2);
    raw.send(0, b"\x1B\x01\0").await;
    raw.read().await.unwrap();
    assert_eq!(raw.query("INSERT a; INSERT b").await.number(), 3);
}

#[tokio::test]
async fn several_statements_give_several_results_in_one_sequence() {
    let server = Server::start().await;
    let mut raw = Raw::log_in_with(&server, USUAL | MULTI_STATEMENTS).await;
    let first = raw.query("INSERT a; SELECT 2 ;ROWS 3; INSERT b").await;
    assert_eq!(first.status(), AUTOCOMMIT | MORE_RESULTS);
    let (sequence, second) = raw.answer().await;
    assert_eq!(sequence, 2);
    assert_eq!(second.status(), AUTOCOMMIT | MORE_RESULTS);
    assert_eq!(second.cells()[0], "SELECT 2");
    let (sequence, third) = raw.answer().await;
    assert_eq!(sequence, 8, "count, two columns, end, row, end came before");
    assert_eq!(third.status(), AUTOCOMMIT | MORE_RESULTS);
    let (_, last) = raw.answer().await;
    assert_eq!(last.status(), AUTOCOMMIT);
}

#[tokio::test]
async fn the_first_error_ends_several_statements() {
    let server = Server::start().await;
    let mut raw = Raw::log_in_with(&server, USUAL | MULTI_STATEMENTS).await;
    let first = raw.query("INSERT a; FAIL; INSERT b").await;
    assert_eq!(first.status(), AUTOCOMMIT | MORE_RESULTS);
    assert_eq!(raw.answer().await.1.number(), 3);
    raw.query("INSERT c").await.assert_ok();
    assert_eq!(
        *server.backend.statements.lock(),
        ["INSERT a", "FAIL", "INSERT c"]
    );
}

#[tokio::test]
async fn columns_are_described_as_strings_of_their_table() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    raw.send(0, &query("ROWS 1")).await;
    assert_eq!(raw.read().await.unwrap(), (1, vec![2]));
    let expected = b"\x03def\x0ACometQL_v1\x05pipes\x05pipes\x04name\x04name\
        \x0C\x2D\0\0\x01\0\0\xFD\x01\0\0\0\0";
    assert_eq!(raw.read().await.unwrap(), (2, expected.to_vec()));
}

#[tokio::test]
async fn field_list_tells_the_columns_of_a_table() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    raw.send(0, b"\x04pipes\0").await;
    for _ in 0..2 {
        let (_, definition) = raw.read().await.unwrap();
        assert_eq!(definition.last(), Some(&0xFB));
    }
    assert_eq!(raw.read().await.unwrap(), (3, vec![0xFE, 0, 0, 2, 0]));
    for pattern in [&b"\x04pipes\0us%"[..], b"\x04pipes\0us%\0"] {
        raw.send(0, pattern).await;
        let (_, definition) = raw.read().await.unwrap();
        assert!(definition.windows(4).any(|part| part == b"\x03us%"));
        assert_eq!(raw.read().await.unwrap().1, [0xFE, 0, 0, 2, 0]);
    }
    assert_eq!(raw.command(b"\x04pipes\0\xFF").await.number(), 12);
    assert_eq!(raw.command(b"\x04nothing\0").await.number(), 15);
    assert_eq!(raw.command(b"\x04pipes").await.number(), 1835);
}

#[tokio::test]
async fn the_small_commands_answer_what_clients_expect() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    raw.command(b"\x0E").await.assert_ok();
    raw.command(b"\x02CometQL_v1").await.assert_ok();
    assert_eq!(raw.command(b"\x02mysql").await.number(), 15);
    raw.send(0, b"\x0D").await;
    assert_eq!(raw.read().await.unwrap().1[0], 0xFE);
    raw.send(0, b"\x09").await;
    let (_, statistics) = raw.read().await.unwrap();
    let statistics = String::from_utf8(statistics).unwrap();
    assert!(statistics.starts_with("Uptime: "), "{statistics}");
    assert!(statistics.contains("  Threads: 1  Questions: 0  "));
    raw.command(b"\x07\x01").await.assert_ok();
    for shutdown in [&b"\x08"[..], b"\x08\0"] {
        assert_eq!(raw.command(shutdown).await.number(), 403);
    }
    for unknown in [&b"\x00"[..], b"\x0A", b"\x55", b"", b"\x1B\x05\0"] {
        let Answer::Error { number, state, .. } = raw.command(unknown).await else {
            panic!("{unknown:?} is not a command");
        };
        assert_eq!((number, state.as_str()), (1047, "08S01"));
    }
    raw.send(0, b"\x01").await;
    raw.assert_closed().await;
}

#[tokio::test]
async fn a_connection_may_kill_itself_only() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let other = Raw::log_in(&server).await;
    let kill = |id: u32| [&b"\x0C"[..], &id.to_le_bytes()].concat();
    assert_eq!(raw.command(&kill(other.connection_id)).await.number(), 1094);
    assert_eq!(raw.command(&kill(raw.connection_id)).await.number(), 1317);
    raw.assert_closed().await;
}

#[tokio::test]
async fn reset_forgets_statements_and_the_transaction() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    raw.query("BEGIN").await.assert_ok();
    let id = raw.prepare("SELECT 1").await.unwrap();
    assert_eq!(raw.command(b"\x1F").await.status(), AUTOCOMMIT);
    assert_eq!(raw.execute(id, b"").await.number(), 1243);
    let id = raw.prepare("SELECT 2").await.unwrap();
    assert!(matches!(raw.execute(id, b"").await, Answer::Rows { .. }));
}

/// A row of the binary protocol for the echo's two columns, none NULL.
fn binary(answer: &Answer) -> Vec<String> {
    let Answer::Rows { rows, .. } = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(rows[0][..2], [0, 0]);
    cells(&rows[0][2..])
}

#[tokio::test]
async fn every_type_of_parameter_is_decoded() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT ?,?,?,?,?,?,?").await.unwrap();
    let mut tail = vec![0b0100_0000, 1];
    for kind in [
        [0x01, 0],
        [0x02, 0x80],
        [0x08, 0],
        [0x05, 0],
        [0xFD, 0],
        [0x0A, 0],
        [0x08, 0],
    ] {
        tail.extend_from_slice(&kind);
    }
    tail.push(0xFF);
    tail.extend_from_slice(&60_000u16.to_le_bytes());
    tail.extend_from_slice(&i64::MIN.to_le_bytes());
    tail.extend_from_slice(&1.5f64.to_le_bytes());
    tail.extend_from_slice(b"\x02hi");
    tail.extend_from_slice(&[4, 0xEA, 0x07, 11, 22]);
    let answer = raw.execute(id, &tail).await;
    assert_eq!(
        binary(&answer)[1],
        "i-1|u60000|i-9223372036854775808|r1.5|thi|t2026-11-22|null"
    );
}

#[tokio::test]
async fn values_sent_in_advance_take_their_places() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let id = raw.prepare("SELECT ?, ?").await.unwrap();
    for part in [&b"lo"[..], b"ng"] {
        let head = [&b"\x18"[..], &id.to_le_bytes(), &[0, 0]].concat();
        raw.send(0, &[&head[..], part].concat()).await;
    }
    let tail = b"\x01\x01\xFC\0\x01\0\x07";
    assert_eq!(binary(&raw.execute(id, tail).await)[1], "tlong|i7");
    assert_eq!(binary(&raw.execute(id, tail).await)[1], "null|i7");
}

#[tokio::test]
async fn statements_that_cannot_be_executed_say_why() {
    let server = Server::start_with(Limits {
        max_statements: 2,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::log_in(&server).await;
    assert_eq!(raw.execute(99, b"").await.number(), 1243);
    assert_eq!(raw.command(b"\x1A\x63\0\0\0").await.number(), 1243);
    assert_eq!(
        raw.command(b"\x1C\x63\0\0\0\x01\0\0\0").await.number(),
        1243
    );
    assert_eq!(raw.prepare("FAIL").await.unwrap_err().number(), 3);
    assert_eq!(raw.prepare("").await.unwrap_err().number(), 3);
    assert_eq!(
        raw.prepare("SELECT 1; SELECT 2")
            .await
            .unwrap_err()
            .number(),
        3
    );
    let first = raw.prepare("SELECT ?").await.unwrap();
    assert_eq!(raw.execute(first, b"\0\x01\xFD").await.number(), 1835);
    assert_eq!(raw.command(b"\x17\x01").await.number(), 1835);
    let second = raw.prepare("SELECT 2").await.unwrap();
    assert_eq!(raw.prepare("SELECT 3").await.unwrap_err().number(), 1461);
    raw.send(0, &[&b"\x19"[..], &first.to_le_bytes()].concat())
        .await;
    let third = raw.prepare("SELECT 3").await.unwrap();
    assert!(third > second);
    assert_eq!(raw.execute(first, b"").await.number(), 1243);
    let fetch = [&b"\x1C"[..], &third.to_le_bytes(), &[1, 0, 0, 0]].concat();
    assert_eq!(raw.command(&fetch).await.number(), 2);
}

#[tokio::test]
async fn a_statement_split_at_every_byte_is_run_once() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let bytes = framed(0, &query("INSERT x"));
    for split in 1..bytes.len() {
        use tokio::io::AsyncWriteExt;
        raw.stream.write_all(&bytes[..split]).await.unwrap();
        tokio::task::yield_now().await;
        raw.stream.write_all(&bytes[split..]).await.unwrap();
        raw.answer().await.1.assert_ok();
    }
    assert_eq!(server.backend.statements.lock().len(), bytes.len() - 1);
}

#[tokio::test]
async fn two_hundred_statements_in_one_segment_are_all_run_in_order() {
    use tokio::io::AsyncWriteExt;
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    let bytes: Vec<u8> = (0..200)
        .flat_map(|n| framed(0, &query(&format!("SELECT {n}"))))
        .collect();
    raw.stream.write_all(&bytes).await.unwrap();
    for n in 0..200 {
        let (sequence, answer) = raw.answer().await;
        assert_eq!(sequence, 1);
        assert_eq!(answer.cells()[0], format!("SELECT {n}"));
    }
    let expected: Vec<String> = (0..200).map(|n| format!("SELECT {n}")).collect();
    assert_eq!(*server.backend.statements.lock(), expected);
}

#[tokio::test]
async fn many_rows_arrive_complete_through_a_small_reply_buffer() {
    let server = Server::start_with(Limits {
        max_reply: 512,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::log_in(&server).await;
    let Answer::Rows { rows, .. } = raw.query("ROWS 5000").await else {
        panic!();
    };
    assert_eq!(rows.len(), 5000);
    assert_eq!(cells(&rows[4999]), ["4999", "x"]);
}

#[tokio::test]
async fn a_result_that_cannot_be_encoded_is_an_error_and_not_an_end() {
    let server = Server::start().await;
    let mut raw = Raw::log_in(&server).await;
    assert_eq!(raw.query("CROOKED").await.number(), 500);
    raw.query("INSERT").await.assert_ok();
}

#[tokio::test]
async fn statements_and_rows_may_be_longer_than_one_packet() {
    let server = Server::start_with(Limits {
        max_packet: 40 << 20,
        ..Limits::default()
    })
    .await;
    let mut raw = Raw::log_in(&server).await;
    for length in [(1 << 24) - 2, (1 << 24) - 1, 1 << 24, 35 << 20] {
        let text = format!("INSERT {}", "i".repeat(length - 8));
        raw.send(0, &query(&text)).await;
        raw.answer().await.1.assert_ok();
        assert_eq!(server.backend.statements.lock().pop().unwrap(), text);
    }
    // A row's payload is its cell and the cell's length in four or nine bytes.
    for length in [0xFF_FFFF - 4, 0xFF_FFFF - 5, 0xFF_FFFF, 33 << 20] {
        let cell = raw.query(&format!("BIG {length}")).await.cells().remove(0);
        assert_eq!(cell.len(), length);
    }
    raw.query("INSERT").await.assert_ok();
}
