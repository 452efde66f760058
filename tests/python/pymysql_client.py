"""Connects with PyMySQL as a program would; the job comes from standard input."""

import json
import sys

import pymysql

job = json.load(sys.stdin)
try:
    connection = pymysql.connect(
        host=job["host"],
        port=job["port"],
        user=job["user"],
        password=job["password"],
        database="CometQL_v1",
        charset="utf8mb4",
    )
except pymysql.MySQLError as refusal:
    print(json.dumps({"errno": refusal.args[0], "error": refusal.args[1]}))
    sys.exit()

with connection, connection.cursor() as cursor:
    cursor.execute("SELECT * FROM users_time WHERE id IN (2,3)")
    times = cursor.fetchall()
    cursor.execute(
        "INSERT INTO pipes_messages (name, event, message) VALUES (%s, %s, %s)",
        (job["pipe"], "e", job["message"]),
    )
    connection.commit()
    cursor.execute("SELECT message FROM pipes_messages WHERE name = %s", (job["pipe"],))
    history = cursor.fetchall()
print(json.dumps({"times": times, "history": history}))
