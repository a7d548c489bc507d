# SPDX-License-Identifier: Apache-2.0
"""Random commands from many sessions on shared mailboxes, and a model of what must be there.

A round lets some sessions send a command each before any answer is read, so that they run beside each other. What is
acknowledged goes to the model: APPENDUID and COPYUID say which UID is which message, EXPUNGE and VANISHED what is gone.
`settle` then brings every session to rest, and holds what each believes, what FETCH tells, and the model against each
other: no message lost or doubled, none gone that nobody expunged, UIDs above all earlier ones, one set of flags and one
MODSEQ for all, a MODSEQ that rose with every change.
"""

import collections
import random
import re

from support.imap import Client, Refused, uids_of

FLAGS = [b"\\Seen", b"\\Answered", b"\\Flagged", b"\\Draft", b"\\Deleted", b"$Work", b"later"]
MESSAGE = b"Message-ID: <%s@stress.example>\r\nFrom: a@example.net\r\nSubject: %s\r\n\r\n%s\r\n"


class Box:
    """One mailbox as it must be."""

    def __init__(self):
        self.tokens = {}  # UID -> token of the message
        self.highest_uid = 0
        self.may_go = set()  # UIDs that somebody marked \Deleted, or moved
        self.modseqs = {}  # UID -> MODSEQ at the last rest
        self.flags = {}
        self.touched = set()  # UIDs whose flags somebody may have changed since
        self.highest_modseq = 0

    def add(self, uid, token):
        if uid in self.tokens:
            assert self.tokens[uid] == token, f"UID {uid} was {self.tokens[uid]}, is {token}"
            return
        self.tokens[uid] = token


