# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, of a server whose store does not answer."""

import dataclasses
import re
import socket
import threading
import time

from support.octets import CRLF

PATIENCE_SECONDS = 60
SMTP_LATER = re.compile(r"451 4\.\d+\.\d+ \S")
POP3_LATER = re.compile(r"-ERR \[SYS/TEMP\] \S")


class Client:
    """A connection that says a line and waits for the answer."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=PATIENCE_SECONDS)
        self.file = self.socket.makefile("rb")
        self.read()

    def read(self):
        """The last line of a reply; "" if the server has closed."""
        while True:
            line = self.file.readline().decode()
            if line[3:4] != "-" or line.startswith("-ERR"):
                return line.rstrip(CRLF.decode())

    def say(self, text):
        self.socket.sendall(text.encode() + CRLF)
        return self.read()

    def close(self):
        self.file.close()
        self.socket.close()


@dataclasses.dataclass(frozen=True)
class Told:
    """The first answer of a client that was no yes, and how long that one command took."""

    command: str
    answer: str
    seconds: float


def mail(user):
    """The commands of a delivery."""
    return ["MAIL FROM:<sender@example.net>", f"RCPT TO:<{user}>", "DATA", f"Subject: in vain{CRLF.decode()}{CRLF.decode()}."]


def login(account):
    return [f"USER {account.user}", f"PASS {account.password}"]


def play(client, commands):
    for command in commands:
        start = time.monotonic()
        answer = client.say(command)
        if not re.match(r"2\d\d |354 |\+OK", answer):
            return Told(command.split(":")[0].split()[0], answer, time.monotonic() - start)
    return Told("the end", answer, 0.0)


def besiege(place, accounts, count):
    """`count` deliveries and as many logins at the same time: ([Told] of SMTP, [Told] of POP3)."""
    told = {"smtp": [], "pop3": []}
    together = threading.Barrier(2 * count)

    def run(protocol, account):
        client = Client(place.address(protocol))
        try:
            if protocol == "smtp":
                client.say("EHLO client.example.net")
            together.wait(PATIENCE_SECONDS)
            told[protocol].append(play(client, mail(account.user) if protocol == "smtp" else login(account)))
        finally:
            client.close()

    threads = [threading.Thread(target=run, args=(protocol, accounts[number % len(accounts)]), daemon=True)
               for number in range(count) for protocol in told]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE_SECONDS)
        assert not thread.is_alive(), "a client got no answer"
    assert len(told["smtp"]) == len(told["pop3"]) == count
    return told["smtp"], told["pop3"]
