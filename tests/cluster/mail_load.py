# SPDX-License-Identifier: Apache-2.0
"""Mail programs that write down what they are told: deliveries by SMTP and LMTP, sessions by POP3.

`Load` runs them against several Posthouse nodes at once until it is stopped; whatever happens to the nodes, a client notes
the answer, or that none came, and goes on. `read_maildrops` is the reading in the end that history_checker.py wants.
A place is a Posthouse node: `name`, `datacenter`, and `address(protocol, tls)` while it runs.
"""

import dataclasses
import hashlib
import poplib
import random
import re
import smtplib
import threading
import time

import support.account  # lines of any length in poplib
from history import ACKNOWLEDGED, REFUSED, TEMPORARY, UNKNOWN
from history_checker import Held
from support.octets import stuffed, without_trace

assert support.account.poplib is poplib
TOKEN = re.compile(rb"^X-Token: (\S+)\r$", re.MULTILINE)
SENDER = "sender@example.net"
SIZES = [10, 300, 2000, 2000, 2000, 20000, 20000, 250000]  # the largest has three chunks of content
CLIENT_SECONDS = 60  # longer than any deadline of the server
FETCHES = 15  # of a session


@dataclasses.dataclass(frozen=True)
class Account:
    user: str
    password: str


def digest_of(data):
    return hashlib.sha256(data).hexdigest()[:32]


def held_of(uidl, message):
    """What POP3 gave under that UIDL, as the checker wants it."""
    token = TOKEN.search(message)
    try:
        digest = digest_of(without_trace(message))
    except AssertionError as error:
        digest = f"no message: {error}"
    return Held(uidl, token.group(1).decode() if token else f"none, in {message[:80]!r}", digest)


