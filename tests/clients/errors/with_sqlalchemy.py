"""What SQLAlchemy makes of refusals and of lost connections. Arguments: the driver, and a statement
for the beginning of each connection, if any."""

import sys

from errors import HOST, KEY, PORT, USER, ask_runner, say
from sqlalchemy import MetaData, Table, create_engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoSuchTableError

DRIVER, *FIRST = sys.argv[1:]


def engine_for(key=KEY, database="CometQL_v1", **options):
    url = URL.create(f"mysql+{DRIVER}", USER, key, HOST, PORT, database)
    if FIRST:
        options["connect_args"] = {"init_command": FIRST[0]}
    return create_engine(url, **options)


def refused(step, act):
    try:
        act()
        say(step, "accepted")
    except DBAPIError as error:
        say(step, [type(error).__name__, error.orig.args[0]])


def run(statement, **values):
    with engine.connect() as connection:
        connection.execute(text(statement), values)


engine = engine_for()
refused("wrong key", engine_for(key="wrong").connect)
refused("unknown database", engine_for(database="no_such_database").connect)
refused("unknown table", lambda: run("SELECT * FROM no_such_table"))
refused("unknown column", lambda: run("SELECT nope FROM users_auth"))
refused("syntax", lambda: run("SELEC 1"))
refused("NULL", lambda: run("INSERT INTO users_auth (id, hash) VALUES (7, :hash)", hash=None))
refused("too long", lambda: run("INSERT INTO users_auth (id, hash) VALUES (7, :hash)", hash="x" * 33))
refused("bad value", lambda: run("INSERT INTO users_auth (id, hash) VALUES (7, 'a b')"))
refused("not offered", lambda: run("CREATE TABLE t (a INT)"))

inspector = inspect(engine)
say("has_table", [inspector.has_table("users_auth"), inspector.has_table("no_such_table")])
try:
    Table("no_such_table", MetaData(), autoload_with=engine)
except NoSuchTableError as error:
    say("reflecting an unknown table", ["NoSuchTableError", str(error)])


def connection_id(connection):
    return int(connection.scalar(text("SELECT CONNECTION_ID()")))


with engine.connect() as connection:
    ask_runner("KILL", connection_id(connection))
    try:
        connection.execute(text("SELECT 1"))
    except DBAPIError as error:
        say("killed", ["invalidated", error.connection_invalidated])
    connection.rollback()
    say("the same object afterwards", connection.scalar(text("SELECT 1")))

pinging = engine_for(pool_pre_ping=True, pool_size=1, max_overflow=0)
for request, statement in [("KILL", "SELECT 1"), ("WAIT", "SET wait_timeout = 1")]:
    with pinging.connect() as connection:
        connection.execute(text(statement))
        before = connection_id(connection)
    ask_runner(request, before)
    with pinging.connect() as connection:
        say(f"pool_pre_ping after {request}", ["another", connection_id(connection) != before])
