"""What Django makes of refusals and of lost connections. Argument: a statement for the beginning of
each connection, if any."""

import sys

import django
from django.conf import settings
from errors import HOST, KEY, PORT, USER, ask_runner, say

DATABASE = {
    "ENGINE": "django.db.backends.mysql",
    "NAME": "CometQL_v1",
    "HOST": HOST,
    "PORT": PORT,
    "USER": USER,
    "PASSWORD": KEY,
    "CONN_MAX_AGE": None,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": {"init_command": sys.argv[1]} if sys.argv[1:] else {},
}
settings.configure(
    DATABASES={
        "default": DATABASE,
        "wrong_key": {**DATABASE, "PASSWORD": "wrong"},
        "unknown_database": {**DATABASE, "NAME": "no_such_database"},
    },
)
django.setup()

from django.core.signals import request_finished, request_started  # noqa: E402
from django.db import Error, connection, connections, models  # noqa: E402


class Key(models.Model):
    id = models.IntegerField(primary_key=True)
    hash = models.CharField(max_length=32)

    class Meta:
        app_label = "comet"
        db_table = "users_auth"
        managed = False


class Nowhere(models.Model):
    class Meta:
        app_label = "comet"
        db_table = "no_such_table"
        managed = False


def refused(step, act):
    try:
        act()
        say(step, "accepted")
    except Error as error:
        say(step, [type(error).__name__, error.args[0]])


def run(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


refused("wrong key", connections["wrong_key"].ensure_connection)
refused("unknown database", connections["unknown_database"].ensure_connection)
refused("unknown table", lambda: list(Nowhere.objects.all()))
refused("unknown column", lambda: run("SELECT nope FROM users_auth"))
refused("syntax", lambda: run("SELEC 1"))
refused("NULL", lambda: Key(id=7, hash=None).save(force_insert=True))
refused("too long", lambda: Key(id=7, hash="x" * 33).save(force_insert=True))
refused("bad value", lambda: Key(id=7, hash="a b").save(force_insert=True))
refused("not offered", lambda: run("CREATE TABLE t (a INT)"))


def connection_id():
    return int(run("SELECT CONNECTION_ID()")[0][0])


say("is_usable", connection.is_usable())
ask_runner("KILL", connection_id())
say("is_usable after KILL", connection.is_usable())
refused("a statement after KILL", lambda: run("SELECT 1"))
connection.close()
for request, statement in [("KILL", "SELECT 1"), ("WAIT", "SET wait_timeout = 1")]:
    # A web request begins and ends: the connection is kept, and looked at before it is used again.
    request_started.send(sender=None)
    run(statement)
    before = connection_id()
    request_finished.send(sender=None)
    ask_runner(request, before)
    request_started.send(sender=None)
    say(f"the next request after {request}", ["another", connection_id() != before])
    request_finished.send(sender=None)
