# SPDX-License-Identifier: Apache-2.0
"""The checker sees each violation that is planted, and none where there is none."""

import json

import pytest
from history import ACKNOWLEDGED, REFUSED, TEMPORARY, UNKNOWN, History, read
from history_checker import Held, check, summary

USER = "user@example.org"
DATACENTERS = ["dc1", "dc2"]


class Play:
    """A history that goes by the book, at one tick an event; a test spoils it."""

    def __init__(self):
        self.events = []
        self.maildrop = {}  # uidl -> Held
        self.digests = {}

    def write(self, what, **fields):
        self.events.append({"at": float(len(self.events)), "what": what, **fields})

    def deliver(self, token, outcome=ACKNOWLEDGED, datacenter="dc1", is_there=None):
        digest = self.digests.setdefault(token, f"digest of {token}")
        self.write("attempt", token=token, user=USER, digest=digest, node=f"{datacenter}-a", datacenter=datacenter)
        self.write("answer", token=token, user=USER, outcome=outcome, reply="as told")
        if is_there if is_there is not None else outcome == ACKNOWLEDGED:
            self.maildrop[f"uidl-{token}"] = Held(f"uidl-{token}", token, digest)

    def session(self, name, datacenter="dc1", fetch=(), delete=(), outcome=ACKNOWLEDGED, is_gone=None):
        self.write("session", session=name, user=USER, node=f"{datacenter}-a", datacenter=datacenter)
        self.write("listed", session=name, uidls=sorted(self.maildrop))
        for token in fetch:
            held = self.maildrop[f"uidl-{token}"]
            self.write("fetched", session=name, uidl=held.uidl, token=token, digest=held.digest)
        self.write("quitting", session=name, uidls=[f"uidl-{token}" for token in delete])
        self.write("quit", session=name, outcome=outcome, reply="as told")
        if is_gone if is_gone is not None else outcome == ACKNOWLEDGED:
            for token in delete:
                del self.maildrop[f"uidl-{token}"]

    def readings(self):
        return {name: {USER: list(self.maildrop.values())} for name in DATACENTERS}

    def kinds(self, readings=None):
        return sorted({violation.kind for violation in check(self.events, readings or self.readings())})


@pytest.fixture
def play():
    """Two messages that stay, one that is fetched and deleted, and sessions in both datacenters."""
    made = Play()
    made.deliver("a")
    made.deliver("b", datacenter="dc2")
    made.deliver("c")
    made.session("one", fetch="abc", delete="c")
    made.session("two", datacenter="dc2", fetch="ab")
    return made


def test_a_clean_history_has_no_violation(play):
    assert check(play.events, play.readings()) == []


@pytest.mark.parametrize("outcome", [TEMPORARY, UNKNOWN])
@pytest.mark.parametrize("is_there", [False, True])
def test_what_got_no_answer_may_be_there_or_not(play, outcome, is_there):
    play.deliver("d", outcome, is_there=is_there)
    play.session("three", delete="a", outcome=outcome, is_gone=not is_there)
    assert play.kinds() == []


def test_an_attempt_that_never_ended_may_be_there_or_not(play):
    play.deliver("d")
    play.events.pop()
    assert play.kinds() == []
    del play.maildrop["uidl-d"]
    assert play.kinds() == []


def test_lost(play):
    del play.maildrop["uidl-a"]
    assert play.kinds() == ["lost"]


def test_lost_in_one_datacenter(play):
    readings = play.readings()
    readings["dc2"][USER] = [held for held in readings["dc2"][USER] if held.token != "b"]
    assert play.kinds(readings) == ["apart", "lost"]


def test_lost_though_a_try_to_deliver_it_again_is_there(play):
    """Attempts are counted, not messages."""
    play.deliver("a2")
    del play.maildrop["uidl-a"]
    assert play.kinds() == ["lost"]


@pytest.mark.parametrize("outcome", [ACKNOWLEDGED, UNKNOWN])
def test_doubled(play, outcome):
    play.deliver("d", outcome, is_there=True)
    play.maildrop["again"] = Held("again", "d", play.digests["d"])
    assert play.kinds() == ["doubled", "uidl"]


