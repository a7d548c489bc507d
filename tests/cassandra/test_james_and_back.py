# SPDX-License-Identifier: Apache-2.0
"""docs/cassandra.md, "From Apache James, and back", step by step: a keyspace as James makes it, with a user and mail as James
writes them; Posthouse beside it; what it delivers read back as James reads it; and the accounts moved into a keyspace of
their own. Tables, columns and the order of writes are those of James 3.8."""

import base64
import hashlib
import os
import uuid
from datetime import datetime, timezone

import pytest
from cassandra.query import SimpleStatement
from one_node import DATACENTER, DOMAIN, on_cassandra

from support.account import Account
from support.octets import assert_delivered
from support.posthouse import Server

USER, PASSWORD = f"alice@{DOMAIN}", "secret"
THEIRS = [f"From: b@example.net\r\nSubject: by James, {n}\r\n\r\nbody {n}\r\n".encode() for n in range(3)]
OURS = b"From: c@example.net\r\nSubject: by Posthouse\r\n\r\nanother body\r\n"
UIDVALIDITY = 1700000000
FLAGS = "flagAnswered, flagDeleted, flagDraft, flagFlagged, flagRecent, flagSeen, flagUser".split(", ")
FLAG_COLUMNS = ", ".join(f"{name} boolean" for name in FLAGS)
OF_A_COPY = (f"threadId timeuuid, modSeq bigint, {FLAG_COLUMNS}, userFlags set<text>, internalDate timestamp, "
             "save_date timestamp, bodyStartOctet int, fullContentOctets bigint, headerContent text")  # fmt: skip
TABLES = [
    "TYPE mailboxbase (namespace text, user text)",
    "TYPE attachments (id text, name text, cid text, isInline boolean)",
    "TABLE user (name text PRIMARY KEY, realname text, passwd text, algorithm text, authorized_users set<text>, delegated_users set<text>)",
    "TABLE domains (domain text PRIMARY KEY)",
    "TABLE mailbox (id timeuuid PRIMARY KEY, mailboxbase frozen<mailboxbase>, name text, uidvalidity bigint)",
    "TABLE mailboxPathV3 (namespace text, user text, mailboxName text, mailboxId timeuuid, uidvalidity bigint, "
    "PRIMARY KEY ((namespace, user), mailboxName))",
    "TABLE messageCounter (mailboxId timeuuid PRIMARY KEY, nextUid bigint)",
    "TABLE modseq (mailboxId timeuuid PRIMARY KEY, nextModseq bigint)",
    "TABLE mailboxCounters (mailboxId timeuuid PRIMARY KEY, count counter, unseen counter)",
    f"TABLE imapUidTable (messageId timeuuid, mailboxId timeuuid, uid bigint, {OF_A_COPY}, PRIMARY KEY (messageId, mailboxId, uid))",
    f"TABLE messageIdTable (mailboxId timeuuid, uid bigint, messageId timeuuid, {OF_A_COPY}, PRIMARY KEY (mailboxId, uid))",
    "TABLE messageV3 (messageId timeuuid PRIMARY KEY, internalDate timestamp, bodyStartOctet int, bodyOctets bigint, "
    "fullContentOctets bigint, bodyContent text, headerContent text, attachments list<frozen<attachments>>)",
    "TABLE blobs (id text, position int, PRIMARY KEY (id, position))",
    "TABLE blobParts (id text, chunkNumber int, data blob, PRIMARY KEY (id, chunkNumber))",
    "TABLE pop3metadata (mailboxId timeuuid, messageId timeuuid, size bigint, PRIMARY KEY (mailboxId, messageId))",
]