class Load:
    def __init__(self, history, places, accounts, seed, pause=0.05):
        """`pause`: what a client waits between two things, in seconds, about."""
        self.history = history
        self.places = places
        self.accounts = accounts
        self.seed = seed
        self.pause = pause
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.number = 0
        self.known = {account.user: set() for account in accounts}  # UIDLs that were fetched once
        self.threads = []
        self.errors = []  # of the tests themselves

    # ---- Life ----

    def start(self, deliverers=2, readers=2):
        """So many of each for every place."""
        for place in self.places:
            for work, count in ((self.deliver, deliverers), (self.read, readers)):
                for index in range(count):
                    chance = random.Random(f"{self.seed} {place.name} {work.__name__} {index}")
                    thread = threading.Thread(target=self.repeat, args=(work, place, chance), daemon=True)
                    self.threads.append(thread)
                    thread.start()
        return self

    def stop(self):
        """Ends when every client has had its answer, or knows that none comes."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(3 * CLIENT_SECONDS)
            assert not thread.is_alive(), "a client hangs"
        assert not self.errors, self.errors

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def repeat(self, work, place, chance):
        while not self.stopping.is_set():
            try:
                work(place, chance)
            except (OSError, EOFError, smtplib.SMTPException, poplib.error_proto):
                pass  # noted where it happened
            except Exception as error:
                self.errors.append(f"{work.__name__} at {place.name}: {error!r}")
                raise
            self.stopping.wait(chance.uniform(0.2, 1.8) * self.pause)

    def fresh(self, chance):
        """(token, message) that nobody has sent before."""
        with self.lock:
            self.number += 1
            token = f"{self.seed}.{self.number}"
        size = chance.choice(SIZES)
        words = bytes(chance.choice(b"abcdefghijklmnop .") for _ in range(69))
        body = b"".join(words[at % 60:] + b"\r\n" for at in range(size // 70)) + words[:size % 70] + b"\r\n"
        head = f"Subject: {token}\r\nX-Token: {token}\r\n\r\n".encode()
        return token, head + body + b".a line with a dot\r\n"

    # ---- Delivery ----

    def deliver(self, place, chance):
        """A connection with a few messages."""
        with Sender(self.history, place, chance.choice(["smtp", "lmtp"])) as sender:
            for _ in range(chance.randint(1, 5)):
                token, message = self.fresh(chance)
                users = [account.user for account in chance.sample(self.accounts, chance.choice([1, 1, 1, 3]))]
                sender.send(token, users, message)
                if self.stopping.wait(chance.uniform(0.2, 1.8) * self.pause):
                    break

    # ---- POP3 ----

    def read(self, place, chance):
        """A session that fetches what is new, and deletes some of what was fetched."""
        account = chance.choice(self.accounts)
        with self.lock:
            self.number += 1
            name = f"{self.seed}.s{self.number}"
        self.history.write("session", session=name, user=account.user, node=place.name, datacenter=place.datacenter)
        client = None
        try:
            client = poplib.POP3(*place.address("pop3"), timeout=CLIENT_SECONDS)
            client.user(account.user)
            client.pass_(account.password)
            count = client.stat()[0]
            uidls = uidls_of(client)
            assert len(uidls) == count, f"STAT says {count}, UIDL has {len(uidls)}"
            self.history.write("listed", session=name, uidls=uidls)
            doomed = self.fetch_some(client, name, account, uidls, chance)
        except (OSError, EOFError, poplib.error_proto) as error:
            self.history.write("refused", session=name, reply=text_of(error))
            if client is not None:
                client.close()
            return
        self.quit(client, name, doomed)

    def fetch_some(self, client, name, account, uidls, chance):
        """Returns the UIDLs that are marked deleted."""
        known = self.known[account.user]
        doomed = []
        fetched = 0
        for number, uidl in enumerate(uidls, 1):
            if uidl not in known:
                if fetched == FETCHES:
                    continue
                fetched += 1
                try:
                    message = support.account.retrieve(client, number)
                except (OSError, EOFError, poplib.error_proto) as error:
                    self.history.write("unfetched", session=name, uidl=uidl, reply=text_of(error))
                    if not text_of(error).startswith("-ERR"):
                        raise
                    continue
                held = held_of(uidl, message)
                self.history.write("fetched", session=name, uidl=uidl, token=held.token, digest=held.digest)
                known.add(uidl)
            if chance.random() < 0.3:
                client.dele(number)
                doomed.append(uidl)
        return doomed

    def quit(self, client, name, doomed):
        self.history.write("quitting", session=name, uidls=doomed)
        outcome, reply = UNKNOWN, ""
        try:
            reply = client.quit().decode()
            outcome = ACKNOWLEDGED
        except poplib.error_proto as error:
            reply = text_of(error)
            outcome = TEMPORARY if reply.startswith("-ERR") else UNKNOWN
        except (OSError, EOFError) as error:
            reply = text_of(error)
        finally:
            self.history.write("quit", session=name, outcome=outcome, reply=reply)
            client.close()


class Sender:
    """One connection that delivers."""

    def __init__(self, history, place, protocol):
        self.history = history
        self.place = place
        self.is_lmtp = protocol == "lmtp"
        kind = smtplib.LMTP if self.is_lmtp else smtplib.SMTP
        address = place.address(protocol, "none" if self.is_lmtp else "starttls")
        try:
            self.client = kind(*address, local_hostname="client.example.net", timeout=CLIENT_SECONDS)
        except (OSError, smtplib.SMTPException) as error:
            history.write("unreached", node=place.name, protocol=protocol, reply=text_of(error))
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.client.quit()
        self.client.close()

    def send(self, token, users, message):
        for user in users:
            self.history.write("attempt", token=token, user=user, digest=digest_of(message), node=self.place.name,
                               datacenter=self.place.datacenter)
        answers = {user: (REFUSED, "never sent") for user in users}
        try:
            self.transact(users, message, answers)
        except (OSError, smtplib.SMTPException) as error:
            for user, (outcome, reply) in answers.items():
                if not reply[:1].isdigit():
                    answers[user] = (outcome, text_of(error))
            raise
        finally:
            for user, (outcome, reply) in answers.items():
                self.history.write("answer", token=token, user=user, outcome=outcome, reply=reply)

    def transact(self, users, message, answers):
        """Fills `answers`, as far as they come, in {user: (outcome, reply)}."""
        client = self.client
        client.ehlo_or_helo_if_needed()
        code, text = client.mail(SENDER)
        if code != 250:
            answers.update({user: (REFUSED, f"{code} {text.decode()}") for user in users})
            client.rset()
            return
        accepted = []
        for user in users:
            code, text = client.rcpt(user)
            if code == 250:
                accepted.append(user)
            else:
                answers[user] = (REFUSED, f"{code} {text.decode()}")
        code, text = client.docmd("DATA") if accepted else (0, b"")
        if code != 354:
            if accepted:
                answers.update({user: (REFUSED, f"{code} {text.decode()}") for user in accepted})
            client.rset()
            return
        answers.update({user: (UNKNOWN, "") for user in accepted})
        client.send(stuffed(message))
        for group in [[user] for user in accepted] if self.is_lmtp else [accepted]:
            code, text = client.getreply()
            if code != -1:
                outcome = {2: ACKNOWLEDGED, 4: TEMPORARY, 5: REFUSED}[code // 100]
                answers.update({user: (outcome, f"{code} {text.decode()}") for user in group})


def uidls_of(client):
    return [line.split()[1].decode() for line in client.uidl()[1]]


def text_of(error):
    """A reply, if it is one, else what happened."""
    if isinstance(error, poplib.error_proto) and error.args and isinstance(error.args[0], bytes):
        return error.args[0].decode()
    return f"{type(error).__name__}: {error}"


# ---- The end ----


def read_maildrop(place, account, patience_seconds):
    """[Held]; waits for as long while somebody else has the maildrop, or the store answers that it cannot now."""
    deadline = time.monotonic() + patience_seconds
    while True:
        client = poplib.POP3(*place.address("pop3"), timeout=CLIENT_SECONDS)
        try:
            client.user(account.user)
            client.pass_(account.password)
            found = [held_of(uidl, support.account.retrieve(client, number)) for number, uidl in enumerate(uidls_of(client), 1)]
            client.quit()
            return found
        except poplib.error_proto as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"{place.name}, {account.user}: {text_of(error)}") from error
            time.sleep(0.2)
        finally:
            client.close()


def read_uidls(place, account):
    """What is listed; None while it cannot be."""
    client = poplib.POP3(*place.address("pop3"), timeout=CLIENT_SECONDS)
    try:
        client.user(account.user)
        client.pass_(account.password)
        found = set(uidls_of(client))
        client.quit()
        return found
    except poplib.error_proto:
        return None
    finally:
        client.close()


def read_maildrops(places, accounts, patience_seconds=30):
    """{datacenter: {user: [Held]}} through one place of each datacenter."""
    by_datacenter = {place.datacenter: place for place in reversed(places)}
    return {name: {account.user: read_maildrop(place, account, patience_seconds) for account in accounts}
            for name, place in sorted(by_datacenter.items())}


# ---- What a living datacenter owes its clients ----


def trouble(history, nodes, since, until=float("inf")):
    """What clients of those nodes were told instead of yes, if they began in that time: a list of texts. No trouble are a
    maildrop that is in use, and a message from another datacenter that has not arrived as a whole."""
    begun = {}
    homes = {(event["user"], event["token"]): event["datacenter"] for event in history.of("attempt")}
    owners = {event["session"]: event for event in history.of("session")}
    home = {event["uidl"]: homes.get((owners[event["session"]]["user"], event["token"])) for event in history.of("fetched")}
    found = []
    for event in history.events:
        if event["what"] in ("attempt", "session"):
            key = (event["user"], event["token"]) if event["what"] == "attempt" else event["session"]
            if event["node"] in nodes and since <= event["at"] <= until:
                begun[key] = event
        elif event["what"] == "answer" and (event["user"], event["token"]) in begun and event["outcome"] != ACKNOWLEDGED:
            found.append(f"{event['at']:.3f} {event['token']} at {begun[event['user'], event['token']]['node']}: "
                         f"{event['outcome']} {event['reply']}")
        elif event["what"] == "unfetched" and home.get(event["uidl"]) != owners[event["session"]]["datacenter"]:
            if not event["reply"].startswith("-ERR"):
                begun.pop(event["session"], None)  # broken off in the middle, as POP3 must when the rest is not there
        elif event["what"] in ("refused", "unfetched", "quit") and event["session"] in begun:
            if event.get("outcome") != ACKNOWLEDGED and "[IN-USE]" not in event["reply"]:
                found.append(f"{event['at']:.3f} {event['session']} at {begun[event['session']]['node']}: {event['reply']}")
        elif event["what"] == "unreached" and event["node"] in nodes and since <= event["at"] <= until:
            found.append(f"{event['at']:.3f} {event['node']}: {event['reply']}")
    return found


def worked(history, nodes, since, until=float("inf")):
    """(deliveries, sessions) of those nodes that went well in that time."""
    sessions = {event["session"] for event in history.of("session") if event["node"] in nodes}
    deliveries = sum(attempt["node"] in nodes and since <= answer["at"] <= until and answer["outcome"] == ACKNOWLEDGED
                     for attempt, answer in history.answers())
    quits = sum(event["session"] in sessions and since <= event["at"] <= until and event["outcome"] == ACKNOWLEDGED
                for event in history.of("quit"))
    return deliveries, quits
