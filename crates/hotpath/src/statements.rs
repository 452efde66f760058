//! A plain INSERT from its text, or from what it was read as, to its effect: what
//! a session does, without the wire around it.

use cometql::answer::Parameter;
use cometql::backend::{Backend, Login, Session};

use crate::Bench;
use crate::house::{House, PAYLOAD, READ, UNREAD, or_stop};

/// One row, as text, to a pipe that nobody reads: mostly reading.
pub(crate) fn text(bench: &Bench) {
    run(bench, &insert(UNREAD, 1));
}

/// 32 rows, as text, to a pipe with two readers.
pub(crate) fn rows(bench: &Bench) {
    run(bench, &insert(READ, 32));
}

/// One row, prepared, to a pipe that nobody reads.
pub(crate) fn prepared(bench: &Bench) {
    let house = bench.runtime.block_on(House::open());
    let mut session = or_stop(house.language().open(login()));
    let Some(plain) = session.read_plain(&prepared_insert()) else {
        panic!("hotpath: not a plain statement");
    };
    let parameters = [UNREAD, "event", PAYLOAD].map(|text| Parameter::Text(text.to_owned()));
    bench.run(async || {
        or_stop(session.execute_read(&plain, &parameters).await);
    });
}

fn run(bench: &Bench, statement: &str) {
    let house = bench.runtime.block_on(House::open());
    let mut session = or_stop(house.language().open(login()));
    bench.run(async || {
        let Some(done) = session.execute_plain(statement) else {
            panic!("hotpath: not a plain statement");
        };
        or_stop(done.await);
    });
}

/// An INSERT of some rows.
pub(crate) fn insert(pipe: &str, rows: usize) -> String {
    let row = format!("('{pipe}', 'event', '{PAYLOAD}')");
    let rows = vec![row; rows].join(",");
    format!("INSERT INTO pipes_messages (name, event, message) VALUES {rows}")
}

/// An INSERT of one row of parameters.
pub(crate) fn prepared_insert() -> String {
    "INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)".to_owned()
}

/// The login of a session that was let in.
pub(crate) fn login() -> Login {
    Login {
        user: "root".to_owned(),
        database: None,
        address: None,
        connection_id: 1,
        tls: None,
        counts_found_rows: false,
    }
}
