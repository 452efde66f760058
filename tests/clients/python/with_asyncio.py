"""aiomysql and asyncmy, which share one interface."""

import asyncio
import importlib
import sys

from steps import HOST, KEY, PIPE, PORT, PUBLISH, TEXT, USER, plain, say, say_message, say_version, wait_for_runner

driver = importlib.import_module(sys.argv[1])


async def connect():
    # docs: connect
    connection = await driver.connect(host=HOST, port=PORT, user=USER, password=KEY, db="CometQL_v1")
    # docs: end
    return connection


async def work(connection, cursor):
    async def column(statement, *values):
        await cursor.execute(statement, values)
        return [plain(row[0]) for row in await cursor.fetchall()]

    say("databases", *await column("SHOW DATABASES"))
    say("tables", *await column("SHOW TABLES"))
    say("columns", *await column("SHOW COLUMNS FROM users_auth"))

    await cursor.execute("SELECT * FROM users_time WHERE id IN (%s, %s)", (2, 3))
    say("names", *(described[0] for described in cursor.description))
    say("times", *(value for row in await cursor.fetchall() for value in row))

    await cursor.execute(PUBLISH, (PIPE, "text", TEXT))
    await connection.commit()
    say_message((await column("SELECT message FROM pipes_messages WHERE name = %s", PIPE))[0])

    try:
        await cursor.execute("SELECT * FROM no_such_table")
    except driver.errors.MySQLError if driver.__name__ == "asyncmy" else driver.MySQLError as error:
        say("error", error.args[0], "-")

    await connection.begin()
    await cursor.execute(PUBLISH, (PIPE, "inside", "committed"))
    wait_for_runner()
    await connection.commit()
    await connection.begin()
    await cursor.execute(PUBLISH, (PIPE, "inside", "undone"))
    await connection.rollback()


async def main():
    say_version(sys.argv[1])
    connection = await connect()
    async with connection.cursor() as cursor:
        await work(connection, cursor)
    connection.close()

    async with driver.create_pool(
        host=HOST, port=PORT, user=USER, password=KEY, db="CometQL_v1", autocommit=True
    ) as pool:
        async with pool.acquire() as connection, connection.cursor() as cursor:
            await cursor.execute(PUBLISH, (PIPE, "after", "again"))
    say("done")


asyncio.run(main())
