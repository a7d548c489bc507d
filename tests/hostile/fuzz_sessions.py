#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plays what clients say in the transcripts of tests/wire, mutated, against the server, many sessions at a time.

    tests/hostile/fuzz_sessions.py [--seconds N | --sessions N] [--seed N] [--keep DIR]

Lines are dropped, repeated, swapped, spliced from other transcripts and protocols; octets are flipped, inserted and cut;
what is left goes out in random pieces, in clear or inside TLS, behind a PROXY header or none, and the client leaves by
QUIT, close or reset. Between rounds nothing may be left: no connection, no descriptor, no lock of a maildrop; users log in and mail comes as ever. The
server is POSTHOUSE_BIN, best one with sanitizers, whose reports are looked for at the end.

Session N of a seed says the same in every run; what fails names its seed and round: --seed S --first N plays on from
there. The status is 1 if anything was amiss.
"""

import argparse
import contextlib
import os
import pathlib
import random
import select
import shutil
import socket
import ssl
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
WIRE = HERE.parent / "wire"
sys.path[:0] = [str(HERE), str(HERE.parent), str(WIRE)]

import hostile  # noqa: E402
from hostile import all_gone, descriptors, wait_until  # noqa: E402
from maildrops import PASSWORD, deliver, make_user  # noqa: E402
from pop3client import Pop3  # noqa: E402
from servers import SERVERS, WireServer  # noqa: E402
from transcript import TranscriptError, expand, parse, unescape  # noqa: E402

SESSIONS_A_ROUND = 200
SIDE_BY_SIDE = 8
USERS = 4
SESSION_SECONDS = 20  # for one session, on a busy machine under sanitizers; the server has nothing to wait for

SERVERS["fuzzed"] = (
    {"limits": {"connections_per_address": 0, "message_bytes": 200000}, "log": {"level": "info"},
     "pop3": {"login_seconds": 5, "idle_seconds": 5}, "smtp": {"command_seconds": 5, "data_seconds": 5, "useless_commands": 20},
     "proxy_protocol": {"networks": ["127.0.0.1/32"]}, "workers": {"tls_handshake_seconds": 5}},
    {name + "-proxy": {"protocol": protocol, "address": "127.0.0.1:0", "tls": tls, "proxy_protocol": True}
     for name, protocol, tls in [("pop3", "pop3", "starttls"), ("pop3s", "pop3", "implicit"), ("smtp", "smtp", "starttls"),
                                 ("smtps", "smtp", "implicit"), ("submission", "submission", "starttls"),
                                 ("lmtp", "lmtp", "none"), ("imap", "imap", "starttls")]},
)


# ---- Seeds ----


def names_of(text):
    """Variables that a transcript sets by what the server said: anything will do."""
    variables = {"domain": "example.org", "number": "1", "space": " "}
    while True:
        try:
            return expand(text, variables)
        except TranscriptError as error:
            name = str(error).split(" ")[0].lstrip("$")
            variables[name] = f"user-{len(variables) % USERS}@example.org"


def seeds():
    """{protocol: [[octets of a line, ...], ...]}: what the clients of each transcript say."""
    found = {}
    for path in sorted(WIRE.glob("*/*.txt")):
        lines = []
        for step in parse(path.read_text(encoding="utf-8")):
            if step.kind == "C":
                with contextlib.suppress(ValueError):
                    text = names_of(step.text).encode()
                    lines.append(unescape(text) if step.is_raw else text + b"\r\n")
        if lines:
            found.setdefault(path.parent.name, []).append(lines)
    assert len(found) >= 4, "the transcripts are gone"
    return found


# ---- Mutations: each takes lines and gives lines ----


def drop(rng, lines, _):
    del lines[rng.randrange(len(lines))]


def repeat(rng, lines, _):
    at = rng.randrange(len(lines))
    lines[at:at] = [lines[at]] * rng.choice([1, 1, 2, 5, 50])


def swap(rng, lines, _):
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def splice(rng, lines, others):
    other = rng.choice(others)
    start = rng.randrange(len(other))
    at = rng.randrange(len(lines) + 1)
    lines[at:at] = other[start:start + rng.randrange(1, 6)]


def flip(rng, lines, _):
    at = rng.randrange(len(lines))
    line = bytearray(lines[at])
    for _ in range(rng.choice([1, 1, 3]) if line else 0):
        line[rng.randrange(len(line))] ^= 1 << rng.randrange(8)
    lines[at] = bytes(line)


WORDS = [b"\0", b"\r", b"\n", b"\r\n", b"\r\n.\r\n", b".", b"..", b" ", b"\t", b"\xff", b"\xc3", b"<", b">", b"@", b"=", b"*", b"%", b"\"",
         b"\\", b"18446744073709551615", b"4294967296", b"-1", b"0", b" LAST", b"x" * 600, b"x" * 5000, b"x" * 70000, b":", b"+",
         b"BDAT 100\r\n", b"STARTTLS\r\n", b"STLS\r\n", b"RSET\r\n", b"\x16\x03\x01\x02\x00\x01", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n"]


def insert(rng, lines, _):
    at = rng.randrange(len(lines))
    cut = rng.randrange(len(lines[at]) + 1)
    lines[at] = lines[at][:cut] + rng.choice(WORDS) + lines[at][cut:]


def shorten(rng, lines, _):
    at = rng.randrange(len(lines))
    lines[at] = lines[at][:rng.randrange(len(lines[at]) + 1)]


def truncate(rng, lines, _):
    del lines[rng.randrange(len(lines)):]


MUTATIONS = [drop, repeat, swap, splice, flip, flip, insert, insert, shorten, truncate]
LISTENERS = {"pop3": ["pop3", "pop3", "pop3s", "pop3-proxy", "pop3s-proxy"], "imap": ["imap", "imap", "imaps", "imap-proxy"],
             "smtp": ["smtp", "smtp", "smtps", "smtp-proxy", "smtps-proxy"],
             "submission": ["submission", "submissions", "submission-proxy"], "lmtp": ["lmtp", "lmtp-tls", "lmtp-unix", "lmtp-proxy"]}


# ---- The PROXY header ----


def proxy_text(rng):
    return rng.choice([
        b"PROXY TCP4 192.0.2.%d 127.0.0.1 %d 25\r\n" % (rng.randrange(256), rng.randrange(65536)),
        b"PROXY TCP6 2001:db8::%x ::1 %d 25\r\n" % (rng.randrange(65536), rng.randrange(65536)),
        b"PROXY UNKNOWN\r\n",
    ])


def proxy_binary(rng):
    family, size = rng.choice([(0x11, 12), (0x21, 36), (0x31, 216), (0x00, 0)])
    addresses = rng.randbytes(size)
    fields = b"".join(b"%c" % rng.randrange(256) + len(value).to_bytes(2, "big") + value
                      for value in [rng.randbytes(rng.choice([0, 1, 40, 500])) for _ in range(rng.choice([0, 0, 1, 3]))])
    length = len(addresses + fields) + rng.choice([0, 0, 0, 0, -1, 1, 60000])
    return (b"\r\n\r\n\0\r\nQUIT\n" + bytes([rng.choice([0x21, 0x21, 0x20]), family]) + (max(length, 0) % 65536).to_bytes(2, "big")
            + addresses + fields)


def proxy_header(rng):
    """Most are right; the rest is flipped, cut, doubled, or not there."""
    header = bytearray(rng.choice([proxy_text, proxy_binary])(rng))
    damage = rng.choice(["none"] * 8 + ["flip", "cut", "twice", "absent"])
    if damage == "flip":
        header[rng.randrange(len(header))] ^= 1 << rng.randrange(8)
    elif damage == "cut":
        del header[rng.randrange(len(header)):]
    return {"twice": bytes(header) * 2, "absent": b""}.get(damage, bytes(header))


class Session:
    """Everything about one session follows from its seed."""

    def __init__(self, corpus, seed):
        rng = self.rng = random.Random(seed)
        protocol = rng.choice(sorted(corpus))
        self.listener = rng.choice(LISTENERS[protocol])
        own, every = corpus[protocol], [one for group in corpus.values() for one in group]
        self.lines = list(rng.choice(own))
        for _ in range(rng.choice([0, 1, 1, 2, 3, 8])):
            if self.lines:
                rng.choice(MUTATIONS)(rng, self.lines, own if rng.random() < 0.8 else every)
        if protocol == "pop3" and rng.random() < 0.5:
            user = f"user-{rng.randrange(USERS)}@example.org"
            self.lines[:0] = [b"USER %s\r\n" % user.encode(), b"PASS %s\r\n" % PASSWORD.encode()]
        elif protocol == "imap" and rng.random() < 0.7:
            self.lines[:0] = [f"z LOGIN user-{rng.randrange(USERS)}@example.org {PASSWORD}\r\n".encode(), b"y SELECT INBOX\r\n"]
        elif protocol not in ("pop3", "imap") and rng.random() < 0.5:
            self.lines[:0] = [b"LHLO a\r\n" if protocol == "lmtp" else b"EHLO a\r\n"]

    def play(self, server):
        address = server.listener_address(self.listener)
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(family) as one, contextlib.suppress(OSError):
            one.settimeout(SESSION_SECONDS)
            one.connect(address)
            if self.listener.endswith("-proxy"):
                for piece in pieces(self.rng, proxy_header(self.rng)):
                    one.sendall(piece)
            if self.listener.removesuffix("-proxy").endswith("s") and self.rng.random() < 0.9:
                one = self.start_tls(one)
            try:
                self.talk(one)
            finally:
                if one.fileno() >= 0 and self.rng.random() < 0.3:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                one.close()

    @staticmethod
    def start_tls(one):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(one)

    def talk(self, one):
        """Some clients wait for answers, some do not, some never read."""
        rng = self.rng
        manners = rng.choice(["waits", "waits", "waits", "hurries", "deaf"])
        for line in self.lines if manners == "waits" else [b"".join(self.lines)]:
            for piece in pieces(rng, line):
                one.sendall(piece)
            if manners == "waits" and self.hear(one, 0.05):
                return
            if line.upper().startswith((b"STARTTLS", b"STLS")) and not isinstance(one, ssl.SSLSocket) and rng.random() < 0.7:
                one = self.start_tls(one)
        if manners == "deaf":
            return
        if rng.random() < 0.5:
            one.shutdown(socket.SHUT_WR)
            end = time.monotonic() + SESSION_SECONDS
            while not self.hear(one, 1):
                assert time.monotonic() < end, "the server does not answer the end of input"

    @staticmethod
    def hear(one, patience):
        """True once the server has closed."""
        pending = isinstance(one, ssl.SSLSocket) and one.pending() > 0
        if not pending and not select.select([one], [], [], patience)[0]:
            return False
        return one.recv(65536) == b""


def pieces(rng, octets):
    while octets:
        size = rng.choice([1, 2, 7, 100, len(octets), len(octets), len(octets), len(octets)])
        yield octets[:size]
        octets = octets[size:]


# ---- Rounds ----


def play_round(server, corpus, seed, first, troubles):
    """SESSIONS_A_ROUND sessions, and what must hold behind them."""
    numbers = iter(range(first, first + SESSIONS_A_ROUND))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None or troubles:
                return
            try:
                Session(corpus, f"{seed}/{number}").play(server)
            except Exception as error:  # told with the seed that leads here again
                troubles.append(f"session {number}: {error!r}")

    threads = [threading.Thread(target=work) for _ in range(SIDE_BY_SIDE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def check(server, before):
    assert server.process.poll() is None, "the server died"
    all_gone(server, before)
    for number in range(USERS):
        user = f"user-{number}@example.org"
        client = Pop3(server).login(user, PASSWORD)
        count = int(client.ok("STAT").split()[1])
        # Small again, or rounds get longer and longer.
        client.send(b"".join(b"DELE %d\r\n" % at for at in range(1, count + 1)))
        for _ in range(count):
            assert client.line().startswith(b"+OK")
        client.quit()
        deliver(server, user, b"Subject: seed\r\n\r\n.dot\r\nHello.\r\n")


def fuzz(options):
    corpus = seeds()
    server = WireServer("fuzzed")
    troubles = []
    played = options.first
    try:
        server.start()
        server.domain_add("example.org")
        for number in range(USERS):
            make_user(server, f"user-{number}")
        deadline = time.monotonic() + options.seconds if options.seconds else None
        before = None
        while not troubles:
            play_round(server, corpus, options.seed, played, troubles)
            # The pools and caches of the first round stay.
            before = max(before or 0, settled(server)) if played == options.first else before
            check(server, before)
            played += SESSIONS_A_ROUND
            if time.monotonic() >= deadline if deadline else played - options.first >= options.sessions:
                break
        server.stop()
    except Exception as error:
        troubles.append(f"between sessions {played} and {played + SESSIONS_A_ROUND}: {error}")
    finally:
        if troubles and options.keep:
            shutil.copytree(server.directory, options.keep, dirs_exist_ok=True)
        if server.process is not None:
            server.process.kill()
            server.process.wait()
            server.process = None
        server.remove()
    for trouble in troubles:
        print(f"fuzz_sessions: seed {options.seed}: {trouble}\n", file=sys.stderr)
    print(f"fuzz_sessions: {played - options.first} sessions, seed {options.seed}: {'FAILED' if troubles else 'ok'}")
    return 1 if troubles else 0


def settled(server):
    """Descriptors once all sessions have timed out."""
    wait_until(lambda: connections(server) <= 1, "connections are left over")
    return descriptors(server) + 6  # threads that the store opens files in


def connections(server):
    import json

    return json.loads(server.cli("--json", "status").stdout)["server"]["connections"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, help="begin no round after as many")
    parser.add_argument("--sessions", type=int, default=SESSIONS_A_ROUND)
    parser.add_argument("--seed", default=None, help="any text; by chance if not given")
    parser.add_argument("--first", type=int, default=0, help="the number of the first session")
    parser.add_argument("--keep", type=pathlib.Path, help="where the server's directory is copied to if anything is amiss")
    options = parser.parse_args()
    options.seed = options.seed or os.urandom(4).hex()
    return fuzz(options)


if __name__ == "__main__":
    sys.exit(main())
