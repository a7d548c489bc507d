# SPDX-License-Identifier: Apache-2.0
"""What clients were told, and whether the store agrees after a crash.

A Ledger drives mixed load: deliveries by LMTP, some to several recipients, and POP3 sessions that retrieve, delete and
quit. It writes down each attempt before it is made and each answer when it has come. `check` then looks at what a
restarted server holds:

  acknowledged deliveries are there, once in every mailbox, octet for octet;
  acknowledged deletions stay deleted;
  what got no answer is there whole or not at all (for a deletion: gone or still whole);
  nothing else is there.
"""

import dataclasses
import hashlib
import poplib
import random
import re
import smtplib
import threading

from support.octets import assert_same, without_trace

TOKEN = re.compile(rb"^X-Token: (\S+)\r$", re.MULTILINE)


@dataclasses.dataclass
class Copy:
    """One message in one user's mailbox."""

    content: bytes
    acknowledged_at: object = None  # the ledger's mark() when the answer had come
    delete_tried_at: object = None  # before the attempt
    deleted_at: object = None


class Ledger:
    def __init__(self, accounts, seed, mark=lambda: 0):
        """`mark` tells where we are in the crash model's own order; what it returned is compared with `until`."""
        self.accounts = accounts
        self.seed = seed
        self.mark = mark
        self.lock = threading.Lock()
        self.copies = {}  # (user, token) -> Copy
        self.number = 0
        self.failures = []

    # ---- Load ----

    def run(self, stop, deliverers=4, readers=2):
        """Starts the load; returns the threads. They end when `stop` is set or the server is gone."""
        work = [self._deliver_until] * deliverers + [self._read_until] * readers
        threads = [threading.Thread(target=target, args=(stop, random.Random(f"{self.seed}-{at}")), daemon=True)
                   for at, target in enumerate(work)]
        for thread in threads:
            thread.start()
        return threads

    def _message(self, chance):
        with self.lock:
            self.number += 1
            token = f"{self.seed}.{self.number}"
        size = chance.choice([10, 200, 2000, 2000, 20000, 200000])
        body = bytes(chance.choice(b"abcdefghijklmnop .") for _ in range(64)) * (size // 64 + 1)
        lines = b"\r\n".join(body[at:at + 70] for at in range(0, size, 70))
        head = f"Subject: {token}\r\nX-Token: {token}\r\n\r\n".encode()
        return token, head + lines + b"\r\n.a line with a dot\r\n"

    def _deliver_until(self, stop, chance):
        while not stop.is_set():
            try:
                host, port = self.accounts[0].server.address("lmtp", "none")
                with smtplib.LMTP(host, port, local_hostname="client.example.net", timeout=30) as client:
                    while not stop.is_set():
                        self._deliver_one(client, chance)
            except (OSError, smtplib.SMTPException, EOFError):
                if stop.wait(0.01):
                    return

    def _deliver_one(self, client, chance):
        token, content = self._message(chance)
        users = [account.user for account in chance.sample(self.accounts, chance.choice([1, 1, 1, 3]))]
        with self.lock:
            for user in users:
                self.copies[user, token] = Copy(content)
        refused = client.sendmail("sender@example.net", users, content)
        now = self.mark()
        with self.lock:
            for user in users:
                if user not in refused:
                    self.copies[user, token].acknowledged_at = now

    def _read_until(self, stop, chance):
        while not stop.is_set():
            try:
                self._read_some(chance.choice(self.accounts), chance)
            except (OSError, poplib.error_proto, EOFError):
                if stop.wait(0.02):
                    return

    def _read_some(self, account, chance):
        client = poplib.POP3(*account.server.address("pop3"), timeout=30)
        try:
            client.user(account.user)
            client.pass_(account.password)
            doomed = []
            for number in range(1, min(client.stat()[0], 30) + 1):
                if chance.random() < 0.5:
                    token = token_of(fetch(client, number))
                    client.dele(number)
                    doomed.append((account.user, token))
            now = self.mark()
            with self.lock:
                for key in doomed:
                    self.copies[key].delete_tried_at = now
            client.quit()
            now = self.mark()
            with self.lock:
                for key in doomed:
                    self.copies[key].deleted_at = now
        finally:
            client.close()

    # ---- Judgement ----

    def check(self, until=None, settle=True):
        """Asserts that what the server holds agrees. `until`: answers marked later did not happen before the crash.
        `settle`: what was in doubt is now known, so that load can go on with this ledger."""

        def happened(mark):
            return mark is not None and (until is None or mark <= until)

        for account in self.accounts:
            held = {}
            for message in account.fetch():
                token = token_of(message)
                assert token not in held, f"{account.user} holds {token} twice"
                held[token] = hashlib.sha256(message).digest()
                copy = self.copies.get((account.user, token))
                assert copy is not None, f"{account.user} holds {token}, which nobody sent him"
                assert_same(without_trace(message), copy.content)
                assert not happened(copy.deleted_at), f"{token} is back in the mailbox of {account.user}"
            for (user, token), copy in list(self.copies.items()):
                if user != account.user:
                    continue
                if happened(copy.acknowledged_at) and not happened(copy.delete_tried_at):
                    assert token in held, f"{user} lost {token}, which was acknowledged"
                if settle and token not in held:
                    del self.copies[user, token]
                elif settle:
                    copy.acknowledged_at = self.mark() if copy.acknowledged_at is None else copy.acknowledged_at
                    copy.delete_tried_at = None
                    copy.deleted_at = None

    def acknowledged(self):
        return sum(copy.acknowledged_at is not None for copy in self.copies.values())


def fetch(client, number):
    return b"\r\n".join(client.retr(number)[1]) + b"\r\n"


def token_of(message):
    found = TOKEN.search(message)
    assert found, f"a message without a token: {message[:300]!r}"
    return found.group(1).decode()
