# SPDX-License-Identifier: Apache-2.0
"""What clients are told when the store is in trouble, and when the server stops."""

import contextlib

import pytest

from maildrops import PASSWORD, database, deliver, inbox_of, make_user, without
from pop3client import Pop3, session
from servers import WireServer
from support.generator import Generator


@pytest.fixture
def own(number):
    """A server to break."""
    with WireServer("standard") as server:
        server.domain_add("example.org")
        yield server


def damage(server):
    """A stretch in the middle of every segment file, overwritten."""
    for path in (server.data_dir / "segments").iterdir():
        size = path.stat().st_size
        with open(path, "r+b") as segment:
            segment.seek(size // 3)
            segment.write(b"\xa5" * (size // 3))


def test_damaged_content_is_told_and_never_sent_as_whole(own):
    user = make_user(own, "damaged")
    deliver(own, user, Generator(1).of_size(3_000_000))
    damage(own)
    client = Pop3(own).login(user, PASSWORD)
    # The header lies behind the body, where all is well: TOP without lines reads nothing else.
    assert b"\r\nReceived: " in client.multi("TOP 1 0")
    client.send(b"RETR 1\r\n")
    line = client.line()
    if line.startswith(b"+OK"):
        # The damage lies behind what was sent: the connection ends without the final dot.
        while client.wire.receive():
            pass
        assert not client.wire.received.endswith(b"\r\n.\r\n")
        own.wait_for_event("session", {"user": user, "reason": "message not readable"})
        # Now it is known: whoever comes again is told, and can go on with the rest.
        client = Pop3(own).login(user, PASSWORD)
        client.send(b"RETR 1\r\n")
        line = client.line()
    assert line == b"-ERR [SYS/PERM] The message is damaged"
    assert client.ok("STAT").startswith(b"+OK 1 ")
    client.quit()
    own.wait_for_event("trouble", {"error": "corrupt"})


@contextlib.contextmanager
def broken_writer(db):
    """Every removal of a listing's row fails, in a way that only our own mistakes could."""
    db.execute("CREATE TRIGGER refuse BEFORE DELETE ON pop3metadata BEGIN SELECT RAISE(ABORT, 'refused'); END")
    yield
    db.execute("DROP TRIGGER refuse")


@contextlib.contextmanager
def busy_writer(db):
    """Somebody else holds the database for as long as the server is willing to wait."""
    db.execute("BEGIN IMMEDIATE")
    yield
    db.execute("ROLLBACK")


@pytest.mark.parametrize("hindrance, reply", [
    (broken_writer, b"-ERR [SYS/PERM] Some deleted messages not removed"),
    (busy_writer, b"-ERR [SYS/TEMP] Some deleted messages not removed"),
])
def test_quit_tells_the_truth_when_nothing_could_be_removed(own, hindrance, reply):
    user = make_user(own, "kept")
    deliver(own, user, b"Subject: one\r\n\r\nFirst.\r\n")
    client = Pop3(own).login(user, PASSWORD)
    client.ok("DELE 1")
    with database(own) as db, hindrance(db):
        assert client.command("QUIT") == reply
        assert client.at_end()
    own.wait_for_event("session", {"user": user, "deleted": "0", "reason": "messages not removed"})
    with session(own, user, PASSWORD) as again:
        assert again.retrieve(1).endswith(b"First.\r\n")


def test_a_read_that_fails_is_told_and_the_session_goes_on(own):
    user = make_user(own, "unlucky")
    deliver(own, user, b"Subject: one\r\n\r\nFirst.\r\n")
    client = Pop3(own)
    for table, reply in (("user", b"-ERR [SYS/TEMP] Cannot check passwords now, try again later"),
                         ("pop3metadata", b"-ERR [SYS/PERM] Internal error")):
        client.ok(f"USER {user}")
        with without(own, table):
            assert client.err(f"PASS {PASSWORD}") == reply
    client.login(user, PASSWORD)
    with without(own, "imapUidTable"):
        assert client.err("RETR 1") == b"-ERR [SYS/PERM] Internal error"
        assert client.err("TOP 1 1") == b"-ERR [SYS/PERM] Internal error"
        assert client.ok("STAT").startswith(b"+OK 1 ")
    assert client.retrieve(1).endswith(b"First.\r\n")
    client.quit()
    for error in ("unavailable", "bug"):
        own.wait_for_event("trouble", {"error": error})


def test_more_logins_than_can_be_checked(servers, number):
    """The queue of passwords to check is short here, and a check takes long: some are asked to come again."""
    server = servers("narrow")
    user = make_user(server, f"storm-{number}")
    clients = [Pop3(server) for _ in range(12)]
    for client in clients:
        client.ok(f"USER {user}")
    for client in clients:
        client.send(b"PASS wrong\r\n")
    answers = [client.line() for client in clients]
    assert set(answers) == {b"-ERR [AUTH] Wrong user name or password",
                            b"-ERR [SYS/TEMP] Cannot check passwords now, try again later"}
    clients[0].login(user, PASSWORD)
    for client in clients:
        client.quit()


def test_a_row_without_its_message_is_told_once(own):
    """A stale row of the listing: RETR says so, and the next session does not see it."""
    user = make_user(own, "stale")
    deliver(own, user, b"Subject: one\r\n\r\nFirst.\r\n", b"Subject: two\r\n\r\nSecond.\r\n")
    with database(own) as db:
        inbox = inbox_of(db, user)
        first, = db.execute("SELECT min(messageId) FROM imapUidTable WHERE mailboxId = ?", (inbox,)).fetchone()
        for table in ("imapUidTable", "messageIdTable", "messageV3"):
            db.execute(f"DELETE FROM {table} WHERE messageId = ?", (first,))
    with session(own, user, PASSWORD) as client:
        assert client.ok("STAT").startswith(b"+OK 2 ")
        assert client.err("RETR 1") == b"-ERR Message is no longer there"
        assert client.retrieve(2).endswith(b"Second.\r\n")
    own.wait_for_event("stale-maildrop-row", {"level": "warning"})
    with session(own, user, PASSWORD) as client:
        assert client.ok("STAT").startswith(b"+OK 1 ")
        assert client.retrieve(1).endswith(b"Second.\r\n")


def test_a_stop_of_the_server_says_goodbye_and_removes_nothing(own):
    user = make_user(own, "stopped")
    deliver(own, user, b"Subject: one\r\n\r\nFirst.\r\n")
    client = Pop3(own).login(user, PASSWORD)
    client.ok("DELE 1")
    idle = Pop3(own)
    own.stop()
    for one in (client, idle):
        assert one.line() == b"-ERR [SYS/TEMP] The server is shutting down"
        assert one.at_end()
        one.close()
    own.start()
    with session(own, user, PASSWORD) as again:
        assert again.ok("STAT").startswith(b"+OK 1 ")


def test_a_long_answer_is_finished_before_a_stop(own):
    user = make_user(own, "finished")
    message = Generator(2).of_size(20_000_000)
    deliver(own, user, message)
    client = Pop3(own).login(user, PASSWORD)
    client.send(b"RETR 1\r\n")
    assert client.line().startswith(b"+OK")
    own.process.terminate()
    body = client.body()
    assert body.endswith(message[-1000:])
    assert client.line() == b"-ERR [SYS/TEMP] The server is shutting down"
    client.close()
    assert own.process.wait(60) == 0
    own.process = None
    own.check_sanitizers()
