# SPDX-License-Identifier: Apache-2.0
"""Trouble with the disk under a server that runs: clients are told to come again, with the right code; the log names the
cause; nothing that was acknowledged is lost; neighbours are not disturbed; and service resumes when the cause is gone,
without a restart but for one case: a sync that failed."""

import base64
import errno
import json
import poplib
import random
import smtplib
import time

import pytest

from support import faults
from support.account import Account, retrieve
from support.damage import flip, place_of, rows
from support.octets import assert_delivered

SEALED = 2
PASSWORD = "correct-horse-battery"
SMALL = [b"Subject: small %d\r\n\r\ntext %d\r\n" % (number, number) for number in range(4)]
# More than a megabyte, however it is compressed.
LARGE = b"Subject: large\r\n\r\n" + base64.encodebytes(random.Random(1).randbytes(2 << 20)).replace(b"\n", b"\r\n")


@pytest.fixture
def server():
    with faults.FaultyServer() as running:
        running.domain_add("example.org")
        yield running


@pytest.fixture
def accounts(server):
    made = [Account(server, f"user{number}@example.org", PASSWORD) for number in range(2)]
    for account in made:
        server.user_add(account.user, PASSWORD)
    return made


def refusal(account, message):
    """(code, text) with which a delivery by SMTP fails."""
    with smtplib.SMTP(*account.server.address("smtp"), local_hostname="client.example.net", timeout=60) as client:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("sender@example.net", [account.user], message)
    return caught.value.smtp_code, caught.value.smtp_error


def assert_refused(account, code, text, *messages):
    for message in messages:
        assert refusal(account, message) == (code, text)


FULL = (452, b"4.3.1 No room to store mail now, try again later")
TROUBLE = (451, b"4.3.0 Cannot store mail now, try again later")


@pytest.mark.parametrize("is_torn", [False, True])
def test_a_full_disk(server, accounts, is_torn):
    accounts[0].deliver(*SMALL)
    with server.fault(faults.WRITE, is_torn=is_torn):
        assert_refused(accounts[0], *FULL, SMALL[0], LARGE)
        # Reading needs no room.
        accounts[0].assert_holds(*SMALL)
    assert any("No space left on device" in line["reason"] for line in server.events("trouble"))
    accounts[0].deliver(LARGE)
    accounts[0].assert_holds(*SMALL, LARGE)
    server.restart()
    accounts[0].assert_holds(*SMALL, LARGE)
    assert server.cli("check", "--full", check=False).returncode == 0


def test_deleting_on_a_full_disk_fails_and_deletes_nothing(server, accounts):
    accounts[0].deliver(*SMALL)
    with server.fault(faults.WRITE):
        client = poplib.POP3(*server.address("pop3"), timeout=60)
        client.user(accounts[0].user)
        client.pass_(PASSWORD)
        client.dele(1)
        with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
            client.quit()
        client.close()
        accounts[0].assert_holds(*SMALL)
    with accounts[0].pop3() as client:
        client.dele(1)
    accounts[0].assert_holds(*SMALL[1:])


def test_a_file_system_that_becomes_read_only(server, accounts):
    accounts[0].deliver(*SMALL)
    with server.fault(faults.READ_ONLY):
        assert_refused(accounts[0], *TROUBLE, SMALL[0], LARGE)
        accounts[0].assert_holds(*SMALL)
        assert server.cli("status", check=False).returncode == 0
    assert any("Read-only file system" in line["reason"] for line in server.events("trouble"))
    accounts[0].deliver(SMALL[0])
    accounts[0].assert_holds(*SMALL, SMALL[0])


def test_a_disk_that_cannot_be_read_for_a_while(server, accounts):
    accounts[0].deliver(LARGE)
    with server.fault(faults.READ):
        client = poplib.POP3(*server.address("pop3"), timeout=60)
        with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
            client.user(accounts[0].user)
            client.pass_(PASSWORD)
            client.retr(1)
        client.close()
    assert any("Input/output error" in line["reason"] for line in server.events("trouble"))
    accounts[0].assert_holds(LARGE)