class Session:
    def __init__(self, stress, number):
        self.stress = stress
        self.number = number
        self.client = Client(*stress.login)
        self.box = None  # its name
        self.is_qresync = number % 3 == 2
        if self.is_qresync:
            self.client.command(b"ENABLE QRESYNC")
        elif number % 3 == 1:
            self.client.command(b"ENABLE CONDSTORE")

    @property
    def mailbox(self):
        return self.client.mailbox

    @property
    def model(self):
        return self.stress.boxes[self.box]

    def select(self, name):
        self.client.select(name)
        self.box = name
        self.fetch_all()

    def fetch_all(self):
        if self.mailbox.messages:
            self.client.command(b"FETCH 1:* (UID FLAGS MODSEQ)", may_expunge=False)

    # ---- One random command: (text, what to do with its answer, whether EXPUNGE may come) ----

    def some(self):
        """A set of messages, as UIDs if they are known: (the words, the UIDs)."""
        known = [message.uid for message in self.mailbox.messages if message.uid is not None]
        if not known:
            return None, []
        chosen = sorted(self.stress.random.sample(known, min(len(known), self.stress.random.choice([1, 1, 2, 5]))))
        return b",".join(b"%d" % uid for uid in chosen), chosen

    def random_command(self):
        choices = [self.store, self.store, self.uid_store, self.fetch, self.body, self.append, self.copy, self.move,
                   self.expunge, self.uid_expunge, self.search, self.noop, self.delete]
        return self.stress.random.choice(choices)()

    def noop(self):
        return b"NOOP", None, True

    def fetch(self):
        if not self.mailbox.messages:
            return self.noop()
        return b"FETCH 1:* (UID FLAGS MODSEQ)", None, False

    def body(self):
        words, uids = self.some()
        if not uids:
            return self.noop()

        def check():
            for _, items in self.client.fetched:
                if b"BODY[]" in items:
                    uid, octets = int(items[b"UID"]), items[b"BODY[]"]
                    token = self.model.tokens.get(uid)
                    assert token is None or b"Subject: %s\r\n" % token in octets, f"UID {uid} is not {token}"
        return b"UID FETCH %s (FLAGS BODY.PEEK[])" % words, check, True

    def flags(self):
        chosen = self.stress.random.sample(FLAGS, self.stress.random.choice([0, 1, 1, 2]))
        action = self.stress.random.choice([b"+FLAGS", b"-FLAGS", b"FLAGS"])
        silent = self.stress.random.choice([b"", b".SILENT"])
        return b"%s%s (%s)" % (action, silent, b" ".join(chosen)), chosen

    def store_of(self, words, uids, prefix, may_expunge):
        text, chosen = self.flags()
        if b"\\Deleted" in chosen:
            self.model.may_go.update(uids)
        self.model.touched.update(uids)
        return b"%sSTORE %s %s" % (prefix, words, text), self.forget_flags(uids, text), may_expunge

    def forget_flags(self, uids, text):
        """After .SILENT the client does not know for sure."""
        def forget():
            for uid in uids:
                message = self.mailbox.by_uid(uid)
                if message is not None:
                    message.flags = None
        return forget if b".SILENT" in text else None

    def uid_store(self):
        words, uids = self.some()
        return self.store_of(words, uids, b"UID ", True) if uids else self.noop()

    def store(self):
        count = len(self.mailbox.messages)
        if count == 0 or None in self.mailbox.uids():
            return self.noop()
        first = self.stress.random.randint(1, count)
        last = min(count, first + self.stress.random.choice([0, 0, 1, 3]))
        return self.store_of(b"%d:%d" % (first, last), self.mailbox.uids()[first - 1:last], b"", False)

    def delete(self):
        words, uids = self.some()
        if not uids:
            return self.noop()
        self.model.may_go.update(uids)
        self.model.touched.update(uids)
        return b"UID STORE %s +FLAGS.SILENT (\\Deleted)" % words, self.forget_flags(uids, b".SILENT"), True

    def append(self):
        name = self.stress.random.choice(list(self.stress.boxes))
        token = self.stress.token()
        message = MESSAGE % (token, token, token * self.stress.random.choice([1, 50]))

        def learn(text):
            uid = int(re.match(rb"\[APPENDUID \d+ (\d+)\]", text).group(1))
            self.stress.is_new(name, uid)
            self.stress.boxes[name].add(uid, token)
        return b"APPEND %s {%d+}\r\n%s" % (name, len(message), message), learn, True

    def learn_pairs(self, source, target, code):
        match = re.search(rb"\[COPYUID \d+ (\S+) (\S+)\]", code)
        if not match:
            return
        pairs = list(zip(uids_of(match.group(1)), uids_of(match.group(2)), strict=True))
        for before, after in pairs:
            token = self.stress.tokens_ever[source].get(before) or self.stress.boxes[source].tokens.get(before)
            if token is not None:
                self.stress.boxes[target].add(after, token)
                self.stress.tokens_ever[target][after] = token
            if before in self.stress.boxes[source].may_go:
                self.stress.boxes[target].may_go.add(after)  # a copy has the flags of its source

    def copy(self):
        words, uids = self.some()
        if not uids:
            return self.noop()
        source, target = self.box, self.stress.random.choice([name for name in self.stress.boxes if name != self.box])
        return b"UID COPY %s %s" % (words, target), lambda text: self.learn_pairs(source, target, text), True

    def move(self):
        words, uids = self.some()
        if not uids:
            return self.noop()
        source, target = self.box, self.stress.random.choice(list(self.stress.boxes))
        if target != source:
            self.model.may_go.update(uids)

        def learn(_):
            for line in self.client.lines:
                self.learn_pairs(source, target, line.octets)
        return b"UID MOVE %s %s" % (words, target), learn, True

    def expunge(self):
        return b"EXPUNGE", None, True

    def uid_expunge(self):
        words, uids = self.some()
        return (b"UID EXPUNGE %s" % words, None, True) if uids else self.noop()

    def search(self):
        before = self.mailbox.uids()

        def check():
            found = next(line.words[2:] for line in self.client.lines if line.words[1] == b"SEARCH")
            assert len(found) == len(before), f"UID SEARCH ALL found {len(found)} of {len(before)}"
            for uid, expected in zip(found, before):
                assert expected in (None, int(uid)), f"UID SEARCH ALL: {uid} for {expected}"
        return b"UID SEARCH ALL", check, True


