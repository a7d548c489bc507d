# SPDX-License-Identifier: Apache-2.0
"""What every test with a hostile peer asks: did the server's memory stay bounded, were its neighbours undisturbed, did
everything come back that the peer had taken?"""

import contextlib
import os
import threading
import time

from maildrops import assert_is, deliver, make_user
from pop3client import Pop3

PATIENCE_SECONDS = 60

# As in tests/wire/servers.py: name -> (settings, listeners besides).
HOSTILE_SERVERS = {
    "open": ({"limits": {"connections_per_address": 0, "connections": 20000}, "log": {"level": "info"}}, {}),
    "hurried": (
        {
            "limits": {"connections_per_address": 0},
            "pop3": {"login_seconds": 1, "idle_seconds": 2},
            "smtp": {"command_seconds": 1, "data_seconds": 1, "message_seconds": 2},
            "workers": {"tls_handshake_seconds": 1},
        },
        {},
    ),
    # As an operator has it: real hashes, late answers.
    "guarded": (
        {
            "limits": {"connections_per_address": 0},
            "auth": {
                "hash_threads": 2, "hash_queue": 200, "argon2_memory_kib": 19456, "argon2_passes": 2,
                "failure_delay_ms": 500, "failures_before_delay": 20, "failures": 1000000,
            },
        },
        {},
    ),
}


class Neighbour:
    """Somebody well-behaved: mail for him comes, he fetches and deletes it, over and over, until the test is over. His
    sessions come from an address of their own, as somebody else's would."""

    ROUNDS_MIN = 3
    ADDRESS = "127.0.7.7"
    PASSWORD = "secret"

    def __init__(self, server, name):
        self.server = server
        self.user = make_user(server, name)
        self.rounds = 0
        self.trouble = None
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.live, daemon=True)

    def live(self):
        try:
            while not self.is_over.is_set() or self.rounds < self.ROUNDS_MIN:
                self.round()
                self.rounds += 1
                time.sleep(0.02)
        except Exception as error:  # whatever it is, the test wants to know
            self.trouble = error

    def round(self):
        message = b"Subject: round %d\r\n\r\n.dot\r\nHello.\r\n" % self.rounds
        deliver(self.server, self.user, message)
        client = Pop3(self.server, source=self.ADDRESS).login(self.user, self.PASSWORD)
        assert_is(client.retrieve(1), message)
        client.ok("DELE 1")
        client.quit()

    def __enter__(self):
        self.round()  # his password is known before anything happens
        self.thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self.is_over.set()
        self.thread.join(PATIENCE_SECONDS)
        if kind is None:
            assert not self.thread.is_alive(), f"the neighbour hangs in round {self.rounds}"
            if self.trouble is not None:
                raise AssertionError(f"the neighbour was disturbed in round {self.rounds}") from self.trouble


# ---- What the server holds ----


def status(server, key):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))


@contextlib.contextmanager
def bounded(server, mib):
    """The server's memory is at no time more than MIB above what it was."""
    with open(f"/proc/{server.process.pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # VmHWM begins anew: proc(5)
    before = status(server, "VmRSS")
    yield
    peak = status(server, "VmHWM") - before
    assert peak <= mib * 1024, f"the server grew by {peak} KiB, more than {mib} MiB"


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def all_gone(server, descriptors_before):
    """Every connection of the test has ended on the server's side too, and left no descriptor behind."""
    wait_until(lambda: descriptors(server) <= descriptors_before,
               f"{descriptors(server)} descriptors are open, there were {descriptors_before}")


# ---- What peers do ----


def pour(client, piece, octets):
    """Sends PIECE until OCTETS are sent or the server has closed; returns how many went."""
    sent = 0
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while sent < octets:
            client.send(piece)
            sent += len(piece)
    return sent


def rest_of(client):
    """All that the server still says, up to its close."""
    with contextlib.suppress(ConnectionResetError):
        while client.wire.receive():
            pass
    return client.wire.received