def test_a_failed_sync_ends_writing_until_a_restart(server, accounts):
    accounts[0].deliver(*SMALL)
    with server.fault(faults.SYNC):
        assert_refused(accounts[0], *TROUBLE, SMALL[0])
    reasons = [line["reason"] for name in ("content-sync-failed", "store-write-failed", "trouble")
               for line in server.events(name)]
    assert any("Input/output error" in reason for reason in reasons)
    # Reading goes on. Writing does not, however good the disk is now: nobody knows what it has kept.
    accounts[0].assert_holds(*SMALL)
    assert_refused(accounts[0], *TROUBLE, SMALL[1])
    assert json.loads(server.cli("--json", "status").stdout)["content"]["is_broken"]
    server.restart()
    held = accounts[0].fetch()
    assert_delivered(held[:len(SMALL)], SMALL)
    assert_delivered(held[len(SMALL):], [SMALL[0]] * (len(held) - len(SMALL)))
    assert len(held) <= len(SMALL) + 1, "only what got no clear answer may be there too"
    accounts[0].deliver(SMALL[2])


def assert_only_one_is_damaged(server, accounts, number, code, error):
    """Message `number` of the first account; the rest, and the neighbour, are as they were."""
    with accounts[0].pop3() as client:
        assert client.stat()[0] == len(SMALL)
        for at, message in enumerate(SMALL):
            if at == number:
                with pytest.raises(poplib.error_proto, match=code):
                    client.retr(at + 1)
            else:
                assert_delivered([retrieve(client, at + 1)], [message])
    accounts[1].assert_holds(*SMALL)
    assert any(line["error"] == error for line in server.events("trouble"))
    accounts[0].deliver(SMALL[0])
    assert accounts[0].count() == len(SMALL) + 1


@pytest.mark.parametrize("column", ["headerContent", "bodyContent"])
def test_a_damaged_record(server, accounts, column):
    for account in accounts:
        account.deliver(*SMALL)
    path, offset, length = place_of(server, column, 1)
    flip(path, offset + length - 17)
    assert_only_one_is_damaged(server, accounts, 1, r"\[SYS/PERM\]", "corrupt")


def test_a_torn_segment(server, accounts):
    """The end of the file is gone, while the server runs. What stood there may come back with it."""
    accounts[1].deliver(*SMALL)
    accounts[0].deliver(*SMALL)
    path, offset, _ = place_of(server, "headerContent", len(SMALL) * 2 - 1)
    body = place_of(server, "bodyContent", len(SMALL) * 2 - 1)
    with open(path, "r+b") as file:
        file.truncate(min(offset, body[1]))
    assert_only_one_is_damaged(server, accounts, len(SMALL) - 1, r"\[SYS/TEMP\]", "unavailable")


def kinds_found(server, *options):
    return {finding["kind"] for finding in json.loads(server.cli("--json", "check", *options, check=False).stdout)}


def away_segments(server):
    return json.loads(server.cli("--json", "status").stdout)["content"]["away_segments"]


def test_a_missing_segment(accounts):
    """Mail in it cannot be read; other mail can, and mail comes in. A restart changes nothing of that."""
    server = accounts[0].server
    server.stop()
    server.config["store"] = {"segment_bytes": 1 << 20}
    server.write_config()
    server.start()
    accounts[0].deliver(LARGE, *SMALL)
    path, _, _ = place_of(server, "bodyContent", 0)
    for _ in range(3):
        accounts[1].deliver(LARGE)
    deadline = time.monotonic() + 60
    while rows(server, "SELECT state FROM segments WHERE number = 1") != [(SEALED,)]:
        assert time.monotonic() < deadline, "the full segment is not sealed"
        time.sleep(0.05)
    server.stop()
    path.rename(path.with_suffix(".away"))
    server.start()
    with accounts[0].pop3() as client:
        with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
            client.retr(1)
    assert any("segment is missing" in line["reason"] for line in server.events("trouble"))
    assert len(accounts[1].fetch()) == 3
    accounts[1].deliver(*SMALL)
    assert kinds_found(server, "--repair") == {"content-away", "segment-away"}
    path.with_suffix(".away").rename(path)
    assert_delivered(accounts[0].fetch(), [LARGE, *SMALL])
    assert server.cli("check", "--full", check=False).returncode == 0