class James:
    """What James does, as far as it is to be seen in the tables. No listener of its POP3 application runs."""

    def __init__(self, session, keyspace):
        self.session, self.keyspace = session, keyspace
        self.mailbox = uuid.uuid1()

    def run(self, text, *values):
        """In TEXT, names of tables stand behind a dot."""
        return list(self.session.execute(SimpleStatement(text.replace(" .", f" {self.keyspace}.")), values, timeout=60))

    def install(self):
        self.run(f"CREATE KEYSPACE {self.keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', '{DATACENTER}': 1}}")
        for one in TABLES:
            kind, text = one.split(" ", 1)
            self.run(f"CREATE {kind} .{text}")

    def add_user(self):
        digest = hashlib.sha512(USER.encode() + PASSWORD.encode()).digest()
        self.run("INSERT INTO .domains (domain) VALUES (%s)", DOMAIN)
        self.run("INSERT INTO .user (name, realname, passwd, algorithm) VALUES (%s, %s, %s, %s)", USER, USER,
                 base64.b64encode(digest).decode(), "SHA-512/salted")
        self.run("INSERT INTO .mailboxPathV3 (namespace, user, mailboxName, mailboxId, uidvalidity) VALUES ('#private', %s, 'INBOX', "
                 "%s, %s) IF NOT EXISTS", USER, self.mailbox, UIDVALIDITY)
        self.run(f"INSERT INTO .mailbox (id, mailboxbase, name, uidvalidity) VALUES (%s, {{namespace: '#private', user: '{USER}'}}, "
                 "'INBOX', %s)", self.mailbox, UIDVALIDITY)

    def append(self, message):
        """Numbers, content, messageV3, imapUidTable, messageIdTable, counters, as CassandraMessageMapper.add does."""
        number = self.next_uid()
        header, body = (part for part in message.partition(b"\r\n\r\n")[::2])
        header += b"\r\n\r\n"
        names = [hashlib.sha256(part).hexdigest() for part in (header, body)]
        for name, part in zip(names, (header, body)):
            self.run("INSERT INTO .blobParts (id, chunkNumber, data) VALUES (%s, 0, %s)", name, part)
            self.run("INSERT INTO .blobs (id, position) VALUES (%s, 1)", name)
        ident, now = uuid.uuid1(), datetime.now(timezone.utc)
        self.run("UPDATE .messageV3 SET internalDate = %s, bodyStartOctet = %s, fullContentOctets = %s, bodyOctets = %s, bodyContent = %s, "
                 "headerContent = %s WHERE messageId = %s", now, len(header), len(message), len(body), names[1], names[0], ident)
        columns = (f"threadId = %s, modSeq = %s, {', '.join(f'{name} = false' for name in FLAGS)}, internalDate = %s, save_date = %s, "
                   "bodyStartOctet = %s, fullContentOctets = %s, headerContent = %s")  # fmt: skip
        values = [ident, number, now, now, len(header), len(message), names[0]]
        self.run(f"UPDATE .imapUidTable SET {columns} WHERE messageId = %s AND mailboxId = %s AND uid = %s", *values, ident, self.mailbox,
                 number)
        self.run(f"UPDATE .messageIdTable SET messageId = %s, {columns} WHERE mailboxId = %s AND uid = %s", ident, *values, self.mailbox,
                 number)
        self.run("UPDATE .mailboxCounters SET count = count + 1, unseen = unseen + 1 WHERE mailboxId = %s", self.mailbox)

    def next_uid(self):
        rows = self.run("SELECT nextUid FROM .messageCounter WHERE mailboxId = %s", self.mailbox)
        number = rows[0].nextuid + 1 if rows else 1
        self.run("UPDATE .messageCounter SET nextUid = %s WHERE mailboxId = %s", number, self.mailbox)
        self.run("UPDATE .modseq SET nextModseq = %s WHERE mailboxId = %s", number, self.mailbox)
        return number

    def content(self, name):
        [row] = self.run("SELECT position FROM .blobs WHERE id = %s", name)
        parts = [self.run("SELECT data FROM .blobParts WHERE id = %s AND chunkNumber = %s", name, n) for n in range(row.position)]
        return b"".join(part[0].data for part in parts)

    def messages(self):
        """[(uid, message)] of the INBOX, as IMAP of James would fetch them."""
        found = []
        for row in self.run("SELECT uid, messageId FROM .messageIdTable WHERE mailboxId = %s", self.mailbox):
            [truth] = self.run("SELECT uid, flagSeen FROM .imapUidTable WHERE messageId = %s AND mailboxId = %s", row.messageid, self.mailbox)
            [message] = self.run("SELECT headerContent, bodyContent FROM .messageV3 WHERE messageId = %s", row.messageid)
            assert truth.uid == row.uid and truth.flagseen is False
            found.append((row.uid, self.content(message.headercontent) + self.content(message.bodycontent)))
        return found

    def count(self):
        return self.run("SELECT count FROM .mailboxCounters WHERE mailboxId = %s", self.mailbox)[0].count


@pytest.fixture
def james(session):
    made = James(session, f"james_{os.getpid()}")
    try:
        made.install()
        yield made
    finally:
        session.execute(f"DROP KEYSPACE IF EXISTS {made.keyspace}", timeout=120)


def test_there_and_back_and_into_a_keyspace_of_its_own(node, james, make_keyspace, tmp_path):
    james.add_user()
    for message in THEIRS:
        james.append(message)

    with_james = Server(on_cassandra(node, james.keyspace, profile="lwt", shared_with_james=True))
    try:
        assert with_james.cli("schema", "check", check=False).returncode == 65
        with_james.cli("schema", "upgrade", timeout=300)
        with with_james.start():
            account = Account(with_james, USER, PASSWORD)
            assert account.count() == 0, "James's POP3 application did not run"
            with_james.cli("fix-pop3-inconsistencies", "--rate", "0", timeout=120)
            assert account.fetch() == THEIRS
            account.deliver(OURS)
            uidls = account.uidl()

            # James reads what we wrote, with the next UID, and goes on.
            assert [uid for uid, _ in james.messages()] == [1, 2, 3, 4]
            assert_delivered([message for _, message in james.messages()][3:], [OURS])
            assert james.count() == 4
            james.append(THEIRS[0])
            assert [uid for uid, _ in james.messages()] == [1, 2, 3, 4, 5]

            # Into a keyspace of their own.
            with_james.cli("export", USER, tmp_path / "alice", timeout=120)
            with Server(make_keyspace()) as own:
                own.domain_add(DOMAIN)
                own.user_add(USER, PASSWORD)
                own.cli("import", USER, tmp_path / "alice", timeout=120)
                moved = Account(own, USER, PASSWORD)
                shown = moved.uidl()
                assert shown[:4] == uidls and len(shown) == 5
                fetched = moved.fetch()
                assert fetched[:3] == THEIRS and fetched[4] == THEIRS[0]
                assert_delivered(fetched[3:4], [OURS])

            # What is deleted is deleted for James too, and its own content stays its own.
            with account.pop3() as client:
                client.dele(1)
                client.dele(4)
            assert [uid for uid, _ in james.messages()] == [2, 3, 5]
            assert james.count() == 3
    finally:
        with_james.remove()
