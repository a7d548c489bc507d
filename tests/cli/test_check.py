# SPDX-License-Identifier: Apache-2.0
"""`posthouse check`: each kind of damage is found by its name, repaired where it can be, and no message is ever deleted."""

import json

import pytest

from support.damage import change, flip, place_of, rows

from conftest import USER

MESSAGES = [f"Subject: message {number}\r\n\r\n{'text of it ' * 20}{number}\r\n".encode() for number in range(4)]


@pytest.fixture
def filled(store):
    store.add_alice()
    for message in MESSAGES:
        store.deliver(message, USER)
    return store


def check(store, *options, code):
    result = store.cli("--json", "check", *options, check=False)
    assert result.returncode == code, (result.stdout, result.stderr)
    return json.loads(result.stdout)


def kinds(findings):
    return [(finding["kind"], finding["state"]) for finding in findings]


def assert_all_there(store, but=0):
    listed = store.json("message", "list", USER)
    assert len(listed) == len(MESSAGES) - but
    bodies = [store.cli("message", "show", USER, message["id"]).stdout.split(b"\r\n\r\n", 1)[1] for message in listed]
    assert bodies == [message.split(b"\r\n\r\n", 1)[1] for message in MESSAGES][but:]


def test_a_store_that_is_right(filled):
    assert check(filled, code=0) == []
    assert check(filled, "--full", code=0) == []
    result = filled.cli("check")
    assert result.stdout == b""
    assert result.stderr == b"1 mailboxes, 4 messages, 8 pieces of content: 0 findings, 0 repaired\n"


FIRST = "(SELECT min(messageId) FROM messageV3)"
REPAIRABLE = {
    "maildrop-missing": [f"DELETE FROM pop3metadata WHERE messageId = {FIRST}"],
    "maildrop-size": [f"UPDATE pop3metadata SET size = size + 1 WHERE messageId = {FIRST}"],
    "maildrop-stale": ["INSERT INTO pop3metadata (mailboxId, messageId, size) "
                       "SELECT mailboxId, x'11000000000000000000000000000001', 7 FROM pop3metadata LIMIT 1"],
    "listing-missing": [f"DELETE FROM messageIdTable WHERE messageId = {FIRST}"],
    "listing-differs": [f"UPDATE messageIdTable SET flagSeen = 1 WHERE messageId = {FIRST}"],
    "listing-stale": ["INSERT INTO messageIdTable (mailboxId, uid, messageId) "
                      "SELECT mailboxId, 77, x'11000000000000000000000000000001' FROM messageIdTable LIMIT 1",
                      "UPDATE messageCounter SET nextUid = nextUid + 1000"],
    "message-row": [f"DELETE FROM messageV3 WHERE messageId = {FIRST}"],
    "message-differs": [f"UPDATE messageV3 SET fullContentOctets = 5 WHERE messageId = {FIRST}"],
    "length": [f"UPDATE {table} SET fullContentOctets = fullContentOctets + 5 WHERE messageId = "
               "(SELECT min(messageId) FROM imapUidTable)" for table in ("imapUidTable", "messageV3", "messageIdTable")]
              + ["UPDATE pop3metadata SET size = size + 5 WHERE messageId = (SELECT min(messageId) FROM imapUidTable)"],
    "mailbox-row": ["DELETE FROM mailbox"],
    "mailbox-name": ["DELETE FROM mailboxPathV3"],
    "uid-counter": ["UPDATE messageCounter SET nextUid = 1"],
    "content-count": ["UPDATE blobs SET refs = refs + 1 WHERE id = (SELECT min(id) FROM blobs)"],
    # Of one message, of all: the records in the segments say what the rows said.
    "content-gone": ["DELETE FROM blobs WHERE id = (SELECT bodyContent FROM messageV3 ORDER BY messageId LIMIT 1)"],
    "content-gone ": ["DELETE FROM blobs"],
    "segment-count": ["UPDATE segments SET live = live - 16"],
}


@pytest.mark.parametrize("kind", REPAIRABLE)
def test_what_can_be_repaired_is(filled, kind):
    change(filled, *REPAIRABLE[kind])
    kind = kind.strip()
    assert (kind, "found") in kinds(check(filled, code=65))
    findings = check(filled, "--repair", code=0)
    assert (kind, "repaired") in kinds(findings)
    assert check(filled, "--full", code=0) == []
    assert_all_there(filled)


SUMMARY = "SELECT messageId, mailboxId, envelope, bodystructure, preview FROM {} ORDER BY messageId"


