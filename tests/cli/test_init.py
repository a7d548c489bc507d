# SPDX-License-Identifier: Apache-2.0
"""`posthouse init`: from answers, by option or on a terminal, to a server that runs."""

import hashlib
import json
import os
import poplib
import pty
import re
import ssl
import subprocess

import pytest
import yaml

from support.posthouse import BINARY, Server

PASSWORD = "correct-horse-battery"
PORTS = "smtp=0,submission=none,submissions=0,pop3=none,pop3s=0,imap=none,imaps=0"


class Setup:
    """A directory to set a server up in."""

    def __init__(self, directory):
        self.directory = directory
        self.config = directory / "etc" / "posthouse.yaml"
        self.data = directory / "data"
        self.certificate = directory / "etc" / "tls" / "mx.example.org.pem"
        self.key = self.certificate.with_suffix(".key")

    def words(self, *more):
        return [str(word) for word in (BINARY, "--config", self.config, "init", "--data-dir", self.data, *more)]

    def init(self, *more, stdin=b""):
        words = self.words("--hostname", "mx.example.org", "--address", "127.0.0.1", "--ports", PORTS, *more)
        return subprocess.run(words, input=stdin, capture_output=True, timeout=60)

    def full(self, *more):
        return self.init("--domain", "example.org", "--user", "alice", "--password-stdin", *more,
                         stdin=PASSWORD.encode() + b"\n")

    def cli(self, *words):
        result = subprocess.run([BINARY, "--config", self.config, *words], capture_output=True, timeout=60)
        assert result.returncode == 0, result.stderr
        return result.stdout.decode()


@pytest.fixture
def setup(tmp_path):
    return Setup(tmp_path)


def test_what_it_writes_works(setup):
    result = setup.full()
    assert result.returncode == 0, result.stderr
    assert setup.cli("check-config") == f"{setup.config}: ok\n"
    assert setup.cli("user", "list") == "alice@example.org\n"
    server = Server()
    try:
        server.config = yaml.safe_load(setup.config.read_text())
        server.config_path = setup.config
        server.start()
        host, port = server.address("pop3", "implicit")
        # Whoever trusts the certificate finds the host's name in it.
        trust = ssl.create_default_context(cafile=str(setup.certificate))
        trust.check_hostname = False
        client = poplib.POP3_SSL(host, port, context=trust, timeout=60)
        assert ("DNS", "mx.example.org") in client.sock.getpeercert()["subjectAltName"]
        client.user("alice@example.org")
        client.pass_(PASSWORD)
        assert client.stat() == (0, 0)
        client.quit()
    finally:
        server.close()


def test_records(setup):
    answer = json.loads(setup.full("--json").stdout)
    der = ssl.PEM_cert_to_DER_cert(setup.certificate.read_text())
    public = subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-pubkey"], input=der, capture_output=True)
    spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=public.stdout, capture_output=True).stdout
    fixed = [line for line in answer["records"] if not re.search(r" IN (A|AAAA)\b", line)]
    assert fixed == [
        "example.org. IN MX 10 mx.example.org.",
        'example.org. IN TXT "v=spf1 mx -all"',
        "_submission._tcp.example.org. IN SRV 0 0 0 .",
        "_submissions._tcp.example.org. IN SRV 0 1 0 mx.example.org.",
        "_pop3._tcp.example.org. IN SRV 0 0 0 .",
        "_pop3s._tcp.example.org. IN SRV 0 1 0 mx.example.org.",
        "_imap._tcp.example.org. IN SRV 0 0 0 .",
        "_imaps._tcp.example.org. IN SRV 0 1 0 mx.example.org.",
        f"_0._tcp.mx.example.org. IN TLSA 3 1 1 {hashlib.sha256(spki).hexdigest()}",
    ]
    assert len(answer["records"]) > len(fixed)
    assert answer["certificate_is_new"] is True


