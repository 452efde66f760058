"""Connects with mysql-connector-python (pure Python); the job comes from standard input."""

import json
import sys

import mysql.connector

job = json.load(sys.stdin)
options = {"auth_plugin": job["authPlugin"]} if job.get("authPlugin") else {}
try:
    connection = mysql.connector.connect(
        host=job["host"],
        port=job["port"],
        user=job["user"],
        password=job["password"],
        database="CometQL_v1",
        use_pure=True,
        ssl_disabled=True,
        **options,
    )
except mysql.connector.Error as refusal:
    print(json.dumps({"errno": refusal.errno, "error": refusal.msg}))
    sys.exit()

cursor = connection.cursor(prepared=job.get("prepared", False))
cursor.execute("SELECT * FROM users_time WHERE id IN (2,3)")
times = cursor.fetchall()
cursor.execute(
    "INSERT INTO pipes_messages (name, event, message) VALUES (%s, %s, %s)",
    (job["pipe"], "e", job["message"]),
)
connection.commit()
cursor.execute("SELECT message FROM pipes_messages WHERE name = %s", (job["pipe"],))
history = cursor.fetchall()
connection.close()


def text(value):
    return value.decode() if isinstance(value, (bytes, bytearray)) else value


print(
    json.dumps(
        {
            "times": [[text(value) for value in row] for row in times],
            "history": [[text(value) for value in row] for row in history],
        }
    )
)
