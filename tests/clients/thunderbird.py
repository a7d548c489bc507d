#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Drives a real Thunderbird: a profile with one POP3 account, no network but loopback, and its own remote control.

Thunderbird runs without a window (its own headless mode) and is told what to do over Marionette, the remote control
that every Thunderbird has built in. The scripts call what the buttons call: Get Messages, Delete. The password goes into
Thunderbird's own password store, so that a later start logs in by itself.

By hand: tests/clients/thunderbird.py runs all scenarios against a server of its own and says what it sees. With
--window Thunderbird shows itself on $DISPLAY.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.account import Account  # noqa: E402
from support.generator import Generator, edge_messages  # noqa: E402
from support.messages import real_messages  # noqa: E402
from support.octets import as_delivered, assert_same_set, header_of, to_crlf, without_trace  # noqa: E402
from support.posthouse import Server  # noqa: E402
from support.process import WITH_US, end, program, run  # noqa: E402

START_SECONDS = 120
ACTION_SECONDS = 120
SOCKET_TYPES = {"none": 0, "starttls": 2, "implicit": 3}

# No first-run pages, no updates, no telemetry, no start page, no call to anywhere.
QUIET = {
    "app.donation.eoy.version.viewed": 999,
    "app.normandy.enabled": False,
    "app.shield.optoutstudies.enabled": False,
    "app.update.auto": False,
    "app.update.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.xul.error_pages.enabled": True,
    "calendar.timezone.local": "UTC",
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "mail.chat.enabled": False,
    "mail.inappnotifications.enabled": False,
    "mail.provider.enabled": False,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spam.manualMark": False,
    "mail.ui.show.migration.on.upgrade": False,
    "mail.winsearch.firstRunDone": True,
    "mailnews.database.global.indexer.enabled": False,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.prefetch-next": False,
    "network.trr.mode": 5,
    "security.OCSP.enabled": 0,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "data:,",
    "toolkit.telemetry.unified": False,
    "marionette.port": 0,
    # What a person would have to click away.
    "mail.purge.ask": False,
    "mail.prompt_purge_threshhold": False,
    "mail.warn_on_shift_delete": False,
}


class Profile:
    """A profile directory with one POP3 account (account1), its outgoing server and Local Folders."""

    def __init__(self, account, tls="none", **settings):
        """`settings` are preferences of the account's server, such as leave_on_server=True."""
        self.account = account
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="posthouse-thunderbird-"))
        self.path = self.directory / "profile"
        self.path.mkdir()
        listener = "implicit" if tls == "implicit" else "starttls"
        self.host, port = account.server.address("pop3", listener)
        self.outgoing = {
            "hostname": self.host, "port": account.server.port("submission", listener), "username": account.user,
            "try_ssl": SOCKET_TYPES[tls], "authMethod": 3,
        }
        self.server = {
            "type": "pop3", "hostname": self.host, "port": port, "userName": account.user, "name": account.user,
            "socketType": SOCKET_TYPES[tls], "authMethod": 3, "login_at_startup": False, "check_new_mail": False,
            "download_on_biff": True, "spamLevel": 0, **settings,
        }
        self.trust(account.server.authority.certificate)
        self.write()

    def write(self):
        preferences = {
            **QUIET,
            "mail.accountmanager.accounts": "account1,account2",
            "mail.accountmanager.defaultaccount": "account1",
            "mail.accountmanager.localfoldersserver": "server2",
            "mail.account.account1.server": "server1", "mail.account.account1.identities": "id1",
            "mail.account.account2.server": "server2",
            "mail.identity.id1.fullName": "Tester", "mail.identity.id1.useremail": self.account.user,
            "mail.identity.id1.valid": True, "mail.identity.id1.smtpServer": "smtp1", "mail.identity.id1.fcc": False,
            "mail.smtpservers": "smtp1", "mail.smtp.defaultserver": "smtp1",
            **{f"mail.smtpserver.smtp1.{key}": value for key, value in self.outgoing.items()},
            **{f"mail.server.server1.{key}": value for key, value in self.server.items()},
            "mail.server.server2.type": "none", "mail.server.server2.hostname": "Local Folders",
            "mail.server.server2.userName": "nobody", "mail.server.server2.name": "Local Folders",
            "mail.server.server2.directory-rel": "[ProfD]Mail/Local Folders",
        }
        lines = [f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in preferences.items()]
        (self.path / "user.js").write_text("".join(lines), encoding="utf-8")

    def set(self, **settings):
        """Takes effect at the next start."""
        self.server.update(settings)
        self.write()

    def trust(self, certificate):
        """The test's authority among those that this profile trusts."""
        run("certutil", "-N", "-d", f"sql:{self.path}", "--empty-password")
        run("certutil", "-A", "-d", f"sql:{self.path}", "-n", "Posthouse test authority", "-t", "C,,", "-i", certificate)

    def messages(self):
        """The messages in Thunderbird's own Inbox file, as fetched, in CRLF form."""
        path = self.path / "Mail" / self.host / "Inbox"
        return list(read_mbox(path.read_bytes())) if path.exists() else []

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


