"""MariaDB Connector/Python, on the system's client library."""

import mariadb
from dbapi import exercise
from steps import HOST, KEY, PORT, USER, say_version

say_version("mariadb")


def connect():
    # docs: connect
    connection = mariadb.connect(host=HOST, port=PORT, user=USER, password=KEY, database="CometQL_v1")
    # docs: end
    return connection


exercise(connect, mariadb.Error, sql_state=lambda error: error.sqlstate)
