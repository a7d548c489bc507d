# SPDX-License-Identifier: Apache-2.0
"""The tables as the Python driver sees them, and whether they say what POP3 showed."""

import collections
import dataclasses
import uuid

from cassandra import OperationTimedOut, ReadFailure, ReadTimeout, Unavailable
from history import ACKNOWLEDGED
from history_checker import Violation

ATTEMPTS = 8  # of a read that all replicas must answer, on a busy machine
# Without one of these a row cannot be shown.
TRUTH_COLUMNS = ["uid", "modseq", "internaldate", "bodystartoctet", "fullcontentoctets", "headercontent", "bodycontent"]
PROJECTION_COLUMNS = ["messageid", *TRUTH_COLUMNS[1:]]


@dataclasses.dataclass
class Tables:
    inboxes: dict = dataclasses.field(default_factory=dict)  # user -> mailbox id
    maildrops: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(dict))  # mailbox -> message -> size
    truth: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(dict))  # mailbox -> message -> row
    projection: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(dict))
    content: dict = dataclasses.field(default_factory=dict)  # blob -> (its octets, octets in the chunks)


def read_tables(session, keyspace):
    """At the consistency level of the session."""
    found = Tables()
    for row in session.execute(f"SELECT user, mailboxname, mailboxid FROM {keyspace}.mailboxpathv3"):
        if row.mailboxname == "INBOX":
            found.inboxes[row.user] = row.mailboxid
    for row in session.execute(f"SELECT mailboxid, messageid, size FROM {keyspace}.pop3metadata"):
        if row.messageid is not None:  # a partition that has only static columns
            found.maildrops[row.mailboxid][row.messageid] = row.size
    for row in session.execute(f"SELECT * FROM {keyspace}.imapuidtable"):
        found.truth[row.mailboxid][row.messageid] = row
    for row in session.execute(f"SELECT * FROM {keyspace}.messageidtable"):
        found.projection[row.mailboxid][row.messageid or f"uid {row.uid}"] = row
    wanted, there = {}, collections.Counter()
    for row in session.execute(f"SELECT id, chunk, size, data FROM {keyspace}.content"):
        there[row.id] += len(row.data)
        if row.chunk == 0:
            wanted[row.id] = row.size
    found.content = {blob: (wanted.get(blob), there[blob]) for blob in there}
    return found


def check_tables(tables, maildrops, events):
    """Violations of kind `table`. `maildrops`: {user: [Held]} of one datacenter in the end."""
    found = []
    orphans = 0
    for user, messages in maildrops.items():
        mailbox = tables.inboxes.get(user)
        shown = {uuid.UUID(held.uidl) for held in messages}
        if mailbox is None:
            found += [f"{user}: has no INBOX, and mail"] if shown else []
            continue
        drop, truth, projection = tables.maildrops[mailbox], tables.truth[mailbox], tables.projection[mailbox]
        found += [f"{user}: {message} is shown, and not in pop3metadata" for message in shown - drop.keys()]
        found += [f"{user}: {message} is in pop3metadata, and not shown" for message in drop.keys() - shown]
        for message in shown:
            found += [f"{user}: {message}: {what}" for what in faults_of(message, drop, truth, projection, tables.content)]
        for name, rows, columns in (("imapUidTable", truth, TRUTH_COLUMNS), ("messageIdTable", projection, PROJECTION_COLUMNS)):
            for message, row in rows.items():
                lacking = [column for column in columns if getattr(row, column) is None]
                found += [f"{user}: {message}: half a row in {name}, without {', '.join(lacking)}"] if lacking else []
        orphans += len((truth.keys() | projection.keys()) - shown)
    doubtful = doubtful_of(events)
    if orphans > doubtful:
        found.append(f"{orphans} messages have rows and are not shown, where {doubtful} outcomes were in doubt")
    return [Violation("table", "all", text) for text in found]


def faults_of(message, drop, truth, projection, content):
    """What is wrong with the rows of a message that POP3 shows."""
    row, other = truth.get(message), projection.get(message)
    if row is None or other is None:
        return [f"not in {name}" for name, one in (("imapUidTable", row), ("messageIdTable", other)) if one is None]
    faults = []
    if other.uid != row.uid:
        faults.append(f"its UID is {row.uid} in imapUidTable, {other.uid} in messageIdTable")
    if drop.get(message) != row.fullcontentoctets:
        faults.append(f"its size is {row.fullcontentoctets} in imapUidTable, {drop.get(message)} in pop3metadata")
    for name in ("headercontent", "bodycontent"):
        blob = getattr(row, name)
        # A blob may be compressed; that it is whole was seen when its message was fetched.
        size, there = content.get(uuid.UUID(blob.split("+")[0]), (None, 0)) if blob else (0, 0)  # +N: messages that share it
        if size is None or (there == 0) != (size == 0):
            faults.append(f"{name} {blob} has {there} octets stored of {size}")
    return faults


def doubtful_of(events):
    """How many messages may have rows, or no longer have them, without anybody knowing."""
    answered = {(event["user"], event["token"]) for event in events
                if event["what"] == "answer" and event["outcome"] in (ACKNOWLEDGED, "refused")}
    attempts = {(event["user"], event["token"]) for event in events if event["what"] == "attempt"}
    ended = {event["session"] for event in events if event["what"] == "quit" and event["outcome"] == ACKNOWLEDGED}
    doomed = sum(len(event["uidls"]) for event in events if event["what"] == "quitting" and event["session"] not in ended)
    return len(attempts - answered) + doomed


def read_all_replicas(session, keyspace):
    """Reads every row at ALL, which brings replicas together as a repair does: what an operator runs after a node was away
    for longer than the others kept its writes for it, or was killed while it kept those of others."""
    names = [row.table_name for row in session.execute(
        "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,))]  # fmt: skip
    for name in names:
        for attempt in range(ATTEMPTS):
            try:
                collections.deque(session.execute(f"SELECT * FROM {keyspace}.{name}"), maxlen=0)
                break
            except (ReadTimeout, ReadFailure, Unavailable, OperationTimedOut):
                if attempt == ATTEMPTS - 1:
                    raise


def paxos_rows_of(session, keyspace):
    """Rows of system.paxos, on the node of the session, that belong to tables of the keyspace."""
    ids = {row.id for row in session.execute("SELECT id FROM system_schema.tables WHERE keyspace_name = %s", (keyspace,))}
    return sum(row.cf_id in ids for row in session.execute("SELECT cf_id FROM system.paxos"))
