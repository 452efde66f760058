//! mysql_async.

use client_programs::{COLUMNS, Job, PUBLISH, say, say_message, say_version, wait_for_runner};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, OptsBuilder, Row, TxOpts};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let job = Job::given();
    say_version("mysql_async");
    let mut connection = connect(&job).await?;

    let databases: Vec<String> = connection.query("SHOW DATABASES").await?;
    say("databases", databases);
    let tables: Vec<String> = connection.query("SHOW TABLES").await?;
    say("tables", tables);
    let columns: Vec<String> = connection.exec(COLUMNS, ("users_auth",)).await?;
    say("columns", columns);

    let found: Vec<Row> = connection
        .exec("SELECT * FROM users_time WHERE id IN (?, ?)", (2, 3))
        .await?;
    if let Some(row) = found.first() {
        say(
            "names",
            row.columns_ref().iter().map(|column| column.name_str()),
        );
    }
    let times = found
        .into_iter()
        .map(mysql_async::from_row::<(String, String)>)
        .flat_map(|(id, time)| [id, time]);
    say("times", times);

    connection
        .exec_drop(PUBLISH, (&job.pipe, "text", &job.text))
        .await?;
    let message: Option<String> = connection
        .exec_first(
            "SELECT message FROM pipes_messages WHERE name = ?",
            (&job.pipe,),
        )
        .await?;
    say_message(&message.unwrap_or_default());

    match connection.query_drop("SELECT * FROM no_such_table").await {
        Err(Error::Server(refusal)) => say("error", [refusal.code.to_string(), refusal.state]),
        other => other?,
    }

    let mut transaction = connection.start_transaction(TxOpts::default()).await?;
    transaction
        .exec_drop(PUBLISH, (&job.pipe, "inside", "committed"))
        .await?;
    wait_for_runner();
    transaction.commit().await?;
    let mut transaction = connection.start_transaction(TxOpts::default()).await?;
    transaction
        .exec_drop(PUBLISH, (&job.pipe, "inside", "undone"))
        .await?;
    transaction.rollback().await?;
    connection.disconnect().await?;

    let mut connection = connect(&job).await?;
    connection
        .exec_drop(PUBLISH, (&job.pipe, "after", "again"))
        .await?;
    connection.disconnect().await?;
    say("done", [""; 0]);
    Ok(())
}

async fn connect(job: &Job) -> Result<Conn, Error> {
    let Job {
        host,
        port,
        user,
        key,
        ..
    } = job;
    // docs: connect
    let options = OptsBuilder::default()
        .ip_or_hostname(host.as_str())
        .tcp_port(*port)
        .user(Some(user))
        .pass(Some(key))
        .db_name(Some("CometQL_v1"));
    let connection = Conn::new(options).await?;
    // docs: end
    Ok(connection)
}
