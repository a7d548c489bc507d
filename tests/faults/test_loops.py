# SPDX-License-Identifier: Apache-2.0
"""One call fails, each time another one, until a run comes through unharmed: whatever fails, nothing acknowledged is
lost, nothing is doubled or half, no deleted mail is back, and the server does not crash. (Memory that cannot be had
ends it, with a line that says so: it runs under a supervisor.)

All runs are on one store. Call N fails in one run, N + FAULT_STEP in the next (default 7; 1 tries every call), from an
offset that FAULT_SEED chooses."""

import os
import poplib
import random
import signal
import smtplib

import pytest

from support import faults
from support.account import Account
from support.ledger import Ledger

STEP = int(os.environ.get("FAULT_STEP", "7"))
SEED = os.environ.get("FAULT_SEED", "1")
PASSWORD = "correct-horse-battery"
# Of sysexits.h, for a server that does not start.
START_FAILED = {69, 70, 74, 75, 77}
# kind, more about it, how many of its calls are passed over for each one that fails
KINDS = {
    "write": (faults.WRITE, {"error": 5}, STEP),
    "full": (faults.WRITE, {}, STEP),
    "torn": (faults.WRITE, {"is_torn": True}, STEP),
    "sync": (faults.SYNC, {}, max(1, STEP // 4)),
    "accept": (faults.ACCEPT, {}, max(1, STEP // 4)),
    "malloc": (faults.MALLOC, {}, STEP),
}


def attempt(ledger, step):
    """Clients meet trouble, and say nothing more than the ledger has noted."""
    try:
        step()
    except (OSError, poplib.error_proto, smtplib.SMTPException, EOFError):
        ledger.failed_steps += 1


def deliver(ledger, chance, count):
    host, port = ledger.accounts[0].server.address("lmtp", "none")
    with smtplib.LMTP(host, port, local_hostname="client.example.net", timeout=30) as client:
        for _ in range(count):
            ledger._deliver_one(client, chance)  # pylint: disable=protected-access


def script(ledger, chance):
    attempt(ledger, lambda: deliver(ledger, chance, 3))
    for account in ledger.accounts:
        attempt(ledger, lambda account=account: ledger._read_some(account, chance))  # pylint: disable=protected-access
    attempt(ledger, lambda: deliver(ledger, chance, 2))


def is_out_of_memory(server, code):
    return code == -signal.SIGABRT and "posthouse: out of memory" in server.log_text()


def end(server, way):
    """By a signal; the server has not ended by itself."""
    if server.process.poll() is None:
        server.process.send_signal(way)
    code = server.process.wait(60)
    server.process = None
    is_right = code == -signal.SIGKILL if way == signal.SIGKILL else code == 0
    assert is_right or is_out_of_memory(server, code), f"the server ended with {code}\n{server.log_tail()}"


def start(server):
    """False: it could not, and said why."""
    try:
        server.start()
        return True
    except AssertionError:
        code = server.process.wait(60)
        server.process = None
        assert (code in START_FAILED and server.events("start-failed")) or is_out_of_memory(server, code), \
            f"the start ended with {code}\n{server.log_tail()}"
        return False


def run_with_fault(server, ledger, number, kind, how, chance):
    """False: call NUMBER never came."""
    server.arm(kind, at=number, times=1, **how)
    if start(server):
        script(ledger, chance)
        end(server, chance.choice([signal.SIGTERM, signal.SIGKILL]))
    failed = server.counted[1]
    server.disarm()
    server.start()
    try:
        ledger.check()
    except (AssertionError, poplib.error_proto):
        print(f"call {number} of {server.counted[0]} had failed")
        raise
    end(server, signal.SIGTERM)
    return failed > 0


@pytest.mark.parametrize("name", KINDS)
def test_every_call_may_fail(name):
    kind, how, step = KINDS[name]
    chance = random.Random(f"{SEED}-{name}")
    with faults.FaultyServer(settings={"store": {"segment_bytes": 1 << 20}}) as server:
        server.domain_add("example.org")
        accounts = [Account(server, f"user{number}@example.org", PASSWORD) for number in range(3)]
        for account in accounts:
            server.user_add(account.user, PASSWORD)
        end(server, signal.SIGTERM)
        ledger = Ledger(accounts, name)
        ledger.failed_steps = 0
        number = chance.randint(1, step)
        runs = 0
        while run_with_fault(server, ledger, number, kind, how, chance):
            number += step
            runs += 1
        assert runs > 0, "nothing failed"
        assert ledger.acknowledged() > 0
        server.start()
        result = server.cli("check", "--full", check=False)
        assert result.returncode == 0, result.stdout
        print(f"{name}: {runs} runs, {ledger.failed_steps} steps failed")
