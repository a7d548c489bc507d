# SPDX-License-Identifier: Apache-2.0
"""The harness itself: what a transcript's lines mean. A wrong harness would make every other test worthless."""

import socketserver
import threading

import pytest

from transcript import Runner, TranscriptError, expand, parse, pattern, unescape


def test_pattern_holes_and_regexes():
    assert pattern("+OK <...>", {}).fullmatch("+OK anything at all")
    assert pattern("+OK <...>", {}).fullmatch("+OK ")
    assert not pattern("+OK <...>", {}).fullmatch("+OKAY")
    assert pattern("1 <uid:...>", {}).fullmatch("1 abc")["uid"] == "abc"
    assert not pattern("a.c", {}).fullmatch("abc")
    assert pattern("/a.c/", {}).fullmatch("abc")
    assert not pattern("/a.c/", {}).fullmatch("abcd")
    assert pattern("1 $uid", {"uid": "a+b"}).fullmatch("1 a+b")


def test_variables_and_escapes():
    assert expand("USER $alice, ${alice}s", {"alice": "a@b"}) == "USER a@b, a@bs"
    assert expand(r"AUTH PLAIN $base64(\0$alice\0pass)", {"alice": "al"}) == "AUTH PLAIN AGFsAHBhc3M="
    assert unescape(rb"a\x00\r\n\\") == b"a\0\r\n\\"
    with pytest.raises(TranscriptError):
        expand("$nobody", {})


def test_unknown_lines_are_errors():
    for line in ("X: no", "FROB it", "| a block without its action", "c: lower case"):
        with pytest.raises(TranscriptError):
            parse(line)


class Scripted(socketserver.StreamRequestHandler):
    """Greets, answers ECHO lines, closes at QUIT."""

    def handle(self):
        self.server.segments.append([])
        self.wfile.write(b"+OK ready\r\n")
        while True:
            data = self.connection.recv(65536)
            if not data:
                return
            self.server.segments[-1].append(data)
            for line in data.split(b"\r\n")[:-1]:
                self.wfile.write(b"+OK " + line + b"\r\n")
                if line == b"QUIT":
                    return


class ScriptedServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Scripted)
        self.segments = []

    def listener_address(self, _name):
        return self.server_address

    def is_implicit_tls(self, _name):
        return False


@pytest.fixture
def play(tmp_path):
    with ScriptedServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def run(text):
            path = tmp_path / "case.txt"
            path.write_text(text)
            Runner(path, lambda _name: server, 1, "pop3").run()
            return server.segments

        yield run
        server.shutdown()


def test_a_conversation(play):
    segments = play("S: +OK ready\nC: ONE\nC: TWO\nS: +OK <word:...>\nS: +OK TWO\nC: $word\nS: +OK ONE\nC: QUIT\nS: +OK QUIT\nEOF\n")
    assert segments[0][0] == b"ONE\r\nTWO\r\n", "lines in a row are one segment"


def test_two_connections_and_skipped_lines(play):
    play("S: +OK ready\nS2: +OK ready\nC2: X\nC: A\nC: B\nC: END\nS: ...\nS: +OK END\nS2: +OK X\nCLOSE C2\nS2: +OK ready\n")


@pytest.mark.parametrize("text", [
    "S: +OK not this\n",
    "S: +OK ready\nC: QUIT\nS: +OK QUIT\nS: +OK more\n",
    "S: +OK ready\nC: A\nEOF\n",
    "S: +OK ready\nC: QUIT\nS: ...\nS: +OK never\n",
])
def test_what_does_not_match_fails(play, text):
    with pytest.raises(TranscriptError):
        play(text)
