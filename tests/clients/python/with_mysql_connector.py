"""MySQL Connector/Python: pure Python, or the C extension with Oracle's libmysqlclient in it."""

import sys

import mysql.connector
from dbapi import exercise
from steps import HOST, KEY, PORT, USER, say_version

say_version("mysql-connector-python")
pure = sys.argv[1] == "pure"


def connect():
    if pure:
        # docs: connect
        connection = mysql.connector.connect(
            host=HOST, port=PORT, user=USER, password=KEY, database="CometQL_v1", use_pure=True
        )
        # docs: end
    else:
        connection = mysql.connector.connect(
            host=HOST, port=PORT, user=USER, password=KEY, database="CometQL_v1", use_pure=False
        )
    return connection


exercise(
    connect,
    mysql.connector.Error,
    sql_state=lambda error: error.sqlstate,
    prepared={"prepared": True} if sys.argv[2:] == ["prepared"] else None,
)
