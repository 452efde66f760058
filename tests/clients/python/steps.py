"""What a client program is given, and how it tells what it saw: one line a step.

The lines are the same in every language; `tests/support/client-program.mjs` reads them.
"""

import os
import sys
from importlib.metadata import version

HOST = os.environ["COMET_HOST"]
PORT = int(os.environ["COMET_PORT"])
USER = os.environ["COMET_USER"]
KEY = os.environ["COMET_KEY"]
PIPE = os.environ["COMET_PIPE"]
TEXT = os.environ["COMET_TEXT"]

PUBLISH = "INSERT INTO pipes_messages (name, event, message) VALUES (%s, %s, %s)"


def say(step, *words):
    print(step, *words, sep="\t", flush=True)


def say_version(package):
    say("version", package, version(package))


def say_message(text):
    """The text read back, in hexadecimal: it has a line feed in it."""
    say("message", plain(text).encode().hex())


def plain(value):
    return value.decode() if isinstance(value, (bytes, bytearray)) else str(value)


def wait_for_runner():
    """Stops until the runner has seen that nothing uncommitted arrives."""
    say("waiting")
    sys.stdin.readline()