def test_standard_ports_and_all_addresses(setup):
    assert subprocess.run(setup.words("--hostname", "mx.example.org"), stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
    listeners = yaml.safe_load(setup.config.read_text())["listeners"]
    ours = [(one["protocol"], one["tls"], one["address"]) for one in listeners if one["address"].startswith("0.0.0.0")]
    assert ours == [
        ("smtp", "starttls", "0.0.0.0:25"), ("submission", "starttls", "0.0.0.0:587"), ("submission", "implicit", "0.0.0.0:465"),
        ("pop3", "starttls", "0.0.0.0:110"), ("pop3", "implicit", "0.0.0.0:995"),
        ("imap", "starttls", "0.0.0.0:143"), ("imap", "implicit", "0.0.0.0:993")]


def test_files_are_for_those_who_need_them(setup):
    setup.full()
    assert setup.key.stat().st_mode & 0o007 == 0
    assert setup.certificate.stat().st_mode & 0o777 == 0o644
    assert setup.data.stat().st_mode & 0o777 == 0o700


def test_nothing_is_overwritten(setup):
    assert setup.full().returncode == 0
    was, key = setup.config.read_bytes() + b"# edited\n", setup.key.read_bytes()
    setup.config.write_bytes(was)

    again = setup.full()
    assert again.returncode == 73
    assert b"--force" in again.stderr
    assert setup.config.read_bytes() == was

    forced = setup.full("--force", "--json")
    assert forced.returncode == 0
    assert setup.config.read_bytes() != was
    assert (setup.config.parent / "posthouse.yaml.old").read_bytes() == was
    # What exists already is as it should be.
    assert json.loads(forced.stdout)["certificate_is_new"] is False
    assert setup.key.read_bytes() == key
    assert setup.cli("user", "list") == "alice@example.org\n"


def test_files_of_an_acme_client(setup):
    setup.full()
    other = Setup(setup.directory / "other")
    result = other.init("--certificate", setup.certificate, "--key", setup.key)
    assert result.returncode == 0, result.stderr
    assert yaml.safe_load(other.config.read_text())["tls"]["certificates"] == [
        {"certificate": str(setup.certificate), "key": str(setup.key)}]
    assert not other.certificate.exists()


def test_a_certificate_that_cannot_be_used_leaves_nothing(setup):
    setup.full()
    other = Setup(setup.directory / "other")
    result = other.init("--certificate", setup.certificate, "--key", setup.certificate)
    assert result.returncode != 0
    assert list(other.config.parent.iterdir()) == []


@pytest.mark.parametrize("words", [
    ["--hostname", "mx"], ["--hostname", "-mx.example.org"], ["--hostname", "mx.example.org\nlisteners: []"],
    ["--ports", "smtp"], ["--ports", "nntp=119"], ["--ports", "smtp=65536"],
    ["--address", "localhost"], ["--address", ""], ["--address", "192.0.2.1/24"],
    ["--data-dir", "data"], ["--data-dir", '/a"b'], ["--certificate", "/x.pem"], ["--key", "/x.key"],
    ["--domain", "exa mple.org"], ["--user", "alice"], ["--domain", "example.org", "--user", "alice"],
])
def test_wrong_answers_write_nothing(setup, words):
    result = setup.init(*words)
    assert result.returncode in (64, 65), result.stderr
    assert result.stderr
    assert not setup.directory.joinpath("etc").exists()
    assert not setup.data.exists()


def test_on_a_terminal_it_asks(setup):
    parent, child = pty.openpty()
    process = subprocess.Popen(setup.words("--address", "127.0.0.1"), stdin=child, stdout=child, stderr=child,
                               start_new_session=True)
    os.close(child)
    shown = b""

    def answer(question, text):
        nonlocal shown
        while question not in shown:
            shown += os.read(parent, 4096)
        shown = shown.split(question, 1)[1]
        os.write(parent, text + b"\n")

    answer(b"Name of this host", b"mx.example.org")
    answer(b"[example.org]: ", b"")
    answer(b"First user, or none [postmaster]: ", b"alice")
    answer(b"imaps=993]: ", PORTS.encode())
    answer(b"[none]: ", b"")
    answer(b"Password: ", PASSWORD.encode())
    answer(b"Again: ", PASSWORD.encode())
    try:
        while os.read(parent, 4096):
            pass
    except OSError:
        pass  # the other side is closed
    os.close(parent)
    assert process.wait(60) == 0
    assert setup.cli("user", "list") == "alice@example.org\n"
    assert len(yaml.safe_load(setup.config.read_text())["listeners"]) == 4
