"""SQLAlchemy: tables reflected, statements built from them."""

from sqlalchemy import MetaData, create_engine, insert, inspect, select, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from steps import HOST, KEY, PIPE, PORT, TEXT, USER, say, say_message, say_version, wait_for_runner

say_version("SQLAlchemy")
# docs: connect
engine = create_engine(URL.create("mysql+pymysql", USER, KEY, HOST, PORT, "CometQL_v1"))
# docs: end

inspector = inspect(engine)
say("databases", *inspector.get_schema_names())
say("tables", *inspector.get_table_names())
say("columns", *(column["name"] for column in inspector.get_columns("users_auth")))
say("primary_key", *inspector.get_pk_constraint("users_auth")["constrained_columns"])

metadata = MetaData()
metadata.reflect(engine, resolve_fks=True)
say("reflected", *sorted(metadata.tables))
messages = metadata.tables["pipes_messages"]
times = metadata.tables["users_time"]

with engine.begin() as connection:
    found = connection.execute(select(times).where(times.c.id.in_([2, 3])))
    say("names", *found.keys())
    say("times", *(value for row in found for value in row))
    connection.execute(insert(messages), {"name": PIPE, "event": "text", "message": TEXT})

with engine.connect() as connection:
    say_message(connection.scalar(select(messages.c.message).where(messages.c.name == PIPE)))
    try:
        connection.execute(text("SELECT * FROM no_such_table"))
    except DBAPIError as error:
        say("error", error.orig.args[0], "-")

publish = insert(messages)
with engine.begin() as connection:
    connection.execute(publish, {"name": PIPE, "event": "inside", "message": "committed"})
    wait_for_runner()
with engine.connect() as connection:
    connection.execute(publish, {"name": PIPE, "event": "inside", "message": "undone"})
    connection.rollback()

engine.dispose()
with engine.begin() as connection:
    connection.execute(publish, {"name": PIPE, "event": "after", "message": "again"})
say("done")