@pytest.mark.parametrize("is_torn", [False, True])
def test_the_newest_segment_is_missing(server, accounts, is_torn):
    """What was appended to last, or its end: the server starts, says so, takes mail, and goes on when the file is back."""
    accounts[0].deliver(*SMALL)
    path, _, _ = place_of(server, "bodyContent", 0)
    whole = path.read_bytes()
    server.stop()
    if is_torn:
        end, length = rows(server, "SELECT offset, length FROM blobs ORDER BY offset DESC")[0]
        path.write_bytes(whole[:end + length - 1])
    else:
        path.unlink()
    server.start()
    said = server.events("segment-away")[0]
    assert said["segment"] == "1" and said["directory"] == str(path.parent) and "missing" in said["reason"]
    assert away_segments(server) == 1
    assert "missing       1 segments" in server.cli("status").stdout.decode()
    assert kinds_found(server, "--full", "--repair") == {"content-away", "segment-away"}
    with accounts[0].pop3() as client:
        assert client.stat()[0] == len(SMALL)
        with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
            client.retr(len(SMALL))
    accounts[1].deliver(*SMALL)
    accounts[1].assert_holds(*SMALL)

    path.with_suffix(".whole").write_bytes(whole)
    path.with_suffix(".whole").rename(path)
    if is_torn:
        # Some file was there, so that another one is must be seen: once a minute, or now.
        server.cli("check")
    accounts[0].assert_holds(*SMALL)
    assert server.cli("check", "--full", check=False).returncode == 0
    assert away_segments(server) == 0
    server.restart()
    accounts[0].assert_holds(*SMALL)
    accounts[1].assert_holds(*SMALL)
    assert not server.events("content-lost")


def test_a_damaged_page_of_the_database(server, accounts):
    """A page of the maildrops: their owners are told, and nobody else notices."""
    for account in accounts:
        account.deliver(*SMALL)
    server.stop()
    page = rows(server, "PRAGMA page_size")[0][0]
    root = rows(server, "SELECT rootpage FROM sqlite_master WHERE name = 'pop3metadata'")[0][0]
    path = server.data_dir / "posthouse.db"
    with open(path, "r+b") as file:
        file.seek((root - 1) * page)
        right = file.read(page)
        file.seek((root - 1) * page)
        file.write(b"\xff" * page)
    server.start()
    client = poplib.POP3(*server.address("pop3"), timeout=60)
    client.user(accounts[0].user)
    with pytest.raises(poplib.error_proto, match=r"\[SYS/PERM\]"):
        client.pass_(PASSWORD)
    client.close()
    assert any(line["error"] == "corrupt" and "malformed" in line["reason"] for line in server.events("trouble"))
    assert_refused(accounts[0], *TROUBLE, SMALL[0])
    # What needs no maildrop goes on.
    assert server.cli("user", "list").stdout.count(b"@") == 2
    findings = json.loads(server.cli("--json", "check", check=False).stdout)
    assert "database" in {finding["kind"] for finding in findings}
    server.stop()
    with open(path, "r+b") as file:
        file.seek((root - 1) * page)
        file.write(right)
    server.start()
    for account in accounts:
        account.assert_holds(*SMALL)


def test_no_descriptors_for_a_while(server, accounts):
    with server.fault(faults.ACCEPT, times=5, error=errno.EMFILE):
        accounts[0].deliver(*SMALL)
        assert server.counted[1] == 5
    accounts[0].assert_holds(*SMALL)
    assert server.events("accept-failed")
