# SPDX-License-Identifier: Apache-2.0
"""A user of the server under test, with the two things most client tests need around the client itself: mail that is
there already (delivered by LMTP) and a look into the maildrop (by POP3)."""

import contextlib
import poplib
import smtplib

from support.octets import assert_delivered

SENDER = "sender@example.net"

# poplib refuses lines longer than this; RFC 5322 allows 998 octets, real mail brings more.
poplib._MAXLINE = 1 << 20  # pylint: disable=protected-access


class Account:
    def __init__(self, server, user, password):
        self.server = server
        self.user = user
        self.password = password

    def deliver(self, *messages, sender=SENDER):
        """Each message on its own, by LMTP; all are stored when this returns."""
        host, port = self.server.address("lmtp", "none")
        with smtplib.LMTP(host, port, local_hostname="client.example.net", timeout=120) as client:
            for message in messages:
                refused = client.sendmail(sender, [self.user], message, mail_options=["BODY=8BITMIME"])
                assert refused == {}, refused

    @contextlib.contextmanager
    def pop3(self):
        """A logged-in poplib session; ends with QUIT."""
        client = poplib.POP3(*self.server.address("pop3"), timeout=60)
        try:
            client.user(self.user)
            client.pass_(self.password)
            yield client
            client.quit()
        finally:
            client.close()

    def fetch(self):
        """All messages of the maildrop, in its order."""
        with self.pop3() as client:
            return [retrieve(client, number) for number in range(1, client.stat()[0] + 1)]

    def count(self):
        with self.pop3() as client:
            return client.stat()[0]

    def sizes(self):
        with self.pop3() as client:
            return [int(line.split()[1]) for line in client.list()[1]]

    def uidl(self):
        with self.pop3() as client:
            return [line.split()[1].decode() for line in client.uidl()[1]]

    def assert_holds(self, *messages, submitted=False):
        """The maildrop holds exactly these messages as sent, in this order."""
        assert_delivered(self.fetch(), messages, submitted)


def retrieve(client, number):
    lines = client.retr(number)[1]
    return b"".join(line + b"\r\n" for line in lines)