ENTRY = re.compile(rb"^From - [^\r\n]*\r?\n", re.MULTILINE)
OWN_FIELDS = re.compile(rb"X-Account-Key: account1\r?\nX-UIDL: [^\r\n]*\r?\nX-Mozilla-Status: ([0-9a-f]{4})\r?\n"
                        rb"X-Mozilla-Status2: [0-9a-f]{8}\r?\nX-Mozilla-Keys:[^\r\n]*\r?\n")
EXPUNGED = 0x0008


def read_mbox(data):
    """Thunderbird writes a From line, fields of its own, the message, and an empty line. It writes LF at line ends and puts
    a > before From, >From, >>From at the start of a line."""
    starts = list(ENTRY.finditer(data))
    assert starts or not data, f"not an mbox: {data[:200]!r}"
    ends = [match.start() for match in starts[1:]] + [len(data)]
    for match, end_of_entry in zip(starts, ends):
        entry = data[match.end():end_of_entry]
        own = OWN_FIELDS.match(entry)
        assert own, f"an entry begins with {entry[:300]!r}"
        if int(own.group(1), 16) & EXPUNGED:
            continue
        message = re.sub(rb"\r?\n\Z", b"", entry[own.end():])
        yield to_crlf(re.sub(rb"(?m)^>(>*From )", rb"\1", message))


