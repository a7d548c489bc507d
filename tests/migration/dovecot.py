# SPDX-License-Identifier: Apache-2.0
"""A real Dovecot (Debian's packages) on Maildirs, with a configuration, a directory and ports of its own; the system's service is
never touched. Everybody's password is PASSWORD. Its POP3 port may be given, so that clients find the next server where this one
was."""

import contextlib
import imaplib
import os
import pathlib
import poplib
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time

from support.account import SENDER, retrieve
from support.process import WITH_US, end, program

PASSWORD = "correct-horse-battery"
START_SECONDS = 60
imaplib._MAXLINE = 10 << 20  # pylint: disable=protected-access


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Dovecot:
    def __init__(self, pop3_port=None, settings=""):
        """`settings` are lines of dovecot.conf, behind the others."""
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="posthouse-dovecot-"))
        self.mail = self.directory / "mail"
        self.mail.mkdir()
        self.directory.chmod(0o755)
        self.log = self.directory / "dovecot.log"
        is_root = os.geteuid() == 0
        own = pwd.getpwuid(os.geteuid()).pw_name
        internal, login, mail = ("dovecot", "dovenull", "mail") if is_root else (own, own, own)
        self.owner = pwd.getpwnam(mail)
        if is_root:
            os.chown(self.mail, self.owner.pw_uid, self.owner.pw_gid)
        self.ports = {"pop3": pop3_port or free_port(), "imap": free_port(), "lmtp": free_port()}
        self.config = self.directory / "dovecot.conf"
        no_chroot = "" if is_root else "  chroot =\n"
        self.config.write_text(f"""
base_dir = {self.directory}/run
state_dir = {self.directory}/state
log_path = {self.log}
protocols = lmtp pop3 imap
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal}
default_login_user = {login}
first_valid_uid = 0
first_valid_gid = 0
mail_uid = {mail}
mail_gid = {mail}
mail_location = maildir:~/Maildir
mail_max_userip_connections = 0
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
namespace inbox {{
  inbox = yes
  separator = .
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={mail} gid={mail} home={self.mail}/%Lu allow_all_users=yes
}}
service pop3-login {{
{no_chroot}  inet_listener pop3 {{
    port = {self.ports["pop3"]}
  }}
}}
service imap-login {{
{no_chroot}  inet_listener imap {{
    port = {self.ports["imap"]}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {self.ports["lmtp"]}
  }}
}}
service anvil {{
{no_chroot}}}
{settings}
""", encoding="utf-8")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [*WITH_US, program("dovecot"), "-F", "-c", self.config], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while not all(answers(port) for port in self.ports.values()):
            assert self.process.poll() is None and time.monotonic() < deadline, self.log_text()
            time.sleep(0.05)
        return self

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            finally:
                end(self.process, 0)
            self.process = None

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else "Dovecot said nothing"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def maildir(self, user):
        return self.mail / user / "Maildir"

    def adopt(self, user, maildir):
        """Serves a Maildir that another program made."""
        home = self.mail / user
        home.mkdir()
        shutil.copytree(maildir, home / "Maildir", symlinks=True)
        for path in [home, *home.rglob("*")]:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)

    # ---- What clients do ----

    def deliver(self, user, *messages):
        with smtplib.LMTP("127.0.0.1", self.ports["lmtp"], local_hostname="client.example.net", timeout=60) as client:
            for message in messages:
                refused = client.sendmail(SENDER, [user], message)
                assert refused == {}, refused

    @contextlib.contextmanager
    def imap(self, user):
        client = imaplib.IMAP4("127.0.0.1", self.ports["imap"], timeout=60)
        client.login(user, PASSWORD)
        try:
            yield client
        finally:
            client.logout()

    @contextlib.contextmanager
    def pop3(self, user):
        client = poplib.POP3("127.0.0.1", self.ports["pop3"], timeout=60)
        client.user(user)
        client.pass_(PASSWORD)
        yield client
        client.quit()

    def uidl(self, user):
        with self.pop3(user) as client:
            return [line.split()[1].decode() for line in client.uidl()[1]]

    def fetch(self, user):
        with self.pop3(user) as client:
            return [retrieve(client, number) for number in range(1, client.stat()[0] + 1)]

    def state(self, user):
        """{mailbox: (UIDVALIDITY, UIDNEXT, [(UID, flags and keywords, internal date, octets)])} as IMAP shows it."""
        state = {}
        with self.imap(user) as client:
            for line in client.list()[1]:
                flags, name = line.decode().split(' "." ')
                name = name.strip('"')
                if "\\Noselect" in flags or "\\NonExistent" in flags:
                    continue
                ok, _ = client.select(f'"{name}"', readonly=True)
                assert ok == "OK", name
                validity = int(client.response("UIDVALIDITY")[1][0])
                uid_next = int(client.response("UIDNEXT")[1][0])
                state[name] = (validity, uid_next, [message_of(part) for part in fetch_all(client)])
        return state


def fetch_all(client):
    ok, parts = client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")
    assert ok == "OK"
    return [part for part in parts if isinstance(part, tuple)]


def message_of(part):
    head = part[0]
    uid = int(head.split(b"UID ")[1].split()[0])
    flags = frozenset(flag for flag in imaplib.ParseFlags(head) if flag != b"\\Recent")
    return uid, flags, time.mktime(imaplib.Internaldate2tuple(head)), part[1]


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
