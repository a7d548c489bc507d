# SPDX-License-Identifier: Apache-2.0
"""Wire transcripts: conversations written as the RFCs write their examples, run against the real server.

README.md beside this file describes the format. `parse` turns a file into steps, `Runner` plays them: a step is a line
of the file, and a failure names that line and shows the conversation up to it.
"""

import base64
import dataclasses
import pathlib
import re
import shlex
import smtplib
import socket
import ssl

LINE = re.compile(r"(?P<side>[CS])(?P<name>\d*)(?P<raw>~?):(?: (?P<text>.*)|)$", re.S)
ACTION = re.compile(r"(?P<verb>[A-Z]+)(?: (?P<rest>.*))?$")
VARIABLE = re.compile(r"\$(?:(?P<base64>base64)\((?P<argument>[^)]*)\)|\{(?P<braced>\w+)\}|(?P<name>[a-z]\w*))")
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.S)
ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
HOLE = re.compile(r"<(?:(?P<name>[a-z]\w*):)?\.\.\.>")
# Longer than anything a transcript waits for, also under sanitizers on a busy machine.
PATIENCE_SECONDS = 60
# One answer of the server that a transcript reads may not be longer than this.
LINE_MAX = 1 << 20


class TranscriptError(AssertionError):
    pass


@dataclasses.dataclass
class Step:
    number: int  # of the line in the file
    source: str  # the line as written
    kind: str  # "C", "S", or the verb of an action
    connection: str = ""  # "1" in "C1:"
    text: str = ""
    is_raw: bool = False
    block: list = dataclasses.field(default_factory=list)  # the lines behind a "|" under an action


def parse(text):
    steps = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("|"):
            if not steps or steps[-1].kind in "CS":
                raise TranscriptError(f"line {number}: a block needs an action before it")
            steps[-1].block.append(line[2:] if line.startswith("| ") else line[1:])
            continue
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.match(line)
        if match:
            steps.append(Step(number, line, match["side"], match["name"], match["text"] or "", bool(match["raw"])))
            continue
        match = ACTION.match(line)
        if not match or not hasattr(Runner, "do_" + match["verb"].lower()):
            raise TranscriptError(f"line {number}: neither C:, S:, # nor a known action: {line}")
        steps.append(Step(number, line, match["verb"], text=match["rest"] or ""))
    return steps


def unescape(data):
    """\\r \\n \\t \\0 \\\\ and \\xHH."""
    def one(match):
        if match[1]:
            return bytes.fromhex(match[1].decode())
        if match[2] not in ESCAPES:
            raise TranscriptError(f"unknown escape \\{match[2].decode(errors='replace')}")
        return ESCAPES[match[2]]
    return ESCAPE.sub(one, data)


def expand(text, variables):
    """$name, ${name}, and $base64(TEXT), in which escapes and other variables stand for themselves."""
    def one(match):
        if match["base64"]:
            inner = expand(match["argument"], variables).encode()
            return base64.b64encode(unescape(inner)).decode()
        name = match["name"] or match["braced"]
        if name not in variables:
            raise TranscriptError(f"${name} is not set")
        return variables[name]
    return VARIABLE.sub(one, text)


def pattern(text, variables):
    """The regular expression for what stands behind "S: "."""
    if len(text) >= 2 and text.startswith("/") and text.endswith("/"):
        return re.compile(text[1:-1], re.S)
    parts, at = [], 0
    for hole in HOLE.finditer(text):
        parts.append(re.escape(expand(text[at:hole.start()], variables)))
        parts.append(f"(?P<{hole['name']}>.*?)" if hole["name"] else ".*?")
        at = hole.end()
    parts.append(re.escape(expand(text[at:], variables)))
    return re.compile("".join(parts), re.S)


class Connection:
    """A client's socket that reads lines."""

    def __init__(self, address, source=None, receive_buffer=None):
        """`receive_buffer`: octets that the kernel takes for us, for a client that reads slowly."""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(PATIENCE_SECONDS)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """More octets into `received`; False at the end of the stream."""
        data = self.socket.recv(65536)
        self.received += data
        return data != b""

    def read_line(self):
        """One line without its CRLF; None at the end of the stream."""
        while b"\n" not in self.received:
            if len(self.received) > LINE_MAX:
                raise TranscriptError("the server's line has no end")
            try:
                if not self.receive():
                    return self.received or None
            except ConnectionResetError:
                return None
        line, self.received = self.received.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise TranscriptError(f"the server ended a line with a bare LF: {line[:200]!r}")
        return line[:-1]

    def start_tls(self, context, name):
        if self.received:
            raise TranscriptError(f"the server sent this before TLS: {self.received[:200]!r}")
        self.socket = context.wrap_socket(self.socket, server_hostname=name)

    def certificate_name(self):
        subject = self.socket.getpeercert()["subject"]
        return dict(pair for group in subject for pair in group)["commonName"]

    def close(self):
        self.socket.close()


