# SPDX-License-Identifier: Apache-2.0
"""Whether what clients were told is true: a function of a history (history.py) and of what every maildrop holds in the end.

    lost        an acknowledged delivery is not there, though nobody tried to delete it
    doubled     one attempt to deliver is there twice
    refused     a delivery that was refused for good is there
    invented    a message is there that nobody sent to that user
    content     what was fetched is not, octet for octet, what was sent
    back        a message whose deletion was acknowledged is there: in the end anywhere, or, in a session that began
                later, in the datacenter that acknowledged it
    unseen      a session did not list what had been acknowledged in its own datacenter before it began
    unreadable  a message that was listed could not be fetched, in the datacenter that had acknowledged it before
    uidl        a message has two UIDLs, or a UIDL belonged to two messages
    apart       in the end one datacenter shows what another does not
    table       a row is half, or not there, or hidden from POP3 (tables.py)

An attempt without an answer, or with a temporary error, may be there whole, or not at all. The same holds for a deletion.
"""

import collections
import dataclasses

from history import ACKNOWLEDGED, REFUSED


@dataclasses.dataclass(frozen=True)
class Held:
    """One message as POP3 showed it in the end."""

    uidl: str
    token: str
    digest: str


@dataclasses.dataclass(frozen=True)
class Violation:
    kind: str
    user: str
    text: str

    def __str__(self):
        return f"{self.kind}: {self.user}: {self.text}"


@dataclasses.dataclass
class Session:
    name: str
    user: str
    datacenter: str
    began: float
    listed_at: float = None
    uidls: list = dataclasses.field(default_factory=list)
    fetched: list = dataclasses.field(default_factory=list)  # Held
    unfetched: list = dataclasses.field(default_factory=list)  # (at, uidl, reply)
    doomed: list = dataclasses.field(default_factory=list)
    quitting_at: float = None
    quit_at: float = None
    outcome: str = None


class Record:
    """A history, by attempt and by session."""

    def __init__(self, events, readings):
        self.readings = readings  # {datacenter: {user: [Held]}}
        self.attempts = {}  # (user, token) -> event
        self.answers = {}
        self.sessions = {}
        for event in events:
            self.take(event)
        self.tokens = collections.defaultdict(set)  # (user, uidl) -> tokens seen under it
        self.uidls = collections.defaultdict(set)  # (user, token) -> UIDLs it was seen under
        for user, held in self.all_held():
            self.tokens[user, held.uidl].add(held.token)
            self.uidls[user, held.token].add(held.uidl)

    def take(self, event):
        what = event["what"]
        if what == "attempt":
            self.attempts[event["user"], event["token"]] = event
        elif what == "answer":
            self.answers[event["user"], event["token"]] = event
        elif what == "session":
            self.sessions[event["session"]] = Session(
                event["session"], event["user"], event["datacenter"], event["at"])
        elif "session" in event:
            self.take_of_session(self.sessions[event["session"]], event)

    @staticmethod
    def take_of_session(session, event):
        what, at = event["what"], event["at"]
        if what == "listed":
            session.listed_at, session.uidls = at, event["uidls"]
        elif what == "fetched":
            session.fetched.append(Held(event["uidl"], event["token"], event["digest"]))
        elif what == "unfetched":
            session.unfetched.append((at, event["uidl"], event["reply"]))
        elif what == "quitting":
            session.quitting_at, session.doomed = at, event["uidls"]
        elif what == "quit":
            session.quit_at, session.outcome = at, event["outcome"]

    def all_held(self):
        for session in self.sessions.values():
            for held in session.fetched:
                yield session.user, held
        for users in self.readings.values():
            for user, messages in users.items():
                for held in messages:
                    yield user, held

    def token_of(self, user, uidl):
        """None: nobody ever fetched it."""
        return next(iter(sorted(self.tokens.get((user, uidl), ()))), None)

    def deletions(self):
        """{(user, uidl): sessions that tried to delete it}."""
        found = collections.defaultdict(list)
        for session in self.sessions.values():
            for uidl in session.doomed:
                found[session.user, uidl].append(session)
        return found


def check(events, readings):
    """All violations."""
    record = Record(events, readings)
    deletions = record.deletions()
    found = []
    for rule in (lost, doubled, strangers, content, back, unseen, unreadable, uidl, apart):
        found += [Violation(rule_kind, user, text) for rule_kind, user, text in rule(record, deletions)]
    return found


# ---- Rules: each yields (kind, user, text) ----


def first_try(record, deletions, user, token):
    """When somebody first tried to delete it; None if nobody did."""
    times = [session.quitting_at for uidl in record.uidls.get((user, token), ()) for session in deletions.get((user, uidl), ())]
    return min(times, default=None)


def lost(record, deletions):
    for (user, token), answer in record.answers.items():
        if answer["outcome"] != ACKNOWLEDGED or first_try(record, deletions, user, token) is not None:
            continue
        for datacenter, users in record.readings.items():
            if token not in {held.token for held in users.get(user, ())}:
                where = record.attempts[user, token]["node"]
                yield "lost", user, f"{token}, acknowledged by {where} at {answer['at']:.3f}, is not in {datacenter}"


