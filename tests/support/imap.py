# SPDX-License-Identifier: Apache-2.0
"""A client of IMAP that keeps what it is told, for tests that judge the server by it: `Client` speaks, `Mailbox` is what a
client must believe of the selected mailbox after all untagged responses, and asserts the rules of RFC 9051 section 7 on the
way: numbers that exist, UIDs that ascend and never change under a number, MODSEQs that do not fall."""

import re
import socket

LITERAL = re.compile(rb"~?\{(\d+)\}\r\n$")
ATOM_END = b' ()"\r\n'
TIMEOUT_SECONDS = 120


class Response:
    """One untagged or tagged line, its literals inside. `words` are atoms and strings as bytes, lists as lists."""

    def __init__(self, octets):
        self.octets = octets
        self.words, at = parse(octets, 0)
        assert octets[at:] in (b"", b"\r\n"), octets

    def __repr__(self):
        return repr(self.octets[:300])


def parse_string(octets, at):
    text = bytearray()
    at += 1
    while octets[at:at + 1] != b'"':
        if octets[at:at + 1] == b"\\":
            at += 1
        text += octets[at:at + 1]
        at += 1
    return bytes(text), at + 1


def parse_atom(octets, at):
    """An atom, with what stands in brackets inside it."""
    start, depth = at, 0
    while at < len(octets):
        c = octets[at:at + 1]
        if c == b"[":
            depth += 1
        elif c == b"]":
            depth -= 1
        elif depth <= 0 and c in ATOM_END or c in b"\r\n":
            break
        at += 1
    return octets[start:at], at


def parse(octets, at):
    """The words from AT to the end of the line or of the list."""
    words = []
    while at < len(octets):
        c = octets[at:at + 1]
        literal = re.match(rb"~?\{(\d+)\}\r\n", octets[at:at + 24])
        if c == b" ":
            at += 1
        elif c == b"(":
            inner, at = parse(octets, at + 1)
            assert octets[at:at + 1] == b")", octets
            words.append(inner)
            at += 1
        elif c == b")" or c in b"\r\n":
            break
        elif c == b'"':
            text, at = parse_string(octets, at)
            words.append(text)
        elif literal:
            begin = at + literal.end()
            at = begin + int(literal.group(1))
            words.append(octets[begin:at])
        else:
            atom, at = parse_atom(octets, at)
            words.append(atom)
    return words, at


class Mailbox:
    """What the client knows: one entry a message, by sequence number."""

    class Message:
        def __init__(self):
            self.uid = None
            self.flags = None
            self.modseq = 0

    def __init__(self):
        self.messages = []
        self.told_gone = []  # UIDs, as far as they were known
        self.highest_modseq = 0

    def uids(self):
        return [message.uid for message in self.messages]

    def by_uid(self, uid):
        return next((message for message in self.messages if message.uid == uid), None)

    def exists(self, count):
        assert count >= len(self.messages), f"EXISTS {count} below {len(self.messages)}"
        self.messages += [self.Message() for _ in range(count - len(self.messages))]

    def expunge(self, number):
        assert 1 <= number <= len(self.messages), f"EXPUNGE {number} of {len(self.messages)}"
        self.told_gone.append(self.messages.pop(number - 1).uid)

    def vanished(self, uids):
        for uid in uids:
            message = self.by_uid(uid) or self.nameless(uid)
            assert message is not None, f"VANISHED {uid}, which is none of {self.uids()}"
            self.messages.remove(message)
            self.told_gone.append(uid)

    def nameless(self, uid):
        """A message that may have UID: one that was announced, without its UID, where it would be. All such are alike."""
        below = [at for at, message in enumerate(self.messages) if message.uid is not None and message.uid < uid]
        gap = self.messages[below[-1] + 1 if below else 0:]
        return next((message for message in gap if message.uid is None), None) if gap and gap[0].uid is None else None

    def fetch(self, number, items):
        assert 1 <= number <= len(self.messages), f"FETCH {number} of {len(self.messages)}"
        message = self.messages[number - 1]
        if b"UID" in items:
            uid = int(items[b"UID"])
            assert message.uid in (None, uid), f"number {number} was UID {message.uid}, is {uid}"
            message.uid = uid
            self.check_order(number)
        if b"MODSEQ" in items:
            modseq = int(items[b"MODSEQ"][0])
            assert modseq >= message.modseq, f"MODSEQ of UID {message.uid} fell from {message.modseq} to {modseq}"
            message.modseq = modseq
        if b"FLAGS" in items:
            message.flags = frozenset(items[b"FLAGS"]) - {b"\\Recent"}

    def check_order(self, number):
        uid = self.messages[number - 1].uid
        for message in self.messages[:number - 1]:
            assert message.uid is None or message.uid < uid, f"UID {uid} at number {number}: {self.uids()}"
        for message in self.messages[number:]:
            assert message.uid is None or message.uid > uid, f"UID {uid} at number {number}: {self.uids()}"


