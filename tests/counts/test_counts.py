# SPDX-License-Identifier: Apache-2.0
"""What an operation costs in numbers that noise cannot touch, held against the table in docs/performance.md: whoever
makes an operation dearer has to change the documented number, and sees that he does."""

import collections
import json
import pathlib
import poplib
import re
import smtplib
import time

import pytest

from support.posthouse import BINARY, Server
from support.process import program

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs" / "performance.md"
ROW = re.compile(r"^\| (?P<name>[^|]+) \| (?P<statements>[\d.]+) \| (?P<syncs>[\d.]+) \| (?P<calls>\d+) \|$", re.M)
# As many come or do not as threads meet, memory grows or a second passes.
TIMING = {"futex", "poll", "ppoll", "restart_syscall", "clock_nanosleep", "brk", "mmap", "munmap", "mprotect", "madvise",
          "sched_yield", "exit"}  # fmt: skip
SYNCS = {"fsync", "fdatasync", "sync_file_range", "msync"}
TIMES = 64  # a mailbox raises its bounds of numbers every 64th message
USERS = [f"user{number}@example.org" for number in range(10)]
PASSWORD = "correct-horse-battery"
MESSAGE = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: counted\r\n\r\n" + b"A line of the body.\r\n" * 90
MESSAGES_READ = 20


def counted(calls):
    return sum(count for name, count in calls.items() if name not in TIMING)


class Traced:
    """A server whose system calls are written down from its start."""

    def __init__(self):
        self.server = Server(settings={"workers": {"threads": 2}})
        self.trace = self.server.directory / "trace"
        wrapper = self.server.directory / "traced"
        wrapper.write_text(
            "#!/bin/sh\n"
            'for last; do :; done\n'
            f'[ "$last" = serve ] && exec {program("strace")} -D -f -qq -o {self.trace} {BINARY} "$@"\n'
            f'exec {BINARY} "$@"\n')  # fmt: skip
        wrapper.chmod(0o755)
        self.server.binary = wrapper

    def statements(self):
        status = json.loads(self.server.cli("--json", "status").stdout)
        return sum(one["count"] for one in status["statements"].values())

    def settled(self):
        """The length of the trace once nothing that counts is added: what was asked for is done, and written down."""
        offset, grew = self.trace.stat().st_size, True
        while grew:
            time.sleep(0.3)
            end = self.trace.stat().st_size
            grew = counted(self.calls_since(offset)) > 0
            offset = end
        return offset

    def calls_since(self, offset):
        with open(self.trace, "rb") as trace:
            trace.seek(offset)
            text = trace.read().decode(errors="replace")
        return collections.Counter(re.findall(r"^\d+ +([a-z_0-9]+)\(", text, re.M))

    def count(self, operate, times):
        """(statements, syncs, system calls) of one of the TIMES that `operate` does."""
        idle = self.statements()
        idle = self.statements() - idle  # a look at the status costs, too
        before = self.statements()
        offset = self.settled()
        operate()
        self.settled()
        calls = self.calls_since(offset)
        statements = self.statements() - before - idle
        syncs = sum(calls[name] for name in SYNCS)
        return statements / times, syncs / times, counted(calls) / times, calls


@pytest.fixture(scope="module")
def traced():
    one = Traced()
    with one.server:
        one.server.domain_add("example.org")
        for user in USERS:
            one.server.user_add(user, PASSWORD)
        lmtp = smtplib.LMTP("127.0.0.1", one.server.port("lmtp", "none"), local_hostname="client.example.org")
        lmtp.ehlo_or_helo_if_needed()
        one.lmtp = lmtp
        deliver(one, USERS, MESSAGES_READ)
        for _ in range(4):
            log_in(one).quit()
        yield one
        lmtp.quit()


def deliver(traced, recipients, times):
    """smtplib knows nothing of a reply for each recipient."""
    lmtp = traced.lmtp
    for _ in range(times):
        assert lmtp.docmd("MAIL FROM:<sender@example.org>")[0] == 250
        assert all(lmtp.docmd(f"RCPT TO:<{recipient}>")[0] == 250 for recipient in recipients)
        assert lmtp.docmd("DATA")[0] == 354
        lmtp.send(MESSAGE + b".\r\n")
        assert all(lmtp.getreply()[0] == 250 for _ in recipients)


def log_in(traced, user=USERS[0]):
    client = poplib.POP3("127.0.0.1", traced.server.port("pop3"))
    client.user(user)
    client.pass_(PASSWORD)
    return client


def sessions(traced, times):
    for _ in range(times):
        client = log_in(traced)
        client.stat()
        client.quit()


def documented():
    text = DOCUMENT.read_text(encoding="utf-8")
    return {m["name"]: (float(m["statements"]), float(m["syncs"]), int(m["calls"])) for m in ROW.finditer(text)}


def check(name, counted):
    assert name in documented(), f"docs/performance.md has no row `{name}`"
    statements, syncs, calls = documented()[name]
    where = f"of `{name}` in docs/performance.md; counted: {counted}"
    assert round(counted[0], 1) == statements, f"statements {where}"
    assert round(counted[1], 1) == syncs, f"syncs {where}"
    # A reply may meet the next command, or a segment be looked at: one more or less is no change.
    assert calls - 2 <= round(counted[2]) <= calls + 1, f"system calls {where}"


def test_delivery(traced):
    check("delivery to one recipient", traced.count(lambda: deliver(traced, USERS[:1], TIMES), TIMES))


def test_delivery_to_ten(traced):
    check("delivery to ten recipients", traced.count(lambda: deliver(traced, USERS, TIMES), TIMES))


def test_session(traced):
    check("POP3 login, STAT, QUIT", traced.count(lambda: sessions(traced, TIMES), TIMES))


def test_retr(traced):
    client = log_in(traced)
    client.retr(1)
    check("RETR", traced.count(lambda: [client.retr(at) for at in range(1, MESSAGES_READ + 1)], MESSAGES_READ))
    client.quit()


def test_dele(traced):
    client = log_in(traced)
    client.stat()
    check("DELE", traced.count(lambda: [client.dele(at) for at in range(1, MESSAGES_READ + 1)], MESSAGES_READ))
    check("QUIT after 20 DELE", traced.count(client.quit, 1))