class Marionette:
    """Thunderbird's remote control: JSON messages with their length in front, on a loopback port."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ACTION_SECONDS + 30)
        self.reader = self.socket.makefile("rb")
        self.count = 0
        self.read()

    def read(self):
        length = b""
        while not length.endswith(b":"):
            octet = self.reader.read(1)
            assert octet, "Thunderbird closed its remote control"
            length += octet
        return json.loads(self.reader.read(int(length[:-1])))

    def command(self, name, **parameters):
        self.count += 1
        message = json.dumps([0, self.count, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self.read()
        assert not error, f"{name}: {error.get('error')}: {error.get('message')}"
        return result

    def close(self):
        self.reader.close()
        self.socket.close()


# Names that every script below may use.
PRELUDE = """
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const server = MailServices.accounts.getIncomingServer("server1");
const inbox = server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
const { msgWindow } = Services.wm.getMostRecentWindow("mail:3pane");
const headers = () => [...inbox.messages];
"""


class Thunderbird:
    """One run of Thunderbird on a profile: start, act, quit."""

    def __init__(self, profile, headless=True):
        self.profile = profile
        self.log_path = profile.directory / "thunderbird.log"
        port_file = profile.path / "MarionetteActivePort"
        port_file.unlink(missing_ok=True)
        environment = dict(os.environ, HOME=str(profile.directory), LC_ALL="C.UTF-8", MOZ_CRASHREPORTER_DISABLE="1")
        command = [*WITH_US, program("thunderbird"), "--no-remote", "--profile", str(profile.path), "--marionette",
                   "--remote-allow-system-access"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command + (["--headless"] if headless else []), env=environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        try:
            self.wait(lambda: port_file.exists() and port_file.read_text().strip(), "Thunderbird does not start", START_SECONDS)
            self.remote = Marionette(int(port_file.read_text()))
            self.remote.command("WebDriver:NewSession")
            self.remote.command("Marionette:SetContext", value="chrome")
            self.remote.command("WebDriver:SetTimeouts", script=ACTION_SECONDS * 1000)
            self.wait(self.has_window, "Thunderbird shows no window", START_SECONDS)
        except BaseException:
            end(self.process, 0)
            raise

    def has_window(self):
        handles = self.remote.command("WebDriver:GetWindowHandles")
        if not handles:
            return False
        self.remote.command("WebDriver:SwitchToWindow", handle=handles[0])
        return self.script("return window.location.href.endsWith('messenger.xhtml') && document.readyState == 'complete'"
                           " && !!msgWindow && !!inbox;")

    def wait(self, condition, otherwise, seconds=ACTION_SECONDS):
        deadline = time.monotonic() + seconds
        while True:
            result = condition()
            if result:
                return result
            assert self.process.poll() is None, f"Thunderbird ended with {self.process.returncode}\n{self.log()}"
            assert time.monotonic() < deadline, f"{otherwise}\n{self.log()}"
            time.sleep(0.1)

    def log(self):
        lines = self.log_path.read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if line and "gtk" not in line.lower()][-40:])

    def script(self, text, *words):
        return self.remote.command("WebDriver:ExecuteScript", script=PRELUDE + text, args=list(words), sandbox="system")["value"]

    def wait_for(self, text, *words):
        """A script whose last argument, `done`, is called with the result."""
        head = PRELUDE + "const done = arguments[arguments.length - 1];"
        return self.remote.command("WebDriver:ExecuteAsyncScript", script=head + text, args=list(words), sandbox="system")["value"]

    def store_password(self):
        """For fetching and for sending."""
        for scheme in ("mailbox", "smtp"):
            self.wait_for("""
                const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
                login.init(arguments[0], null, arguments[0], arguments[1], arguments[2], "", "");
                Services.logins.addLoginAsync(login).then(() => done(true));
                """, f"{scheme}://{self.profile.host}", self.profile.account.user, self.profile.account.password)

    def get_messages(self):
        """The Get Messages button; returns when the session with the server is over."""
        status = self.wait_for("""
            inbox.getNewMessages(msgWindow, {
              OnStartRunningUrl() {},
              OnStopRunningUrl(url, status) { done(status); },
            });""")
        assert status == 0, f"Get Messages ended with {status:#x}\n{self.log()}"

    def count(self):
        return self.script("return inbox.getTotalMessages(false);")

    def wait_for_count(self, count):
        """Until the Inbox has so many messages and the session with the server is over."""
        self.wait(lambda: self.script("return !server.serverBusy && inbox.getTotalMessages(false) == arguments[0];", count),
                  f"Thunderbird has {self.count()} messages, not {count}")

    def delete(self, *message_ids):
        """Deletes messages, named by their Message-ID without brackets, as Delete does: they go to the Trash."""
        result = self.wait_for("""
            const chosen = headers().filter(header => arguments[0].includes(header.messageId));
            if (chosen.length != arguments[0].length) {
              done(`${chosen.length} found`);
              return;
            }
            inbox.deleteMessages(chosen, msgWindow, false, false, {
              onStartCopy() {}, onProgress() {}, setMessageKey() {}, getMessageId() {},
              onStopCopy(status) { done(status); },
            }, true);
            """, list(message_ids))
        assert result == 0, f"Delete of {message_ids}: {result}"

    def send(self, message, recipient):
        """Sends a message that is complete already, as Send Later's Send does, over the account's outgoing server."""
        path = self.profile.directory / "outgoing.eml"
        path.write_bytes(message)
        result = self.wait_for("""
            const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
            file.initWithPath(arguments[0]);
            const identity = MailServices.accounts.getIdentity("id1");
            const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
            fields.from = identity.email;
            fields.to = arguments[1];
            Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend).sendMessageFile(
              identity, "account1", fields, file, false, false, Ci.nsIMsgSend.nsMsgDeliverNow, null, {
                onStartSending() {}, onProgress() {}, onSendProgress() {}, onStatus() {}, onGetDraftFolderURI() {},
                onSendNotPerformed() {}, onTransportSecurityError() {},
                onStopSending(id, status) { done(status); },
              }, "");
            """, str(path), recipient)
        assert result == 0, f"sending ended with {result:#x}\n{self.log()}"

    def want_whole(self, *message_ids):
        """Marks messages whose header alone is here: the next Get Messages brings the rest."""
        self.script("""
            const chosen = headers().filter(header => arguments[0].includes(header.messageId));
            const fetchBody = 2;  // POP3_FETCH_BODY of Thunderbird's nsPop3Sink
            inbox.QueryInterface(Ci.nsIMsgLocalMailFolder).markMsgsOnPop3Server(chosen, fetchBody);
            """, list(message_ids))

    def quit(self):
        """As File, Quit: what is to be written is written."""
        self.remote.command("Marionette:Quit", flags=["eAttemptQuit"])
        self.remote.close()
        try:
            self.process.wait(60)
        finally:
            end(self.process, 0)
        assert self.process.returncode == 0, f"Thunderbird ended with {self.process.returncode}\n{self.log()}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.quit()
        else:
            end(self.process, 0)


# ---- Scenarios: each takes a user with an empty maildrop. The tests run them one by one, main() runs all. ----


def corpus(seed):
    """Real, odd and generated messages, and a large one."""
    generator = Generator(seed)
    return [*edge_messages().values(), *real_messages().values(), *generator.messages(20), generator.of_size(5_000_000)]


def assert_inbox(profile, messages):
    """Thunderbird's Inbox file holds exactly these messages."""
    assert_same_set([without_trace(data) for data in profile.messages()], [as_delivered(data) for data in messages])