class Stress:
    def __init__(self, address, user, password, seed, sessions=5, boxes=(b"INBOX", b"one", b"two")):
        self.login = (address, user, password)
        self.random = random.Random(seed)
        self.tokens = 0
        self.boxes = {name: Box() for name in boxes}
        self.tokens_ever = {name: {} for name in boxes}
        self.commands = collections.Counter()
        with Client(*self.login) as client:
            for name in boxes:
                if name != b"INBOX":
                    client.command(b"CREATE " + name)
        self.sessions = [Session(self, number) for number in range(sessions)]
        for session in self.sessions:
            session.select(self.random.choice(list(self.boxes)))

    def close(self):
        for session in self.sessions:
            session.client.close()

    def token(self):
        self.tokens += 1
        return b"token-%d." % self.tokens

    def is_new(self, name, uid):
        assert uid > self.boxes[name].highest_uid, f"a new message in {name} has UID {uid}, no more than another had"

    def round(self):
        """Some sessions, a command each, all sent before an answer is read."""
        chosen = self.random.sample(self.sessions, self.random.randint(1, len(self.sessions)))
        sent = []
        for session in chosen:
            text, learn, may_expunge = session.random_command()
            self.commands[text.split(b" ")[1] if text.startswith(b"UID ") else text.split(b" ")[0]] += 1
            sent.append((session, session.client.send(text), text, learn, may_expunge))
        for session, tag, text, learn, may_expunge in sent:
            try:
                answer = session.client.finish(tag, may_expunge)
            except Refused as refused:
                gone = re.search(rb"\[EXPUNGEISSUED\]", refused.args[0])
                assert gone, f"{text[:100]!r}: {refused}"
                answer = b""
            except AssertionError as error:
                raise AssertionError(f"session {session.number}, {text[:100]!r}: {error}") from error
            if learn is not None:
                learn(*([answer] if learn.__code__.co_argcount > 0 else []))
        for name, box in self.boxes.items():
            self.tokens_ever[name].update(box.tokens)

    def settle(self):
        """All sessions at rest; every assertion of this file."""
        for session in self.sessions:
            session.client.command(b"NOOP")
        for session in self.sessions:
            believed = [(message.uid, message.flags) for message in session.mailbox.messages]
            session.fetch_all()
            told = [(message.uid, message.flags) for message in session.mailbox.messages]
            for (uid, flags), (now_uid, now_flags) in zip(believed, told, strict=True):
                assert uid in (None, now_uid), f"session {session.number}: UID {uid} is {now_uid}"
                assert flags in (None, now_flags), f"session {session.number}, UID {now_uid}: {flags}, is {now_flags}"
        for name, box in self.boxes.items():
            with Client(*self.login) as client:
                client.select(name, how=b"EXAMINE")
                highest = client.mailbox.highest_modseq
                if client.mailbox.messages:
                    client.command(b"FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (SUBJECT)])", may_expunge=False)
                self.judge(name, box, client, highest)

    def judge(self, name, box, client, highest):
        subjects = {}
        for _, items in client.fetched:
            text = next(value for key, value in items.items() if key.startswith(b"BODY["))
            subjects[int(items[b"UID"])] = text.split(b": ", 1)[1].strip()
        there = {message.uid: message for message in client.mailbox.messages}
        for uid, token in subjects.items():
            assert uid in box.tokens, f"{name}: UID {uid} is there, and nobody put it"
            assert box.tokens[uid] == token, f"{name}: UID {uid} is {token}, was {box.tokens[uid]}"
        for uid in set(box.tokens) - set(there):
            assert uid in box.may_go, f"{name}: UID {uid} is lost"
            del box.tokens[uid]
        for session in self.sessions:
            if session.box == name:
                seen = [(one.uid, one.flags, one.modseq) for one in session.mailbox.messages]
                true = [(one.uid, one.flags, one.modseq) for one in client.mailbox.messages]
                assert seen == true, f"session {session.number} in {name}: {seen} for {true}"
        for uid, message in there.items():
            before = box.flags.get(uid)
            if before is not None and before != message.flags:
                assert uid in box.touched, f"{name}: flags of UID {uid} changed, and nobody did it"
                assert message.modseq > box.modseqs[uid], f"{name}: the MODSEQ of UID {uid} did not rise with its flags"
            assert message.modseq <= highest, f"{name}: UID {uid} has MODSEQ {message.modseq} above {highest}"
        assert highest >= box.highest_modseq, f"{name}: HIGHESTMODSEQ fell from {box.highest_modseq} to {highest}"
        box.highest_modseq = highest
        box.flags = {uid: message.flags for uid, message in there.items()}
        box.modseqs = {uid: message.modseq for uid, message in there.items()}
        box.may_go = {uid for uid, message in there.items() if b"\\Deleted" in message.flags}
        box.touched = set()
        box.highest_uid = max([box.highest_uid, *there])

    def wander(self):
        """One session selects another mailbox, or the same."""
        self.random.choice(self.sessions).select(self.random.choice(list(self.boxes)))