def doubled(record, _):
    said = set()
    listings = [(user, [held.uidl for held in messages], datacenter) for datacenter, users in record.readings.items()
                for user, messages in users.items()]
    listings += [(session.user, session.uidls, f"session {session.name}") for session in record.sessions.values()]
    for user, uidls, where in listings:
        for uidl_, count in collections.Counter(uidls).items():
            if count > 1:
                yield "doubled", user, f"UIDL {uidl_} stands {count} times in {where}"
        tokens = collections.Counter(record.token_of(user, uidl_) for uidl_ in set(uidls))
        for token, count in tokens.items():
            if token is not None and count > 1 and (user, token) not in said:
                said.add((user, token))
                yield "doubled", user, f"{token} is {count} times in {where}"


def strangers(record, _):
    for user, token in sorted(record.uidls):
        if (user, token) not in record.attempts:
            yield "invented", user, f"{token} was never sent there"
            continue
        answer = record.answers.get((user, token))
        if answer is not None and answer["outcome"] == REFUSED:
            yield "refused", user, f"{token} is there, and was refused: {answer['reply']}"


def content(record, _):
    said = set()
    for user, held in record.all_held():
        attempt = record.attempts.get((user, held.token))
        if attempt is not None and attempt["digest"] != held.digest and (user, held) not in said:
            said.add((user, held))
            yield "content", user, f"{held.token} (UIDL {held.uidl}) is not what was sent"


def back(record, deletions):
    for (user, uidl_), sessions in deletions.items():
        acknowledged = [session for session in sessions if session.outcome == ACKNOWLEDGED]
        if not acknowledged:
            continue
        named = f"{record.token_of(user, uidl_)} (UIDL {uidl_})"
        for datacenter, users in record.readings.items():
            if uidl_ in {held.uidl for held in users.get(user, ())}:
                yield "back", user, f"{named}, deleted by {acknowledged[0].name}, is in {datacenter} in the end"
        for deleter in acknowledged:
            for later in record.sessions.values():
                if (later.user == user and later.datacenter == deleter.datacenter and later.began > deleter.quit_at
                        and uidl_ in later.uidls):
                    yield "back", user, f"{named}, deleted by {deleter.name}, is listed in {later.name}"


def sure_from(record, deletions, user, token, datacenter):
    """(since, until): when sessions in that datacenter must show it; None if never."""
    attempt, answer = record.attempts[user, token], record.answers.get((user, token))
    if answer is None or answer["outcome"] != ACKNOWLEDGED or attempt["datacenter"] != datacenter:
        return None
    until = first_try(record, deletions, user, token)
    return answer["at"], float("inf") if until is None else until


def unseen(record, deletions):
    by_place = collections.defaultdict(list)
    for session in record.sessions.values():
        if session.listed_at is not None:
            by_place[session.user, session.datacenter].append((session, set(session.uidls)))
    for (user, token), uidls in record.uidls.items():
        attempt = record.attempts.get((user, token))
        if attempt is None:
            continue
        sure = sure_from(record, deletions, user, token, attempt["datacenter"])
        for session, listed in by_place[user, attempt["datacenter"]] if sure else ():
            if session.began > sure[0] and session.listed_at < sure[1] and not uidls & listed:
                yield "unseen", user, f"{token}, acknowledged by {attempt['node']}, is not listed in {session.name}"


def unreadable(record, deletions):
    for session in record.sessions.values():
        for at, uidl_, reply in session.unfetched:
            token = record.token_of(session.user, uidl_)
            if token is None or not reply.startswith("-ERR") or "[SYS/TEMP]" in reply or (session.user, token) not in record.attempts:
                continue
            sure = sure_from(record, deletions, session.user, token, session.datacenter)
            if sure and session.began > sure[0] and at < sure[1]:
                yield "unreadable", session.user, f"{token} (UIDL {uidl_}) in {session.name}: {reply}"


def uidl(record, _):
    for (user, uidl_), tokens in record.tokens.items():
        if len(tokens) > 1:
            yield "uidl", user, f"UIDL {uidl_} was that of {', '.join(sorted(tokens))}"
    for (user, token), uidls in record.uidls.items():
        if len(uidls) > 1:
            yield "uidl", user, f"{token} had the UIDLs {', '.join(sorted(uidls))}"


def apart(record, _):
    datacenters = sorted(record.readings)
    users = sorted({user for one in record.readings.values() for user in one})
    for user in users:
        shown = {name: {held.uidl for held in record.readings[name].get(user, ())} for name in datacenters}
        everywhere = set.intersection(*shown.values())
        for name in datacenters:
            for uidl_ in sorted(shown[name] - everywhere):
                lacking = [other for other in datacenters if uidl_ not in shown[other]]
                yield "apart", user, f"{record.token_of(user, uidl_)} is in {name} and not in {', '.join(lacking)}"


# ---- What a history amounts to ----


def summary(events):
    """Counts by outcome, to see that a load ran at all."""
    answers = collections.Counter(event["outcome"] for event in events if event["what"] == "answer")
    quits = collections.Counter(event["outcome"] for event in events if event["what"] == "quit")
    return {
        "deliveries": dict(answers),
        "sessions": sum(event["what"] == "listed" for event in events),
        "fetched": sum(event["what"] == "fetched" for event in events),
        "deleted": sum(len(event["uidls"]) for event in events if event["what"] == "quitting"),
        "quits": dict(quits),
    }