@contextlib.contextmanager
def profile_of(account, tls, **settings):
    profile = Profile(account, tls, **settings)
    try:
        yield profile
    finally:
        profile.remove()


def leaves_on_server_and_fetches_only_the_new(account, tls="none", headless=True, say=print):
    first, second = corpus(91), Generator(92).messages(7)
    with profile_of(account, tls, leave_on_server=True) as profile:
        account.deliver(*first)
        with Thunderbird(profile, headless) as thunderbird:
            thunderbird.store_password()
            thunderbird.get_messages()
            assert thunderbird.count() == len(first)
            thunderbird.get_messages()
            assert thunderbird.count() == len(first), "fetched again what it had"
        assert_inbox(profile, first)
        account.assert_holds(*first)
        say(f"fetched {len(first)} messages; each is octet-exact in the Inbox file and still on the server")

        account.deliver(*second)
        profile.set(login_at_startup=True)
        with Thunderbird(profile, headless) as thunderbird:
            thunderbird.wait_for_count(len(first) + len(second))
        assert_inbox(profile, first + second)
        account.assert_holds(*first, *second)
        say(f"started again, it logged in by itself and fetched only the {len(second)} new messages")


def deletes_from_server_after_fetching(account, tls="none", headless=True, say=print):
    first, second = corpus(93), Generator(94).messages(5)
    with profile_of(account, tls, leave_on_server=False) as profile:
        account.deliver(*first)
        with Thunderbird(profile, headless) as thunderbird:
            thunderbird.store_password()
            thunderbird.get_messages()
            assert account.count() == 0
            account.deliver(*second)
            thunderbird.get_messages()
            assert account.count() == 0
        assert_inbox(profile, first + second)
        say(f"fetched {len(first)} and then {len(second)} messages and deleted them from the server")


