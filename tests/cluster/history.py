# SPDX-License-Identifier: Apache-2.0
"""What clients were told, written down as it happens: one event a line, never changed afterwards.

Each event is written before what it tells of is begun, or after it has ended, so that its time bounds the truth:

    attempt      token, user, digest, node, datacenter    before the end of the message is sent; one for each recipient
    answer       token, user, outcome, reply              after the answer, or when none will come
    session      session, user, node, datacenter          before the login
    listed       session, uidls                           after UIDL was answered
    fetched      session, uidl, token, digest             after RETR was answered
    unfetched    session, uidl, reply                     after RETR was refused
    quitting     session, uidls                           before QUIT, the messages marked deleted
    quit         session, outcome, reply                  after the answer to it, or when none will come
    refused      session, reply                           the login, or a command in between, failed
    fault        name                                     a test does something to the cluster

A token names one attempt to deliver: a client that tries again takes another. Times are of the monotonic clock, in seconds.
"""

import json
import threading
import time

ACKNOWLEDGED = "acknowledged"
TEMPORARY = "temporary"  # 4yz, or [SYS/TEMP]: whether it happened is not said
REFUSED = "refused"  # 5yz, or the client never came to say what it wanted: it did not happen
UNKNOWN = "unknown"  # no answer
OUTCOMES = [ACKNOWLEDGED, TEMPORARY, REFUSED, UNKNOWN]


class History:
    """May be written by many threads. `path`, if given, gets each event before the writer goes on."""

    def __init__(self, path=None):
        self.path = path
        self.events = []
        self.lock = threading.Lock()
        self.file = open(path, "a", encoding="utf-8") if path else None

    def write(self, what, **fields):
        with self.lock:
            event = {"at": time.monotonic(), "what": what, **fields}
            self.events.append(event)
            if self.file is not None:
                self.file.write(json.dumps(event) + "\n")
                self.file.flush()
        return event

    def fault(self, name):
        return self.write("fault", name=name)["at"]

    def close(self):
        if self.file is not None:
            self.file.close()
            self.file = None

    def of(self, what):
        return [event for event in self.events if event["what"] == what]

    def answers(self):
        """[(attempt, answer)] of those that have one."""
        attempts = {(event["user"], event["token"]): event for event in self.of("attempt")}
        return [(attempts[event["user"], event["token"]], event) for event in self.of("answer")]


def read(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
