"""PyMySQL."""

import pymysql
from dbapi import exercise
from steps import HOST, KEY, PORT, USER, say_version

say_version("PyMySQL")


def connect():
    # docs: connect
    connection = pymysql.connect(host=HOST, port=PORT, user=USER, password=KEY, database="CometQL_v1")
    # docs: end
    return connection


exercise(connect, pymysql.MySQLError)
