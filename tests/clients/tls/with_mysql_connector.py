"""MySQL Connector/Python, which uses TLS by itself where it is offered; with COMET_CA it insists
on that certificate. The argument is "pure" or "c"."""

import os
import sys

import mysql.connector

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "python"))
from steps import HOST, KEY, PIPE, PORT, PUBLISH, TEXT, USER, say

CA = os.environ.get("COMET_CA")
# docs: connect
verified = {"ssl_ca": CA, "ssl_verify_identity": True} if CA else {}
connection = mysql.connector.connect(
    host=HOST, port=PORT, user=USER, password=KEY, database="CometQL_v1", autocommit=True,
    use_pure=sys.argv[1] == "pure", **verified,
)
# docs: end
cursor = connection.cursor()
cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
say("tls", cursor.fetchone()[1])
cursor.execute(PUBLISH, (PIPE, "tls", TEXT))
connection.close()
