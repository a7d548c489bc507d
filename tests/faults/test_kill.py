# SPDX-License-Identifier: Apache-2.0
"""SIGKILL in the middle of mixed load, again and again on one store: clients and store must agree after each.

KILLS sets how often (a hundred rounds take about four minutes)."""

import os
import random
import threading
import time

from support.ledger import Ledger

KILLS = int(os.environ.get("KILLS", "12"))


def test_nothing_acknowledged_is_lost_by_a_kill(make_server, make_account):
    # Small segments, so that rolling and compaction are hit too.
    server = make_server(settings={"store": {"segment_bytes": 1 << 20}})
    accounts = [make_account(on=server) for _ in range(4)]
    chance = random.Random(1)
    ledger = Ledger(accounts, "kill")
    judged = 0
    for round_number in range(KILLS):
        stop = threading.Event()
        threads = ledger.run(stop)
        time.sleep(chance.uniform(0.05, 1.2))
        server.kill9()
        stop.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        judged += ledger.acknowledged()
        server.start()
        ledger.check()
        result = server.cli("--json", "status")
        assert result.returncode == 0, f"round {round_number}"
    assert judged > 20 * KILLS, f"only {judged} acknowledged copies were judged: the load did not run"
