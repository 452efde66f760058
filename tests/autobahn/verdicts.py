"""Compares what the Autobahn suite found with what is expected, case by case.

verdicts.py RUN OUT EXPECTED, where RUN is `echo` or `endpoint`, OUT the directory with the suite's findings, EXPECTED the
file with one verdict a case. With COMETWIRE_WRITE_EXPECTED=1 the file is written anew.
"""

import collections
import json
import os
import pathlib
import sys


def main(run, out, expected_file):
    out = pathlib.Path(out)
    index = json.loads((out / "index.json").read_text())["cometwire"]
    verdict_of = {"echo": echo_verdict, "endpoint": endpoint_verdict}[run]
    found = {}
    for case, entry in sorted(index.items(), key=lambda item: [int(part) for part in item[0].split(".")]):
        verdict = verdict_of(entry, json.loads((out / entry["reportfile"]).read_text()))
        if verdict is not None:
            found[case] = verdict
    if os.environ.get("COMETWIRE_WRITE_EXPECTED"):
        lines = ",\n".join(f'  "{case}": "{verdict}"' for case, verdict in found.items())
        pathlib.Path(expected_file).write_text("{\n" + lines + "\n}\n")
    expected = json.loads(pathlib.Path(expected_file).read_text())
    print(f"Autobahn, {run}:", ", ".join(f"{count} {verdict}" for verdict, count in summary(found)))
    wrong = {case for case in expected.keys() | found.keys() if expected.get(case) != found.get(case)}
    for case in sorted(wrong):
        print(f"case {case}: expected {expected.get(case)}, found {found.get(case)}", file=sys.stderr)
    return 1 if wrong or not found else 0


def summary(found):
    return sorted(collections.Counter(found.values()).items())


def echo_verdict(entry, _report):
    return worse(entry["behavior"], entry["behaviorClose"])


def endpoint_verdict(entry, report):
    """Whether the frames that are no message of ours are the expected ones, and the end too. None when the case waits for
    an echo."""
    expectations = list(report["expected"].values())
    if any(event[0] == "message" for expectation in expectations for event in expectation):
        return None
    # The greeting and the errors of the text protocol.
    received = [event for event in report["received"] if event[0] != "message"]
    frames = "OK" if not expectations or received in expectations else "FAILED"
    close = entry["behaviorClose"]
    return worse(frames, "INFORMATIONAL" if entry["behavior"] == "INFORMATIONAL" else close)


def worse(frames, close):
    """The close matters too, but a failure of the frames is the worse one."""
    if frames in ("OK", "NON-STRICT") and close not in ("OK", "INFORMATIONAL"):
        return close
    return close if close == "INFORMATIONAL" else frames


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
