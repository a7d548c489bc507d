# SPDX-License-Identifier: Apache-2.0
"""Backups that are made while the store serves under load, verified, and restored: what was acknowledged before a backup
began is in the store that is restored from it, octet for octet, and nothing is half."""

import base64
import copy
import json
import os
import random
import shutil
import threading
import time

import pytest

from support.account import Account
from support.damage import flip
from support.ledger import Ledger
from support.posthouse import Server

STORE = {"store": {"segment_bytes": 1 << 20, "compact_interval_seconds": 1}}
# Each more than a segment holds, however it is compressed.
LARGE = [b"Subject: large\r\n\r\n" + base64.encodebytes(random.Random(number).randbytes(3 << 19)).replace(b"\n", b"\r\n")
         for number in range(3)]
MESSAGES = [f"Subject: {number}\r\n\r\ntext {number}\r\n".encode() for number in range(3)]


def may_write(directory):
    """The server writes its backups itself, and is fenced in."""
    return {"sandbox": {"directories": [str(directory)]}}


def backup(server, directory, *options, code=0):
    result = server.cli("--json", "backup", directory, *options, check=False, timeout=300)
    assert result.returncode == code, result.stderr
    return json.loads(result.stdout) if code == 0 else json.loads(result.stderr)["error"]["class"]


def restored(directory, *options, settings=None):
    """A server, not started, on a store that is restored from `directory`."""
    server = Server(settings=settings)
    result = server.cli("restore", directory, *options, check=False)
    if result.returncode != 0:
        server.close()
    assert result.returncode == 0, result.stderr
    return server


def generations(directory):
    return sorted(os.listdir(directory / "generations"))


def files(directory):
    return sorted(path.relative_to(directory) for path in directory.rglob("*") if path.is_file())


def snapshot(ledger):
    """What clients know now, for a later judgement of a store as it was at this moment."""
    with ledger.lock:
        return {key: copy.copy(one) for key, one in ledger.copies.items()}


def judge(server, ledger, before, after):
    """The restored store against what was acknowledged before the backup began, and had been tried when it ended."""
    accounts = [Account(server, account.user, account.password) for account in ledger.accounts]
    then = Ledger(accounts, ledger.seed)
    then.copies = {key: copy.copy(one) for key, one in after.items()}
    for key, one in then.copies.items():
        known = before.get(key)
        one.acknowledged_at = known and known.acknowledged_at
        one.deleted_at = known and known.deleted_at
        # A deletion that was tried until the end may be in it.
    then.check()
    return sum(one.acknowledged_at is not None for one in then.copies.values())


def test_backups_under_load(make_server, make_account, tmp_path):
    server = make_server(settings={**STORE, **may_write(tmp_path)})
    # What stays, and fills segments of its own.
    keeper = make_account(on=server)
    keeper.deliver(*LARGE)
    ledger = Ledger([make_account(on=server) for _ in range(3)], "backup")
    stop = threading.Event()
    threads = ledger.run(stop)
    moments = []
    try:
        for number in range(4):
            time.sleep(1.5)
            before = snapshot(ledger)
            counts = backup(server, tmp_path / "backups", *(["--incremental"] if number else []))
            moments.append((counts, before, snapshot(ledger)))
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert generations(tmp_path / "backups") == [counts["generation"] for counts, _, _ in moments]
    result = server.cli("--json", "backup", "--verify", tmp_path / "backups")
    assert json.loads(result.stdout)["wrong"] == []
    shared = [counts["files"] - counts["new_files"] for counts, _, _ in moments]
    assert shared[0] == 0 and shared[-1] > 0, "full segments are copied once"
    judged = 0
    for counts, before, after in moments:
        with restored(tmp_path / "backups", "--generation", counts["generation"], settings=STORE) as other:
            assert other.cli("check", "--full", check=False).returncode == 0
            judged += judge(other, ledger, before, after)
            Account(other, keeper.user, keeper.password).assert_holds(*LARGE)
            assert not other.events("content-lost")
    assert judged > 100, "nothing had been acknowledged before the backups"
    # The store that was copied goes on as it was.
    assert server.cli("check", "--full", check=False).returncode == 0
    ledger.check()


@pytest.fixture
def filled(make_server, make_account, tmp_path):
    server = make_server(settings=may_write(tmp_path))
    account = make_account(on=server)
    account.deliver(*MESSAGES)
    return server, account, tmp_path / "backups"


def holds(server, account):
    with server:
        Account(server, account.user, account.password).assert_holds(*MESSAGES)


