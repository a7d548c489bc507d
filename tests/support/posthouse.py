# SPDX-License-Identifier: Apache-2.0
"""The real server binary under test.

`Server` writes a configuration into a directory of its own, starts `posthouse serve`, learns from the log which ports
it bound, and drives the administrator's commands. Stopping is a test too: the exit code must be 0 and no sanitizer may
have said a word. POSTHOUSE_BIN names the binary, else it is the one that `make` builds.
"""

import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

import yaml

from support.certificates import Authority
from support.process import WITH_US, end

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / os.environ.get("POSTHOUSE_BIN", "build/release/posthouse")
HOSTNAME = "mx.example.org"
START_SECONDS = 60
STOP_SECONDS = 60
SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")

# (protocol, tls): one listener each, on a port of 127.0.0.1 that the system chooses.
TCP_LISTENERS = [
    ("smtp", "starttls"), ("smtp", "implicit"), ("submission", "starttls"), ("submission", "implicit"),
    ("lmtp", "none"), ("pop3", "starttls"), ("pop3", "implicit"), ("imap", "starttls"),
    ("imap", "implicit"),
]


class Server:
    """One posthouse on one data directory. Use as a context manager, or call close()."""

    def __init__(self, settings=None, listeners=None, binary=BINARY, host="127.0.0.1", prefix=()):
        """`settings` are configuration keys over the defaults below; `listeners`, if given, replace the standard ones.
        `host` is where it listens, `prefix` what runs its commands, such as nsenter."""
        self.binary = pathlib.Path(binary)
        self.host = host
        self.prefix = list(prefix)
        assert self.binary.exists(), f"no server binary at {self.binary}: build it, or set POSTHOUSE_BIN"
        # Socket paths are limited to 107 octets, so this directory is not below pytest's.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="posthouse-"))
        self.data_dir = self.directory / "data"
        self.data_dir.mkdir(mode=0o700)
        self.config_path = self.directory / "posthouse.yaml"
        self.log_path = self.directory / "posthouse.log"
        self.lmtp_path = self.directory / "lmtp.sock"
        self.authority = Authority(self.directory / "tls")
        self.process = None
        self._start_offset = 0
        certificate, key = self.authority.issue(HOSTNAME)
        self.config = {
            "hostname": HOSTNAME,
            "data_dir": str(self.data_dir),
            "tls": {"certificates": [{"certificate": str(certificate), "key": str(key)}]},
            # All tests come from one address: a wrong password in one must not slow down the next.
            "auth": {"plaintext_networks": ["127.0.0.0/8", "10.77.0.0/16", "::1/128"], "failures_before_delay": 10000, "failures": 10000},
            **(settings or {}),
        }
        self.config.setdefault("listeners", self.standard_listeners() if listeners is None else listeners)
        self.write_config()

    def standard_listeners(self):
        """All protocols; IMAP where the store gives UIDs that ascend, since a server that never can serve it does not start."""
        is_cassandra = self.config.get("store", {}).get("engine") == "cassandra"
        has_imap = not is_cassandra or self.config["cassandra"].get("profile") == "lwt"
        tcp = [{"protocol": protocol, "address": f"{self.host}:0", "tls": tls}
               for protocol, tls in TCP_LISTENERS if has_imap or protocol != "imap"]
        # Whoever can walk into the directory, such as a Postfix that runs as its own user, may speak to the socket.
        return tcp + [{"protocol": "lmtp", "address": f"unix:{self.lmtp_path}", "tls": "none", "mode": "0666"}]

    def write_config(self):
        self.config_path.write_text(yaml.safe_dump(self.config, sort_keys=False))

    # ---- Life ----

    def start(self):
        assert self.process is None, "the server is running"
        self._start_offset = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*WITH_US, *self.prefix, self.binary, "--config", self.config_path, "serve"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while not self.events("ready"):
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}\n{self.log_text()}"
            assert time.monotonic() < deadline, f"the server is not ready after {START_SECONDS} s\n{self.log_text()}"
            time.sleep(0.01)
        return self

    def stop(self):
        """SIGTERM, and all that an orderly end promises."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"the server did not stop within {STOP_SECONDS} s\n{self.log_tail()}") from None
        self.process = None
        self.check_sanitizers()
        assert code == 0, f"the server ended with {code}\n{self.log_tail()}"

    def kill9(self):
        """No orderly end: what was acknowledged must be there after the next start()."""
        self.process.kill()
        self.process.wait()
        self.process = None
        self.check_sanitizers()

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def close(self):
        try:
            if self.process is not None:
                self.stop()
        finally:
            self.remove()

    def remove(self):
        if "POSTHOUSE_KEEP" not in os.environ:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start() if self.process is None else self
        except BaseException:
            if self.process is not None:
                end(self.process, 0)
            self.remove()
            raise

    def __exit__(self, *_):
        self.close()

    # ---- Log ----

    def log_text(self):
        """The log since the last start."""
        if not self.log_path.exists():
            return ""
        with open(self.log_path, "rb") as log:
            log.seek(self._start_offset)
            return log.read().decode(errors="replace")

    def log_tail(self, characters=4000):
        return self.log_text()[-characters:]

    def events(self, name):
        """The log lines of one event since the last start, each as a dictionary. A line still being written is left out."""
        complete_lines = self.log_text().split("\n")[:-1]
        fields = [fields_of(line) for line in complete_lines if f"event={name}" in line]
        return [line for line in fields if line.get("event") == name]

    def check_sanitizers(self):
        found = SANITIZER_REPORT.search(self.log_path.read_text(errors="replace"))
        assert not found, self.log_path.read_text(errors="replace")[max(0, found.start() - 200):][:8000]

    # ---- Addresses ----

    def address(self, protocol, tls="starttls"):
        """(host, port) of a listener; for LMTP over TCP, tls is "none"."""
        wanted = [index for index, one in enumerate(self.config["listeners"])
                  if one["protocol"] == protocol and one["tls"] == tls and not one["address"].startswith("unix:")]
        assert wanted, f"no {protocol} listener with tls {tls}"
        # The server reports its listeners in the order of the configuration.
        bound = self.events("listening")
        assert len(bound) == len(self.config["listeners"]), f"reported {bound}"
        report = bound[wanted[0]]
        assert report["protocol"] == protocol, f"reported {report} for the {protocol} listener"
        host, port = report["address"].rsplit(":", 1)
        return host.strip("[]"), int(port)

    def port(self, protocol, tls="starttls"):
        return self.address(protocol, tls)[1]

    # ---- The administrator's commands ----

    def cli(self, *words, stdin=b"", check=True, timeout=60):
        """Runs `posthouse --config FILE WORDS`; the result has bytes in stdout and stderr."""
        result = subprocess.run(
            [*self.prefix, self.binary, "--config", self.config_path, *map(str, words)],
            input=stdin, capture_output=True, timeout=timeout)
        report = SANITIZER_REPORT.search(result.stderr.decode(errors="replace"))
        assert not report, result.stderr.decode(errors="replace")
        assert not check or result.returncode == 0, "posthouse {} ended with {}: {}".format(
            " ".join(map(str, words)), result.returncode, result.stderr.decode(errors="replace"))
        return result

    def domain_add(self, name):
        self.cli("domain", "add", name)

    def user_add(self, user, password):
        self.cli("user", "add", user, "--password-stdin", stdin=password.encode() + b"\n")

    def user_passwd(self, user, password):
        self.cli("user", "passwd", user, "--password-stdin", stdin=password.encode() + b"\n")

    def user_remove(self, user):
        self.cli("user", "remove", user)

    def alias_add(self, address, target, kind="alias"):
        self.cli("alias", "add", address, target, "--type", kind)

    def deliver(self, message, *recipients, sender=None):
        self.cli("deliver", *(["-f", sender] if sender else []), *recipients, stdin=message)


def fields_of(line):
    """key=value and key="quoted value" of one log line."""
    try:
        words = shlex.split(line)
    except ValueError:
        return {}
    return dict(word.split("=", 1) for word in words if "=" in word)
