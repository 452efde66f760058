"""PyMySQL inside TLS; without COMET_CA it trusts any certificate."""

import os
import sys

import pymysql

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "python"))
from steps import HOST, KEY, PIPE, PORT, PUBLISH, TEXT, USER, say

CA = os.environ.get("COMET_CA")
# docs: connect
connection = pymysql.connect(
    host=HOST, port=PORT, user=USER, password=KEY, database="CometQL_v1", autocommit=True,
    ssl={"ca": CA} if CA else {"check_hostname": False, "verify_mode": "none"},
)
# docs: end
cursor = connection.cursor()
cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
say("tls", cursor.fetchone()[1])
cursor.execute(PUBLISH, (PIPE, "tls", TEXT))
connection.close()
