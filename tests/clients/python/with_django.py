"""Django: its connection, its introspection (what `inspectdb` uses), and a model on a table."""

import io

import django
from django.conf import settings
from steps import HOST, KEY, PIPE, PORT, PUBLISH, TEXT, USER, say, say_message, say_version, wait_for_runner

settings.configure(
    # docs: connect
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.mysql",
            "NAME": "CometQL_v1",
            "HOST": HOST,
            "PORT": PORT,
            "USER": USER,
            "PASSWORD": KEY,
        }
    },
    # docs: end
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connection, models, transaction  # noqa: E402

say_version("Django")


class UserTime(models.Model):
    id = models.IntegerField(primary_key=True)
    time = models.BigIntegerField()

    class Meta:
        app_label = "comet"
        db_table = "users_time"
        managed = False


class Undo(Exception):
    pass


with connection.cursor() as cursor:
    cursor.execute("SHOW DATABASES")
    say("databases", *(row[0] for row in cursor.fetchall()))
    introspection = connection.introspection
    say("tables", *sorted(table.name for table in introspection.get_table_list(cursor)))
    say("columns", *(column.name for column in introspection.get_table_description(cursor, "users_auth")))
    say("primary_key", *introspection.get_primary_key_columns(cursor, "users_auth"))
    introspection.get_constraints(cursor, "users_auth")
    introspection.get_relations(cursor, "users_auth")
call_command("inspectdb", stdout=(models_text := io.StringIO()))
say(
    "models",
    *(line for line in models_text.getvalue().splitlines() if line.startswith("class ")),
)

found = UserTime.objects.filter(id__in=[2, 3])
say("names", *(field.name for field in UserTime._meta.fields))
say("times", *(value for row in found for value in (row.id, row.time)))

with connection.cursor() as cursor:
    cursor.execute(PUBLISH, (PIPE, "text", TEXT))
    cursor.execute("SELECT message FROM pipes_messages WHERE name = %s", (PIPE,))
    say_message(cursor.fetchone()[0])
    try:
        cursor.execute("SELECT * FROM no_such_table")
    except DatabaseError as error:
        say("error", error.args[0], "-")

with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute(PUBLISH, (PIPE, "inside", "committed"))
    wait_for_runner()
try:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(PUBLISH, (PIPE, "inside", "undone"))
        raise Undo
except Undo:
    pass

connection.close()
with connection.cursor() as cursor:
    cursor.execute(PUBLISH, (PIPE, "after", "again"))
connection.close()
say("done")
