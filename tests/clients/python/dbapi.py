"""The steps of a driver with Python's common interface (PEP 249)."""

from steps import PIPE, PUBLISH, TEXT, plain, say, say_message, wait_for_runner


def exercise(connect, error_class, sql_state=lambda error: "-", prepared=None):
    connection = connect()
    cursor = connection.cursor()

    def column(statement, *values):
        cursor.execute(statement, values)
        return [plain(row[0]) for row in cursor.fetchall()]

    say("databases", *column("SHOW DATABASES"))
    say("tables", *column("SHOW TABLES"))
    say(
        "columns",
        *column(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
            "users_auth",
        ),
    )

    cursor.execute("SELECT * FROM users_time WHERE id IN (%s, %s)", (2, 3))
    say("names", *(plain(described[0]) for described in cursor.description))
    say("times", *(plain(value) for row in cursor.fetchall() for value in row))

    publisher = connection.cursor(**prepared) if prepared else cursor
    publisher.execute(PUBLISH, (PIPE, "text", TEXT))
    connection.commit()
    say_message(column("SELECT message FROM pipes_messages WHERE name = %s", PIPE)[0])

    try:
        cursor.execute("SELECT * FROM no_such_table")
    except error_class as error:
        say("error", getattr(error, "errno", error.args[0]), sql_state(error))

    connection.commit()
    publisher.execute(PUBLISH, (PIPE, "inside", "committed"))
    wait_for_runner()
    connection.commit()
    publisher.execute(PUBLISH, (PIPE, "inside", "undone"))
    connection.rollback()
    connection.close()

    connection = connect()
    cursor = connection.cursor()
    cursor.execute(PUBLISH, (PIPE, "after", "again"))
    connection.commit()
    connection.close()
    say("done")
