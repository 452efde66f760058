"""mysqlclient, on the system's client library."""

import MySQLdb
from dbapi import exercise
from steps import HOST, KEY, PORT, USER, say_version

say_version("mysqlclient")


def connect():
    # docs: connect
    connection = MySQLdb.connect(host=HOST, port=PORT, user=USER, password=KEY, database="CometQL_v1")
    # docs: end
    return connection


exercise(connect, MySQLdb.Error)
