# SPDX-License-Identifier: Apache-2.0
"""Deliveries into a store that holds a million messages already, and into an empty one, in turn."""

import subprocess

import measure
import servers
from works import Load

USERS = 1000
COUNT = 8000


def deliver(load, server):
    before = measure.cpu_s(server.process.pid)
    result = load.run(server, "deliver", "lmtp", connections=32, count=COUNT, users=USERS, size=2048)
    cpu = measure.cpu_s(server.process.pid) - before
    return {"cpu_ms": cpu * 1000 / COUNT, "rate": COUNT / result["seconds"]}


def fill(release, server, messages):
    """By the store's own functions, without a server: minutes instead of hours."""
    print(f"... a store of {messages:,} messages", flush=True)
    command = [release / "bench" / "store-bench", "--directory", server.store, "--messages", str(messages), "--mailboxes",
               str(USERS), "--users", f"user%u@{servers.DOMAIN}", "--body-bytes", "1400", "--threads", "64", "--reads", "0",
               "--keep"]  # fmt: skip
    subprocess.run(command, check=True)


def run(directory, release, rounds, messages):
    full = servers.Posthouse(directory / "full", release / "posthouse")
    fill(release, full, messages)
    full.start()
    full.add_domain()
    full.add_users("user", USERS)
    load = Load(release)
    found = {"messages": messages, "empty": [], "full": [], "ratios": []}
    try:
        for number in range(rounds):
            # The empty one is a new one each round, or it would fill.
            empty = servers.Posthouse(directory / f"empty{number}", release / "posthouse").start()
            try:
                empty.add_domain()
                empty.add_users("user", USERS)
                pair = (empty, full) if number % 2 == 0 else (full, empty)
                measured = {server: deliver(load, server) for server in pair}
            finally:
                empty.stop()
            found["empty"].append(measured[empty])
            found["full"].append(measured[full])
            found["ratios"].append(measured[full]["rate"] / measured[empty]["rate"])
            print(f"... round {number + 1}: {found['ratios'][-1]:.2f}", flush=True)
    finally:
        full.stop()
    return {"million": found}
