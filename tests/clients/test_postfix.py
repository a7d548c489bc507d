# SPDX-License-Identifier: Apache-2.0
"""A real Postfix in front, handing over by LMTP: over TCP and over the unix socket.

Postfix runs with a configuration, a queue and a port of its own; nothing of the system's Postfix is touched. Its master
must be root (through sudo, if the tests are not).
"""

import json
import os
import pathlib
import pwd
import shutil
import smtplib
import socket
import tempfile
import time

import pytest

from support.account import SENDER
from support.generator import Generator, edge_messages
from support.messages import well_formed_messages
from support.octets import as_delivered, assert_same, assert_same_set, split_fields, without_trace
from support.process import program, run

MAIN = """
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
mail_owner = postfix
setgid_group = postdrop
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {directory}/log/maillog
maillog_file_prefixes = {directory}/log
myhostname = relay.example.net
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
relay_domains = example.org
relay_transport = {transport}
transport_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
message_size_limit = 0
mailbox_size_limit = 0
# The message goes on as it came: no header added or rewritten, no content looked into.
local_header_rewrite_clients =
always_add_missing_headers = no
message_drop_headers =
disable_mime_output_conversion = yes
line_length_limit = 2048
smtp_line_length_limit = 0
header_size_limit = 1048576
lmtp_destination_recipient_limit = 50
lmtp_destination_concurrency_limit = 10
lmtp_destination_concurrency_failed_cohort_limit = 100
# A short retry, so that a test of a server that was away ends soon.
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
lmtp_connect_timeout = 5s
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
postlog   unix-dgram n - n - 1 postlogd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
lmtp      unix  - - n - - lmtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
showq     unix  n - n - - showq
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
"""


def as_root(*command, check=True):
    return run(*(["sudo", "-n"] if os.geteuid() != 0 else []), *command, check=check)


class Postfix:
    def __init__(self, transport):
        # The postfix user walks through here, so it is not below pytest's private directory.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="posthouse-postfix-"))
        self.directory.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        for name in ("queue", "data", "log"):
            (self.directory / name).mkdir(mode=0o755)
        (self.directory / "main.cf").write_text(MAIN.format(directory=self.directory, transport=transport))
        (self.directory / "master.cf").write_text(MASTER.format(port=self.port))
        for name in ("dynamicmaps.cf", "postfix-files"):
            shutil.copy(pathlib.Path("/etc/postfix") / name, self.directory / name)
        assert pwd.getpwnam("postfix"), "postfix is not installed"
        program("postfix")
        as_root("chown", "postfix", self.directory / "data")
        as_root("chown", "-R", "root", self.directory / "queue", self.directory / "log", self.directory / "main.cf",
                self.directory / "master.cf")
        as_root("postfix", "-c", self.directory, "start")
        self.wait(lambda: self.is_listening(), "Postfix does not listen")

    def is_listening(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=10):
                return True
        except OSError:
            return False

    def wait(self, condition, otherwise, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{otherwise}\n{self.log()}"
            time.sleep(0.05)

    def log(self):
        path = self.directory / "log/maillog"
        return path.read_text(errors="replace")[-6000:] if path.exists() else "no log"

    def send(self, recipients, messages):
        with smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.example.net", timeout=120) as client:
            for message in messages:
                assert client.sendmail(SENDER, recipients, message, mail_options=["BODY=8BITMIME"]) == {}

    def queue(self):
        """Ids of the messages in the queue; one on its way from queue to queue is listed twice."""
        listing = run("postqueue", "-c", self.directory, "-j").stdout
        return {json.loads(line)["queue_id"] for line in listing.splitlines()}

    def wait_until_empty(self):
        self.wait(lambda: not self.queue(), "Postfix keeps mail in its queue")

    def close(self):
        as_root("postfix", "-c", self.directory, "stop", check=False)
        self.wait(lambda: not self.is_listening(), "Postfix does not stop")
        as_root("rm", "-rf", self.directory)


@pytest.fixture(scope="module", params=["tcp", "unix"])
def postfix(request, server):
    if request.param == "tcp":
        host, port = server.address("lmtp", "none")
        made = Postfix(f"lmtp:inet:[{host}]:{port}")
    else:
        # Postfix's lmtp client is not root: it must reach the socket.
        server.directory.chmod(0o711)
        made = Postfix(f"lmtp:unix:{server.lmtp_path}")
    yield made
    made.close()


def without_relay(data):
    """A fetched message without our trace fields and without Postfix's Received field."""
    (received,), rest = split_fields(without_trace(data), 1)
    assert received.startswith(b"Received: from client.example.net") and b"(Postfix)" in received, received
    return rest


def corpus(seed):
    return [as_delivered(data) for data in (*edge_messages().values(), *well_formed_messages().values(), *Generator(seed).messages(20))]


def test_hands_over_every_message(postfix, account):
    messages = corpus(81)
    postfix.send([account.user], messages)
    postfix.wait_until_empty()
    # Postfix delivers in parallel: the order is its own.
    assert_same_set([without_relay(data) for data in account.fetch()], messages)


def test_many_recipients_at_once(postfix, make_account):
    accounts = [make_account() for _ in range(8)]
    message = Generator(82).message()
    postfix.send([one.user for one in accounts], [message])
    postfix.wait_until_empty()
    for one in accounts:
        (held,) = one.fetch()
        assert_same(without_relay(held), as_delivered(message))


def test_a_wrong_recipient_bounces_alone(postfix, account):
    message = Generator(83).message()
    # The bounce goes to the sender, whose domain Postfix hands to us as well.
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=60) as client:
        assert client.sendmail(account.user, [account.user, "nobody-here@example.org"], message) == {}
    postfix.wait_until_empty()
    held = account.fetch()
    assert len(held) == 2, [data[:300] for data in held]
    bounces = [data for data in held if b"multipart/report" in data]
    assert len(bounces) == 1 and b"Return-Path: <>\r\n" in bounces[0], held
    assert b"nobody-here@example.org" in bounces[0] and b"5.1.1" in bounces[0], bounces[0]


def test_large_message(postfix, account):
    message = Generator(84).of_size(10_000_000)
    postfix.send([account.user], [message])
    postfix.wait_until_empty()
    (held,) = account.fetch()
    assert_same(without_relay(held), message)


def test_waits_while_the_server_is_away(make_server, make_account):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = make_server(listeners=[{"protocol": "lmtp", "address": f"127.0.0.1:{port}", "tls": "none"},
                                 {"protocol": "pop3", "address": "127.0.0.1:0", "tls": "starttls"}])
    account = make_account(on=own)
    postfix = Postfix(f"lmtp:inet:[127.0.0.1]:{port}")
    try:
        messages = [as_delivered(data) for data in Generator(85).messages(10)]
        own.stop()
        postfix.send([account.user], messages)
        assert len(postfix.queue()) == len(messages)
        own.start()
        postfix.wait_until_empty()
        assert_same_set([without_relay(data) for data in account.fetch()], messages)
    finally:
        postfix.close()