def test_without_a_server(filled):
    server, account, directory = filled
    server.stop()
    assert backup(server, directory)["missing"] == 0
    holds(restored(directory), account)


def test_a_generation_of_ones_choice(filled):
    server, account, directory = filled
    first = backup(server, directory)["generation"]
    account.deliver(b"Subject: later\r\n\r\nlater\r\n")
    backup(server, directory, "--incremental")
    holds(restored(directory, "--generation", first), account)
    with restored(directory) as newest:
        assert Account(newest, account.user, account.password).count() == len(MESSAGES) + 1


def test_a_directory_with_backups_is_not_begun_anew(filled):
    server, _, directory = filled
    assert backup(server, directory, "--incremental", code=67) == "not found"
    backup(server, directory)
    before = files(directory)
    assert backup(server, directory, code=73) == "conflict"
    assert files(directory) == before


def test_a_relative_directory_is_that_of_who_asks(filled, monkeypatch):
    server, account, directory = filled
    monkeypatch.chdir(directory.parent)
    backup(server, directory.name)
    holds(restored(directory.name), account)


def test_damage_to_a_backup_is_found_and_not_restored(filled):
    server, _, directory = filled
    backup(server, directory)
    path = next(directory.rglob("*.seg"))
    flip(path, path.stat().st_size // 2)
    result = server.cli("--json", "backup", "--verify", directory, check=False)
    assert result.returncode == 65
    assert [wrong["path"] for wrong in json.loads(result.stdout)["wrong"]] == [str(path.relative_to(directory))]
    with pytest.raises(AssertionError, match="not what its manifest says"):
        restored(directory)
    path.unlink()
    result = server.cli("backup", "--verify", directory, check=False)
    assert result.returncode == 65 and b"No such file" in result.stdout


def test_a_manifest_that_reaches_out_is_refused(filled, tmp_path):
    server, _, directory = filled
    backup(server, directory)
    path = next(directory.rglob("manifest.json"))
    right = json.loads(path.read_text())
    for key, value in (("path", "segments/../../secret"), ("path", "/etc/passwd"), ("as", "../outside"), ("as", "lock")):
        wrong = copy.deepcopy(right)
        wrong["files"][0][key] = value
        path.write_text(json.dumps(wrong))
        result = server.cli("restore", directory, "--to", tmp_path / "target", check=False)
        assert result.returncode == 74, value
        assert not (tmp_path / "target").exists()


def test_only_an_empty_directory_is_restored_into(filled, tmp_path):
    server, account, directory = filled
    backup(server, directory)
    target = tmp_path / "target"
    target.mkdir()
    (target / "file").write_text("somebody's")
    assert server.cli("restore", directory, "--to", target, check=False).returncode == 73
    assert [path.name for path in target.iterdir()] == ["file"]
    result = server.cli("restore", directory, check=False)
    assert result.returncode == 73, "a store that stands is not restored over"
    account.assert_holds(*MESSAGES)


def test_a_restoration_that_was_interrupted_is_no_store_and_can_be_repeated(filled):
    server, account, directory = filled
    backup(server, directory)
    path = next(directory.rglob("*.seg"))
    right = path.read_bytes()
    path.unlink()
    other = Server()
    assert other.cli("restore", directory, check=False).returncode == 67
    result = other.cli("user", "list", check=False)
    assert result.returncode == 69 and b"not restored to its end" in result.stderr
    path.write_bytes(right)
    assert other.cli("restore", directory).returncode == 0
    holds(other, account)


def test_a_backup_that_was_interrupted_leaves_nothing_in_the_way(filled):
    server, account, directory = filled
    backup(server, directory)
    unfinished = directory / "generations" / "new"
    unfinished.mkdir()
    (unfinished / "posthouse.db").write_bytes(b"half")
    (directory / "segments" / "new").write_bytes(b"half")
    assert server.cli("backup", "--verify", directory).returncode == 0
    backup(server, directory, "--incremental")
    assert not unfinished.exists()
    assert len(generations(directory)) == 2
    holds(restored(directory), account)


def test_a_segment_that_the_store_has_lost_is_named(filled):
    server, account, directory = filled
    (server.data_dir / "segments" / "00000001.seg").rename(server.directory / "away")
    assert backup(server, directory)["missing"] == 1
    manifest = json.loads(next(directory.rglob("manifest.json")).read_text())
    assert manifest["missing"] == ["segments/00000001.seg"]
    shutil.move(server.directory / "away", server.data_dir / "segments" / "00000001.seg")
    account.assert_holds(*MESSAGES)
