# SPDX-License-Identifier: Apache-2.0
"""`posthouse check` while the store changes under it: finds nothing that is not so, repairs nothing that is right, and
finds what is wrong all the same."""

import json
import threading
import time

from support.damage import change
from support.ledger import Ledger

SECONDS = 6


def test_check_under_load(make_server, make_account):
    server = make_server(settings={"store": {"segment_bytes": 1 << 20, "compact_interval_seconds": 1}})
    accounts = [make_account(on=server) for _ in range(3)]
    ledger = Ledger(accounts, "check")
    stop = threading.Event()
    threads = ledger.run(stop)
    checks = 0
    try:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for options in ([], ["--full"], ["--repair"]):
                result = server.cli("--json", "check", *options, check=False)
                assert result.returncode == 0, result.stdout
                checks += 1
        change(server, "UPDATE segments SET live = live + 32 WHERE number = 1",
               "UPDATE messageCounter SET nextUid = 1")
        found = {finding["kind"] for finding in json.loads(server.cli("--json", "check", check=False).stdout)}
        assert {"segment-count", "uid-counter"} <= found
        assert server.cli("check", "--repair", check=False).returncode == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert checks > 5 and ledger.acknowledged() > 50, "the load did not run"
    assert server.cli("check", "--full", check=False).returncode == 0
    server.kill9()
    server.start()
    ledger.check()
