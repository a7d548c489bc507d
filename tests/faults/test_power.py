# SPDX-License-Identifier: Apache-2.0
"""The power goes: whatever of the unsynced writes is on the disk, in whatever order, nothing acknowledged is lost,
nothing is doubled or half, and no deleted mail is back. See support/disk.py for the model.

POWER_CUTS sets how many disks are looked at."""

import dataclasses
import os
import poplib
import random
import shutil
import threading
import time

import pytest

from support import disk, posthouse
from support.account import Account
from support.ledger import Ledger

POWER_CUTS = int(os.environ.get("POWER_CUTS", "20"))
LOAD_SECONDS = 4


class WatchedServer(posthouse.Server):
    """A server whose changes to its data directory are written down."""

    def start(self):
        self.journal = self.directory / "journal"
        library = disk.build_library(self.directory)
        names = {"LD_PRELOAD": str(library), "DISK_ROOT": str(self.data_dir), "DISK_JOURNAL": str(self.journal)}
        os.environ.update(names)
        try:
            return super().start()
        finally:
            for name in names:
                del os.environ[name]


@dataclasses.dataclass
class Run:
    """A server that ran under load and was killed, and what it did."""

    server: WatchedServer
    ledger: Ledger
    prepared: int  # size of the journal when the load began

    def look_at_disks(self, written, cuts):
        """Starts the server on `cuts` disks that the power may have left."""
        ends = [record.end for record in written.records if record.end > self.prepared]
        assert len(ends) > 500, f"only {len(ends)} changes were made: the load did not run"
        judged = 0
        for number in range(cuts):
            end = random.Random(number).choice(ends)
            self.look_at_disk(written, number, end)
            judged += sum(copy.acknowledged_at is not None and copy.acknowledged_at <= end
                          for copy in self.ledger.copies.values())
        assert judged > cuts, "nothing had been acknowledged before the cuts"

    def look_at_disk(self, written, number, end):
        shutil.rmtree(self.server.data_dir)
        self.server.data_dir.mkdir(mode=0o700)
        written.state(end, random.Random(number), self.server.data_dir)
        try:
            posthouse.Server.start(self.server)
            self.ledger.check(until=end, settle=False)
        except BaseException:
            print(f"cut {number}, at octet {end} of the journal")
            raise
        finally:
            if self.server.process is not None:
                self.server.kill9()


@pytest.fixture(scope="module")
def run():
    server = WatchedServer(settings={"store": {"segment_bytes": 1 << 20}})
    stop = threading.Event()
    try:
        server.start()
        server.domain_add("example.org")
        accounts = [Account(server, f"user{number}@example.org", "correct-horse-battery") for number in range(3)]
        for account in accounts:
            server.user_add(account.user, account.password)
        prepared = disk.size(server.journal)
        ledger = Ledger(accounts, "power", mark=lambda: disk.size(server.journal))
        threads = ledger.run(stop)
        time.sleep(LOAD_SECONDS)
        stop.set()
        for thread in threads:
            thread.join(60)
        server.kill9()
        yield Run(server, ledger, prepared)
    finally:
        stop.set()
        server.close()


def test_nothing_acknowledged_is_lost_with_the_power(run):
    run.look_at_disks(disk.Disk(run.server.journal), POWER_CUTS)


@pytest.mark.parametrize("path_end", [".seg", "-wal"])
def test_a_sync_that_is_left_out_would_be_seen(run, path_end):
    written = disk.Disk(run.server.journal, forgotten=path_end)
    with pytest.raises((AssertionError, poplib.error_proto, OSError)):
        run.look_at_disks(written, 40)
