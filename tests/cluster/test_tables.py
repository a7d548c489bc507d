# SPDX-License-Identifier: Apache-2.0
"""The look at the tables sees each fault that is planted, and none where there is none."""

import types
import uuid

import pytest
from history import ACKNOWLEDGED, UNKNOWN
from history_checker import Held
from tables import Tables, check_tables

USER = "user@example.org"
MAILBOX = uuid.uuid1()


class Planted:
    """Two messages of one user, with all their rows."""

    def __init__(self):
        self.tables = Tables(inboxes={USER: MAILBOX})
        self.shown = []
        self.events = []
        self.messages = [self.add(), self.add()]

    def add(self):
        message, blobs = uuid.uuid1(), [uuid.uuid1(), uuid.uuid1()]
        columns = {
            "uid": len(self.shown) + 1, "modseq": 7, "internaldate": 1, "bodystartoctet": 10, "fullcontentoctets": 30,
            "headercontent": str(blobs[0]), "bodycontent": str(blobs[1])}  # fmt: skip
        self.tables.maildrops[MAILBOX][message] = 30
        self.tables.truth[MAILBOX][message] = types.SimpleNamespace(**columns)
        self.tables.projection[MAILBOX][message] = types.SimpleNamespace(messageid=message, **columns)
        self.tables.content.update({blobs[0]: (10, 10), blobs[1]: (20, 20)})
        self.shown.append(Held(str(message), f"token {len(self.shown)}", "digest"))
        return message

    def hide(self, message):
        self.shown = [held for held in self.shown if held.uidl != str(message)]

    def doubt(self, outcome=UNKNOWN):
        self.events += [{"what": "attempt", "user": USER, "token": "x"},
                        {"what": "answer", "user": USER, "token": "x", "outcome": outcome}]

    def texts(self):
        return [violation.text for violation in check_tables(self.tables, {USER: self.shown}, self.events)]

    def assert_said(self, *words):
        texts = self.texts()
        assert len(texts) == 1 and all(word in texts[0] for word in words), texts


@pytest.fixture
def planted():
    return Planted()


def test_whole_tables_have_no_fault(planted):
    assert planted.texts() == []


@pytest.mark.parametrize("name", ["truth", "projection"])
def test_a_row_that_is_missing(planted, name):
    del getattr(planted.tables, name)[MAILBOX][planted.messages[0]]
    planted.assert_said("not in", {"truth": "imapUidTable", "projection": "messageIdTable"}[name])


@pytest.mark.parametrize("name", ["truth", "projection"])
def test_half_a_row(planted, name):
    getattr(planted.tables, name)[MAILBOX][planted.messages[0]].modseq = None
    planted.assert_said("half a row", "modseq")


def test_a_row_of_the_maildrop_that_pop3_hides(planted):
    planted.hide(planted.messages[0])
    planted.doubt()
    planted.assert_said("is in pop3metadata, and not shown")


def test_a_message_that_is_shown_without_a_row(planted):
    del planted.tables.maildrops[MAILBOX][planted.messages[0]]
    assert any("not in pop3metadata" in text for text in planted.texts())


def test_content_that_is_half(planted):
    blob = uuid.UUID(planted.tables.truth[MAILBOX][planted.messages[0]].bodycontent)
    planted.tables.content[blob] = (None, 13)  # without its first chunk
    planted.assert_said("bodycontent", "13 octets stored")
    del planted.tables.content[blob]
    planted.assert_said("bodycontent", "0 octets stored")


def test_two_uids(planted):
    planted.tables.projection[MAILBOX][planted.messages[0]].uid = 99
    planted.assert_said("UID")


@pytest.mark.parametrize("outcome, is_fault", [(UNKNOWN, False), (ACKNOWLEDGED, True)])
def test_rows_of_what_is_not_shown_are_explained_by_doubt(planted, outcome, is_fault):
    message = planted.messages[0]
    planted.hide(message)
    del planted.tables.maildrops[MAILBOX][message]
    planted.doubt(outcome)
    assert bool(planted.texts()) == is_fault
