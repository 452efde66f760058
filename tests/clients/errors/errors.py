"""What the programs of this directory are given, and how they tell what came of each step: a line
of JSON. The runner ends a connection for them, or waits for its end, and then answers a line."""

import json
import os
import sys

HOST, USER, KEY = (os.environ[f"COMET_{name}"] for name in ("HOST", "USER", "KEY"))
PORT = int(os.environ["COMET_PORT"])


def say(step, outcome):
    print(json.dumps([step, outcome]), flush=True)


def ask_runner(request, connection_id):
    """`KILL` or `WAIT` for the end of a connection; returns when it is gone."""
    say(request, connection_id)
    sys.stdin.readline()
