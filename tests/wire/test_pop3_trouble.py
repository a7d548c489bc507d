# SPDX-License-Identifier: Apache-2.0
"""What clients are told when the store is in trouble, and when the server stops."""

import pytest

from maildrops import PASSWORD, database, deliver, inbox_of, make_user
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
    """Every segment file's content, overwritten."""
    for path in (server.data_dir / "segments").iterdir():
        size = path.stat().st_size
        with open(path, "r+b") as segment:
            segment.seek(size // 2)
            segment.write(b"\xa5" * (size - size // 2))


def test_damaged_content_is_told_and_never_sent_as_whole(own):
    user = make_user(own, "damaged")
    deliver(own, user, Generator(1).of_size(3_000_000))
    damage(own)
    client = Pop3(own).login(user, PASSWORD)
    client.send(b"RETR 1\r\n")
    line = client.line()
    if line.startswith(b"+OK"):
        # The damage lies behind what was sent: the connection ends without the final dot.
        while client.wire.receive():
            pass
        assert not client.wire.received.endswith(b"\r\n.\r\n")
        own.wait_for_event("session", {"user": user, "reason": "message not readable"})
    else:
        assert line == b"-ERR [SYS/PERM] The message is damaged"
        assert client.ok("STAT").startswith(b"+OK 1 ")
        client.quit()
    own.wait_for_event("trouble", {"error": "corrupt"})


def test_quit_tells_the_truth_when_nothing_could_be_removed(own):
    user = make_user(own, "kept")
    deliver(own, user, b"Subject: one\r\n\r\nFirst.\r\n")
    client = Pop3(own).login(user, PASSWORD)
    client.ok("DELE 1")
    with database(own) as db:
        # What a full disk or a lost file does to the writer, without harming the machine.
        db.execute("CREATE TRIGGER refuse BEFORE DELETE ON pop3metadata BEGIN SELECT RAISE(ABORT, 'refused'); END")
        assert client.command("QUIT").startswith(b"-ERR [SYS/")
        assert client.at_end()
        db.execute("DROP TRIGGER refuse")
    own.wait_for_event("session", {"user": user, "deleted": "0", "reason": "messages not removed"})
    with session(own, user, PASSWORD) as again:
        assert again.retrieve(1).endswith(b"First.\r\n")


def test_a_maildrop_that_cannot_be_listed(own):
    user = make_user(own, "unlisted")
    deliver(own, user, b"Subject: one\r\n\r\nFirst.\r\n")
    with database(own) as db:
        db.execute("ALTER TABLE pop3metadata RENAME TO away")
        client = Pop3(own)
        client.ok(f"USER {user}")
        assert client.err(f"PASS {PASSWORD}").startswith(b"-ERR [SYS/")
        db.execute("ALTER TABLE away RENAME TO pop3metadata")
    client.login(user, PASSWORD)
    assert client.ok("STAT").startswith(b"+OK 1 ")
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
    own.wait_for_event("stale_maildrop_row", {"level": "warning"})
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