def deletes_from_server_what_is_deleted_here(account, tls="none", headless=True, say=print):
    messages = Generator(95).messages(6)
    gone = messages[1], messages[4]
    rest = [message for message in messages if message not in gone]
    with profile_of(account, tls, leave_on_server=True, delete_mail_left_on_server=True) as profile:
        account.deliver(*messages)
        uidl = account.uidl()
        with Thunderbird(profile, headless) as thunderbird:
            thunderbird.store_password()
            thunderbird.get_messages()
            account.assert_holds(*messages)
            thunderbird.delete(*map(message_id, gone))
            thunderbird.get_messages()
            assert thunderbird.count() == len(rest)
        account.assert_holds(*rest)
        assert account.uidl() == [uid for uid, message in zip(uidl, messages) if message in rest]
        assert_inbox(profile, rest)
        say(f"deleted {len(gone)} messages in Thunderbird; they are gone from the server, the others are there")


def fetches_headers_first(account, tls="none", headless=True, say=print):
    """Headers only (TOP), then the whole of one message that is wanted (RETR)."""
    messages = [as_delivered(message) for message in (*edge_messages().values(), *Generator(96).messages(5))]
    wanted = messages[-1]
    with profile_of(account, tls, leave_on_server=True, headers_only=True) as profile:
        account.deliver(*messages)
        with Thunderbird(profile, headless) as thunderbird:
            thunderbird.store_password()
            thunderbird.get_messages()
            assert thunderbird.count() == len(messages), thunderbird.count()
            assert_inbox(profile, [top_of(message) for message in messages])
            thunderbird.want_whole(message_id(wanted))
            thunderbird.get_messages()
        # The entry with the header alone stays beside the whole message.
        assert_inbox(profile, [top_of(message) for message in messages] + [wanted])
        account.assert_holds(*messages)
        say(f"fetched the headers of {len(messages)} messages and then the whole of one")


def sends_to_itself(account, tls="none", headless=True, say=print):
    # With a date, so that the server has nothing to add to what is submitted.
    dated = [b"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n" + edge_messages()[name]
             for name in ("dots", "lone-dots", "empty-body", "no-final-newline", "line-of-998")]
    messages = dated + Generator(97).messages(5)
    with profile_of(account, tls, leave_on_server=True) as profile:
        with Thunderbird(profile, headless) as thunderbird:
            thunderbird.store_password()
            for message in messages:
                thunderbird.send(message, account.user)
            account.assert_holds(*messages)
            thunderbird.get_messages()
        assert_inbox(profile, messages)
        say(f"sent {len(messages)} messages to itself and fetched them")


def top_of(message):
    """What TOP 0 gives: the header, and its empty line where there is one."""
    header = header_of(message)
    return message[:len(header) + 2]


def message_id(message):
    return re.search(rb"^Message-ID: <(.*)>\r$", message, re.MULTILINE).group(1).decode()


SCENARIOS = [leaves_on_server_and_fetches_only_the_new, deletes_from_server_after_fetching,
             deletes_from_server_what_is_deleted_here, fetches_headers_first, sends_to_itself]


def main():
    parser = argparse.ArgumentParser(description="Run a real Thunderbird against a real server.")
    parser.add_argument("--tls", choices=SOCKET_TYPES, action="append", help="only so secured; default: all three ways")
    parser.add_argument("--window", action="store_true", help="show Thunderbird on $DISPLAY")
    arguments = parser.parse_args()
    with Server() as server:
        server.domain_add("example.org")
        for tls in arguments.tls or SOCKET_TYPES:
            for number, scenario in enumerate(SCENARIOS, 1):
                account = Account(server, f"{tls}{number}@example.org", "correct-horse-battery")
                server.user_add(account.user, account.password)
                scenario(account, tls, not arguments.window, lambda text, tls=tls: print(f"{tls}: {text}", flush=True))
    print("Thunderbird: all well")


if __name__ == "__main__":
    main()