def uids_of(text):
    """b"1:3,7" as a list."""
    result = []
    for one in text.split(b","):
        first, _, last = one.partition(b":")
        result += range(int(first), int(last or first) + 1)
    return result


class Refused(Exception):
    """A tagged NO or BAD."""


class Client:
    def __init__(self, address, user=None, password=None):
        self.socket = socket.create_connection(address, timeout=TIMEOUT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")
        self.tags = 0
        self.mailbox = None  # Mailbox of the selected one
        self.fetched = []  # (number, items) of the last command
        self.lines = []  # Response, untagged, of the last command
        assert self.read_response().octets.startswith(b"* OK"), "no greeting"
        if user is not None:
            self.command(b"LOGIN %s %s" % (user.encode(), password.encode()))

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- Octets ----

    def read_response(self):
        octets = bytearray()
        while True:
            line = self.stream.readline()
            assert line.endswith(b"\r\n"), f"the connection ended behind {bytes(octets + line)[:200]!r}"
            octets += line
            literal = LITERAL.search(line)
            if not literal:
                return Response(bytes(octets))
            size = int(literal.group(1))
            text = self.stream.read(size)
            assert len(text) == size, "the connection ended inside a literal"
            octets += text

    def send(self, text):
        """Sends a command, and returns its tag; `finish` reads the answer. Literals stand in it as LITERAL+ has them."""
        self.tags += 1
        tag = b"t%d" % self.tags
        self.socket.sendall(tag + b" " + text + b"\r\n")
        return tag

    def finish(self, tag, may_expunge=True):
        """The text of the tagged OK. Untagged responses go to `lines`, and to the mailbox."""
        self.lines = []
        self.fetched = []
        while True:
            response = self.read_response()
            if response.octets.startswith(tag + b" "):
                status, _, text = response.octets[len(tag) + 1:-2].partition(b" ")
                if status != b"OK":
                    raise Refused(response.octets)
                return text
            assert response.octets.startswith(b"* "), response
            self.take(response, may_expunge)

    def command(self, text, may_expunge=True):
        return self.finish(self.send(text), may_expunge)

    def take(self, response, may_expunge):
        self.lines.append(response)
        words = response.words
        if self.mailbox is None or len(words) < 3:
            return
        if words[2] == b"EXISTS":
            self.mailbox.exists(int(words[1]))
        elif words[2] == b"EXPUNGE":
            assert may_expunge, "EXPUNGE where RFC 9051 section 7.5.1 forbids it"
            self.mailbox.expunge(int(words[1]))
        elif words[1] == b"VANISHED" and words[2] != [b"EARLIER"]:
            assert may_expunge, "VANISHED where RFC 7162 section 3.2.10 forbids it"
            self.mailbox.vanished(uids_of(words[2]))
        elif words[2] == b"FETCH":
            items = dict(zip(words[3][::2], words[3][1::2]))
            self.fetched.append((int(words[1]), items))
            self.mailbox.fetch(int(words[1]), items)

    # ---- Commands ----

    def select(self, name, how=b"SELECT", parameters=b""):
        self.mailbox = Mailbox()
        try:
            text = self.command(how + b" " + name + parameters)
        except Refused:
            self.mailbox = None
            raise
        for line in self.lines:
            code = re.match(rb"\* OK \[(\w+) (\d+)\]", line.octets)
            if code and code.group(1) == b"HIGHESTMODSEQ":
                self.mailbox.highest_modseq = int(code.group(2))
        return text

    def append(self, name, message, flags=b""):
        """The UID that APPENDUID tells."""
        options = b" (%s)" % flags if flags else b""
        text = self.command(b"APPEND %s%s {%d+}\r\n%s" % (name, options, len(message), message))
        return int(re.match(rb"\[APPENDUID \d+ (\d+)\]", text).group(1))

    def search(self, text):
        """The numbers of a SEARCH."""
        self.command(text, may_expunge=text.startswith(b"UID "))
        for line in self.lines:
            if line.words[1:2] == [b"SEARCH"]:
                return [int(word) for word in line.words[2:] if isinstance(word, bytes)]
        return None