@pytest.mark.parametrize("damage", [
    [f"DELETE FROM messageIdTable WHERE messageId = {FIRST}"],
    [f"UPDATE messageIdTable SET flagSeen = 1, envelope = NULL WHERE messageId = {FIRST}"],
    [f"DELETE FROM imapUidTable WHERE messageId = {FIRST}", f"DELETE FROM pop3metadata WHERE messageId = {FIRST}"],
])
def test_what_imap_lists_of_a_message_comes_back_with_its_row(filled, damage):
    change(filled, *(f"UPDATE {table} SET preview = 'text of it'" for table in ("imapUidTable", "messageIdTable")))
    before = rows(filled, SUMMARY.format("imapUidTable"))
    assert all(None not in row for row in before)
    change(filled, *damage)
    check(filled, "--repair", code=0)
    assert rows(filled, SUMMARY.format("messageIdTable")) == before
    assert rows(filled, SUMMARY.format("imapUidTable")) == before


@pytest.mark.parametrize("listing", ["messageIdTable", "pop3metadata"])
def test_a_message_that_only_a_listing_knows_is_put_back(filled, listing):
    other = {"messageIdTable": "pop3metadata", "pop3metadata": "messageIdTable"}[listing]
    change(filled, f"DELETE FROM imapUidTable WHERE messageId = {FIRST}", f"DELETE FROM {other} WHERE messageId = {FIRST}")
    findings = check(filled, code=65)
    assert ("message-lost", "found") in kinds(findings)
    assert findings[0]["user"] == USER and findings[0]["name"] == "INBOX"
    check(filled, "--repair", code=0)
    assert check(filled, code=0) == []
    assert_all_there(filled)


def test_findings_that_nothing_repairs_say_so(filled):
    change(filled, f"DELETE FROM imapUidTable WHERE messageId = {FIRST}",
           f"DELETE FROM messageIdTable WHERE messageId = {FIRST}", f"DELETE FROM pop3metadata WHERE messageId = {FIRST}")
    findings = check(filled, "--repair", code=65)
    assert kinds(findings) == [("message-nowhere", "found")]
    assert findings[0]["repair"].startswith("nothing")
    assert rows(filled, "SELECT count(*) FROM blobs") == [(8,)]
    change(filled, f"DELETE FROM messageV3 WHERE messageId = {FIRST}")
    assert kinds(check(filled, "--repair", code=65)) == [("content-unused", "found")] * 2
    assert rows(filled, "SELECT count(*) FROM blobs") == [(8,)]
    assert_all_there(filled, but=1)


def test_damaged_content_is_named_with_its_message_and_stays_listed(filled):
    path, offset, length = place_of(filled, "bodyContent", 1)
    flip(path, offset + length - 17)
    assert check(filled, code=0) == [], "where content begins all is well"
    findings = check(filled, "--full", "--repair", code=65)
    assert kinds(findings) == [("content-damaged", "found")]
    listed = [message["id"] for message in filled.json("message", "list", USER)]
    assert findings[0]["message"] == listed[1]
    assert findings[0]["user"] == USER
    assert "octets are damaged" in findings[0]["text"]
    assert len(listed) == len(MESSAGES)
    assert filled.code("message", "show", USER, listed[1]) == 74
    flip(path, offset)
    assert "no record stands there" in check(filled, code=65)[0]["text"]


def test_content_without_a_row_and_without_a_record_is_named(filled):
    path, offset, length = place_of(filled, "bodyContent", 0)
    flip(path, offset + length - 17)
    change(filled, "DELETE FROM blobs WHERE id = (SELECT bodyContent FROM messageV3 ORDER BY messageId LIMIT 1)")
    findings = check(filled, "--repair", code=65)
    assert ("content-gone", "found") in kinds(findings)
    assert len(filled.json("message", "list", USER)) == len(MESSAGES)


def test_a_damaged_page_of_the_database_is_found(offline):
    offline.add_alice()
    for message in MESSAGES:
        offline.deliver(message, USER)
    root = rows(offline, "SELECT rootpage FROM sqlite_master WHERE name = 'rrt'")[0][0]
    page = rows(offline, "PRAGMA page_size")[0][0]
    with open(offline.data_dir / "posthouse.db", "r+b") as file:
        file.seek((root - 1) * page)
        file.write(b"\xff" * 16)
    findings = check(offline, code=65)
    assert findings and {finding["kind"] for finding in findings} == {"database"}
    assert_all_there(offline)