class Runner:
    """Plays the steps of one transcript. SERVERS(name) gives a running server; each transcript has users of its own."""

    def __init__(self, path, servers, number, default_listener):
        self.path = pathlib.Path(path)
        self.servers = servers
        self.number = number
        self.listener = default_listener
        self.server = None
        self.variables = {"domain": "example.org", "number": str(number), "space": " "}
        self.users = {}  # short name -> address
        self.connections = {}
        self.sources = {}
        self.server_names = {}
        self.listeners = {}
        self.conversation = []
        self.pending = None  # (connection, octets): C lines in a row go out as one segment

    def run(self):
        try:
            self.play(parse(self.path.read_text(encoding="utf-8")))
        finally:
            for connection in self.connections.values():
                connection.close()

    def play(self, steps):
        steps = list(steps)
        for at, step in enumerate(steps):
            try:
                if step.kind == "C":
                    self.send(step)
                    following = steps[at + 1] if at + 1 < len(steps) else None
                    if not following or following.kind != "C" or following.connection != step.connection:
                        self.flush()
                elif step.kind == "S":
                    following = steps[at + 1] if at + 1 < len(steps) else None
                    self.expect(step, following)
                else:
                    getattr(self, "do_" + step.kind.lower())(step)
            except Exception as error:
                shown = "\n".join(self.conversation[-60:])
                raise TranscriptError(
                    f"{self.path}:{step.number}: {step.source}\n{type(error).__name__}: {error}\n"
                    f"--- the conversation so far\n{shown}") from error

    # ---- Lines ----

    def running(self):
        if self.server is None:
            self.server = self.servers("standard")
        return self.server

    def connection(self, name, first=b""):
        if name not in self.connections:
            listener = self.listeners.get(name, self.listener)
            self.connections[name] = Connection(self.running().listener_address(listener), self.sources.get(name))
            self.connections[name].send(first)
            if self.running().is_implicit_tls(listener):
                self.connections[name].start_tls(self.tls_context(), self.server_names.get(name, "mx.example.org"))
        return self.connections[name]

    def send(self, step):
        text = expand(step.text, self.variables)
        self.conversation.append(f"C{step.connection}{'~' if step.is_raw else ''}: {text}")
        data = unescape(text.encode()) if step.is_raw else text.encode() + b"\r\n"
        self.pending = (step.connection, (self.pending[1] if self.pending else b"") + data)

    def flush(self):
        name, data = self.pending
        self.pending = None
        connection = self.connection(name)
        try:
            connection.send(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # What the server said before it closed is for the next S line to see.

    def expect(self, step, following):
        connection = self.connection(step.connection)
        if step.text == "...":
            self.skip_until(connection, step, following)
            return
        _, line = self.read(connection, step)
        match = pattern(step.text, self.variables).fullmatch(line)
        if not match:
            raise TranscriptError(f"the server said {line!r}")
        self.variables.update(match.groupdict())

    def read(self, connection, step):
        line = connection.read_line()
        if line is None:
            raise TranscriptError("the server closed the connection")
        text = line.decode("utf-8", "backslashreplace")
        self.conversation.append(f"S{step.connection}: {text}")
        return line, text

    def skip_until(self, connection, step, following):
        """ "S: ..." stands for any lines, none too, up to the one that the next S line describes."""
        if following is None or following.kind != "S" or following.connection != step.connection:
            raise TranscriptError("S: ... needs an S line behind it")
        wanted = pattern(following.text, self.variables)
        while True:
            line, text = self.read(connection, step)
            if wanted.fullmatch(text):
                connection.received = line + b"\r\n" + connection.received
                self.conversation.pop()
                return

    # ---- Actions: before the first line ----

    def do_server(self, step):
        """SERVER NAME: which of servers.py."""
        assert self.server is None, "SERVER comes before everything else"
        self.server = self.servers(step.text)

    def do_listener(self, step):
        """LISTENER NAME: for all connections that are not opened yet."""
        self.listener = step.text

    def do_user(self, step):
        """USER NAME PASSWORD: makes NAME-number@example.org; $NAME is that address."""
        name, password = step.text.split(" ", 1)
        address = f"{name}-{self.number}@example.org"
        self.running().user_add(address, expand(password, self.variables))
        self.users[name] = self.variables[name] = address

    def do_alias(self, step):
        """ALIAS ADDRESS TARGET [TYPE]."""
        address, target, *kind = expand(step.text, self.variables).split(" ")
        self.running().alias_add(address, target, *kind)

    def do_posthouse(self, step):
        """POSTHOUSE WORDS...: an administrator's command; what stands behind "|" is its standard input."""
        stdin = "".join(expand(line, self.variables) + "\n" for line in step.block)
        self.running().cli(*expand(step.text, self.variables).split(" "), stdin=stdin.encode())

    def do_set(self, step):
        """SET NAME VALUE; VALUE * NUMBER repeats a character."""
        name, value = step.text.split(" ", 1)
        match = re.fullmatch(r"(\S) \* (\d+)", value)
        self.variables[name] = match[1] * int(match[2]) if match else expand(value, self.variables)

    def do_deliver(self, step):
        """DELIVER NAME-OR-ADDRESS [escaped]: the message behind "|", by LMTP. "escaped": escapes count and no CRLF is added."""
        name, *options = expand(step.text, self.variables).split(" ")
        block = [expand(line, self.variables) for line in step.block]
        if options == ["escaped"]:
            message = unescape("".join(block).encode())
        else:
            message = "".join(line + "\r\n" for line in block).encode()
        host, port = self.running().listener_address("lmtp")
        with smtplib.LMTP(host, port, local_hostname="client.example.net", timeout=PATIENCE_SECONDS) as client:
            client.ehlo()
            client.mail("sender@example.net", ["BODY=8BITMIME"])
            code, text = client.rcpt(self.users.get(name, name))
            assert code == 250, text
            # smtplib.data() would change line ends; the octets are the transcript's.
            code, text = client.docmd("DATA")
            assert code == 354, text
            stuffed = re.sub(rb"(?m)^\.", b"..", message)
            client.send(stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n")
            client.send(b".\r\n")
            code, text = client.getreply()
            assert code == 250, text

    # ---- Actions: connections. NAME is the number in "C1:"; nothing for "C:" ----

    def do_connect(self, step):
        """CONNECT [Cn] [listener=NAME] [from=ADDRESS] [sni=NAME] [certificate=NAME] [send=OCTETS]: opens a connection
        before its first line. `send` goes out before anything else, before TLS too."""
        name, certificate, first = "", None, b""
        for word in step.text.split():
            if re.fullmatch(r"C\d*", word):
                name = word[1:]
            elif word.startswith("listener="):
                self.listeners[name] = word.split("=", 1)[1]
            elif word.startswith("from="):
                self.sources[name] = word.split("=", 1)[1]
            elif word.startswith("sni="):
                self.server_names[name] = word.split("=", 1)[1]
            elif word.startswith("certificate="):
                certificate = word.split("=", 1)[1]
            elif word.startswith("send="):
                first = unescape(word.split("=", 1)[1].encode())
            else:
                raise TranscriptError(f"CONNECT does not know {word}")
        assert name not in self.connections, "this connection is open"
        self.connection(name, first)
        if certificate:
            self.assert_certificate(name, certificate)

    def words_and_name(self, step):
        words = step.text.split()
        names = [word[1:] for word in words if re.fullmatch(r"C\d*", word)]
        others = [word for word in words if not re.fullmatch(r"C\d*", word)]
        return (names[0] if names else ""), others

    def do_tls(self, step):
        """TLS [Cn] [SERVERNAME [COMMONNAME]]: the handshake, with this name in SNI, and whose certificate comes."""
        name, words = self.words_and_name(step)
        self.connection(name).start_tls(self.tls_context(), words[0] if words else "mx.example.org")
        if len(words) > 1:
            self.assert_certificate(name, words[1])

    def tls_context(self):
        """The chain is verified, the name is the transcript's to check: it may ask for one that nobody has."""
        context = ssl.create_default_context(cafile=self.running().authority.certificate)
        context.check_hostname = False
        return context

    def assert_certificate(self, name, wanted):
        got = self.connections[name].certificate_name()
        if got != wanted:
            raise TranscriptError(f"the certificate of {got} came")

    def do_close(self, step):
        """CLOSE [Cn]: the client closes; the next line of this name opens a new connection."""
        name, _ = self.words_and_name(step)
        self.connections.pop(name).close()
        self.conversation.append(f"(C{name} closes)")

    def do_half(self, step):
        """HALF [Cn]: the client ends its side and still reads."""
        name, _ = self.words_and_name(step)
        self.connection(name).socket.shutdown(socket.SHUT_WR)

    def do_eof(self, step):
        """EOF [Cn]: the server has closed, and said nothing before. The next line of this name connects anew."""
        name, _ = self.words_and_name(step)
        line = self.connection(name).read_line()
        if line is not None:
            raise TranscriptError(f"the server did not close but said {line!r}")
        self.connections.pop(name).close()
        self.conversation.append(f"(the server closes S{name})")

    def do_log(self, step):
        """LOG EVENT key=value...: such a line comes in the server's log."""
        event, *pairs = shlex.split(expand(step.text, self.variables))
        wanted = dict(pair.split("=", 1) for pair in pairs)
        self.running().wait_for_event(event, wanted)
