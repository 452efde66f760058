//! sqlx.

use client_programs::{COLUMNS, Job, PUBLISH, say, say_message, say_version, wait_for_runner};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{Column, Connection, Error, Executor, Row};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let job = Job::given();
    say_version("sqlx");
    let mut connection = connect(&job).await?;

    say(
        "databases",
        first_column(connection.fetch_all("SHOW DATABASES").await?)?,
    );
    say(
        "tables",
        first_column(connection.fetch_all("SHOW TABLES").await?)?,
    );
    let columns = sqlx::query(COLUMNS).bind("users_auth");
    say(
        "columns",
        first_column(connection.fetch_all(columns).await?)?,
    );

    let times = sqlx::query("SELECT * FROM users_time WHERE id IN (?, ?)")
        .bind(2)
        .bind(3);
    let found = connection.fetch_all(times).await?;
    if let Some(row) = found.first() {
        say("names", row.columns().iter().map(Column::name));
    }
    let mut times: Vec<String> = Vec::new();
    for row in &found {
        times.extend([row.try_get("id")?, row.try_get("time")?]);
    }
    say("times", times);

    publish(&mut connection, &job, "text", &job.text).await?;
    let message =
        sqlx::query_scalar("SELECT message FROM pipes_messages WHERE name = ?").bind(&job.pipe);
    let message: String = message.fetch_one(&mut connection).await?;
    say_message(&message);

    match connection.execute("SELECT * FROM no_such_table").await {
        Err(Error::Database(refusal)) => {
            let refusal = refusal.downcast_ref::<MySqlDatabaseError>();
            let state = refusal.code().unwrap_or_default();
            say("error", [&refusal.number().to_string(), state]);
        }
        other => drop(other?),
    }

    let mut transaction = connection.begin().await?;
    publish(&mut transaction, &job, "inside", "committed").await?;
    wait_for_runner();
    transaction.commit().await?;
    let mut transaction = connection.begin().await?;
    publish(&mut transaction, &job, "inside", "undone").await?;
    transaction.rollback().await?;
    connection.close().await?;

    let mut connection = connect(&job).await?;
    publish(&mut connection, &job, "after", "again").await?;
    connection.close().await?;
    say("done", [""; 0]);
    Ok(())
}

async fn connect(job: &Job) -> Result<MySqlConnection, Error> {
    let Job {
        host,
        port,
        user,
        key,
        ..
    } = job;
    // docs: connect
    let options = MySqlConnectOptions::new()
        .host(host)
        .port(*port)
        .username(user)
        .password(key)
        .database("CometQL_v1");
    let connection = MySqlConnection::connect_with(&options).await?;
    // docs: end
    Ok(connection)
}

async fn publish(
    connection: &mut MySqlConnection,
    job: &Job,
    event: &str,
    message: &str,
) -> Result<(), Error> {
    let insert = sqlx::query(PUBLISH)
        .bind(&job.pipe)
        .bind(event)
        .bind(message);
    insert.execute(connection).await?;
    Ok(())
}

fn first_column(rows: Vec<MySqlRow>) -> Result<Vec<String>, Error> {
    rows.iter().map(|row| row.try_get(0)).collect()
}
