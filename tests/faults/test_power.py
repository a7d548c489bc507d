# SPDX-License-Identifier: Apache-2.0
"""The power goes: whatever of the unsynced writes is on the disk, in whatever order, nothing acknowledged is lost,
nothing is doubled or half, and no deleted mail is back. See support/disk.py for the model.

POWER_CUTS sets how many disks are looked at."""

import os
import pathlib
import random
import shutil
import tempfile
import threading
import time

from support import disk, posthouse
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


def test_nothing_acknowledged_is_lost_with_the_power(make_account):
    watched = WatchedServer(settings={"store": {"segment_bytes": 1 << 20}})
    stop = threading.Event()
    try:
        watched.start()
        watched.domain_add("example.org")
        accounts = [make_account(on=watched) for _ in range(3)]
        prepared = disk.size(watched.journal)
        ledger = Ledger(accounts, "power", mark=lambda: disk.size(watched.journal))
        threads = ledger.run(stop)
        time.sleep(LOAD_SECONDS)
        stop.set()
        for thread in threads:
            thread.join(60)
        watched.kill9()
        look_at_disks(watched, ledger, prepared)
    finally:
        stop.set()
        watched.close()


def look_at_disks(watched, ledger, prepared):
    written = disk.Disk(watched.journal)
    ends = [record.end for record in written.records if record.end > prepared]
    assert len(ends) > 500, f"only {len(ends)} changes were made: the load did not run"
    judged = 0
    for number in range(POWER_CUTS):
        chance = random.Random(number)
        end = chance.choice(ends)
        shutil.rmtree(watched.data_dir)
        watched.data_dir.mkdir(mode=0o700)
        written.state(end, chance, watched.data_dir)
        judged += sum(copy.acknowledged_at is not None and copy.acknowledged_at <= end
                      for copy in ledger.copies.values())
        try:
            posthouse.Server.start(watched)
            ledger.check(until=end, settle=False)
            watched.stop()
        except BaseException:
            kept = pathlib.Path(tempfile.mkdtemp(prefix="posthouse-power-"))
            print(f"cut {number} at octet {end} of {watched.journal}; that disk again in {kept}")
            written.state(end, random.Random(number), kept)
            raise
    assert judged > POWER_CUTS, "nothing had been acknowledged before the cuts"