def test_doubled_in_a_session_alone(play):
    play.session("three")
    play.events[-3]["uidls"] = ["uidl-a", "uidl-a", "uidl-b"]
    assert play.kinds() == ["doubled"]


def test_back_in_the_end(play):
    play.maildrop["uidl-c"] = Held("uidl-c", "c", play.digests["c"])
    assert play.kinds() == ["back"]


def test_back_in_one_datacenter(play):
    readings = play.readings()
    readings["dc2"][USER].append(Held("uidl-c", "c", play.digests["c"]))
    assert play.kinds(readings) == ["apart", "back"]


def test_back_in_a_later_session(play):
    held = Held("uidl-c", "c", play.digests["c"])
    play.maildrop[held.uidl] = held
    play.session("three")
    del play.maildrop[held.uidl]
    assert play.kinds() == ["back"]


def test_a_deletion_reaches_the_other_datacenter_later(play):
    held = Held("uidl-c", "c", play.digests["c"])
    play.maildrop[held.uidl] = held
    play.session("three", datacenter="dc2")
    del play.maildrop[held.uidl]
    assert play.kinds() == []


def test_refused_and_there(play):
    play.deliver("d", REFUSED, is_there=True)
    assert play.kinds() == ["refused"]


def test_invented(play):
    play.maildrop["uidl-x"] = Held("uidl-x", "x", "digest of x")
    assert play.kinds() == ["invented"]


def test_half_a_message(play):
    play.maildrop["uidl-a"] = Held("uidl-a", "a", "digest of half of a")
    assert play.kinds() == ["content"]


def test_half_a_message_in_a_session(play):
    play.session("three", fetch="a")
    play.events[-3]["digest"] = "digest of half of a"
    assert play.kinds() == ["content"]


def test_half_a_message_of_an_unknown_outcome(play):
    play.deliver("d", UNKNOWN, is_there=True)
    play.maildrop["uidl-d"] = Held("uidl-d", "d", "digest of half of d")
    assert play.kinds() == ["content"]


def test_a_uidl_that_changed(play):
    del play.maildrop["uidl-a"]
    play.maildrop["other"] = Held("other", "a", play.digests["a"])
    assert play.kinds() == ["uidl"]


def test_a_uidl_that_is_used_again(play):
    play.deliver("d")
    del play.maildrop["uidl-d"]
    play.maildrop["uidl-c"] = Held("uidl-c", "d", play.digests["d"])
    assert play.kinds() == ["back", "uidl"]


def test_not_seen_in_its_own_datacenter(play):
    held = play.maildrop.pop("uidl-a")
    play.session("three")
    play.maildrop[held.uidl] = held
    assert play.kinds() == ["unseen"]


def test_not_yet_seen_in_the_other_datacenter(play):
    held = play.maildrop.pop("uidl-a")
    play.session("three", datacenter="dc2")
    play.maildrop[held.uidl] = held
    assert play.kinds() == []


def test_unseen_says_nothing_of_what_somebody_tried_to_delete(play):
    play.session("three", delete="a", outcome=UNKNOWN, is_gone=False)
    held = play.maildrop.pop("uidl-a")
    play.session("four")
    play.maildrop[held.uidl] = held
    assert play.kinds() == []


@pytest.mark.parametrize("reply, kinds", [("-ERR no such message", ["unreadable"]), ("-ERR [SYS/TEMP] later", [])])
def test_a_listed_message_that_cannot_be_fetched(play, reply, kinds):
    play.session("three")
    play.write("unfetched", session="three", uidl="uidl-a", reply=reply)
    assert play.kinds() == kinds


def test_the_file_holds_what_was_written(tmp_path):
    history = History(tmp_path / "history")
    history.write("attempt", token="a", user=USER, digest="d", node="dc1-a", datacenter="dc1")
    history.write("answer", token="a", user=USER, outcome=ACKNOWLEDGED, reply="250 OK")
    history.close()
    assert read(tmp_path / "history") == history.events == json.loads(json.dumps(history.events))
    assert summary(history.events)["deliveries"] == {ACKNOWLEDGED: 1}
    assert [(attempt["token"], answer["reply"]) for attempt, answer in history.answers()] == [("a", "250 OK")]
