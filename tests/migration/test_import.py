# SPDX-License-Identifier: Apache-2.0
"""posthouse import: what it reads, what it keeps, what it says, and that it can be run again."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import USER
from maildirs import add_file, make_maildir, make_mbox
from support.generator import Generator, edge_messages
from support.messages import real_messages
from support.octets import to_crlf
from support.process import WITH_US

BOB = "bob@example.org"


def octets_of(store, user=USER, mailbox="INBOX"):
    """All messages of a mailbox, in its order, as they are stored."""
    lines = store.cli("message", "list", user, "--mailbox", mailbox).stdout.decode().splitlines()
    return [store.cli("message", "show", user, line.split("\t")[0], "--mailbox", mailbox).stdout for line in lines]


def mailboxes_of(store, user=USER):
    return {line.split("\t")[0]: int(line.split("\t")[1])
            for line in store.cli("mailbox", "list", user).stdout.decode().splitlines()}


def uidls_of(account):
    """With a server of its own; each is "-" if it is a message id."""
    account.server.start()
    uidls = account.uidl()
    account.server.stop()
    return ["-" if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uidl) else uidl for uidl in uidls]


# ---- Formats ----


def test_octets_of_every_message_are_kept(either, tmp_path):
    either.add()
    messages = [*edge_messages().values(), *real_messages().values(), *Generator(1).messages(20)]
    result = either.imports("--verify", USER, make_maildir(tmp_path / "m", messages))
    assert result["problems"] == [] and result["total"]["verified"] == len(messages)
    assert octets_of(either) == [to_crlf(message.replace(b"\r\n", b"\n")) for message in messages]


def test_large_messages(either, tmp_path):
    either.add()
    large = Generator(2).of_size(20_000_000)
    result = either.imports("--verify", USER, make_maildir(tmp_path / "m", [large, b"a: b\n\n", large]))
    assert result["total"]["verified"] == 3
    assert [hashlib.sha256(one).hexdigest() for one in octets_of(either)] == [
        hashlib.sha256(one).hexdigest() for one in (large, b"a: b\r\n\r\n", large)]


def test_a_message_that_is_too_large_is_named(store, tmp_path):
    store.config["limits"] = {"message_bytes": 1_000_000}
    store.write_config()
    store.add()
    result = store.imports(USER, make_maildir(tmp_path / "m", [b"a: b\n\nx\n", Generator(2).of_size(2_000_000)]), code=65)
    assert result["total"]["imported"] == 1 and "cur/1600000002.M2P1.host:2,S" in result["problems"][0]["where"]


def test_mbox(either, tmp_path):
    either.add()
    messages = [b"Subject: x\r\n\r\nFrom here\r\n>From there\r\n\r\nFrom \r\n", *Generator(3).messages(10)]
    result = either.imports("--verify", USER, make_mbox(tmp_path / "mbox", messages))
    assert result["format"] == "mbox" and result["problems"] == [] and result["total"]["verified"] == 11
    assert octets_of(either) == messages


def test_mbox_with_crlf(store, tmp_path):
    store.add()
    path = make_mbox(tmp_path / "mbox", Generator(3).messages(3))
    path.write_bytes(to_crlf(path.read_bytes()))
    assert store.imports(USER, path)["total"]["imported"] == 3
    assert octets_of(store) == Generator(3).messages(3)


def test_mbox_with_uids_and_flags(store, tmp_path):
    path = tmp_path / "mbox"
    path.write_bytes(
        b"From x Sun Nov 22 20:35:00 2026\nX-IMAP: 1700000000 9 work\nSubject: FOLDER INTERNAL DATA\n\nx\n\n"
        b"From x Sun Nov 22 20:35:00 2026\nX-UID: 3\nStatus: RO\nX-Keywords: work\nX-UIDL: abc\nSubject: a\n\n1\n\n"
        b"From x Sun Nov 22 20:35:00 2026\nX-UID: 7\nX-Status: AF\nSubject: b\n\n2\n")
    account = store.add()
    result = store.imports(USER, path)
    assert result["total"]["imported"] == 2 and result["mailboxes"][0]["keeps_uids"]
    assert octets_of(store) == [b"Subject: a\r\n\r\n1\r\n", b"Subject: b\r\n\r\n2\r\n"]
    assert uidls_of(account) == ["abc", "-"]
    store.exports(USER, tmp_path / "out")
    names = sorted(path.name.split(":2,")[1] for path in (tmp_path / "out/cur").iterdir())
    assert names == ["FR", "Sa"]
    assert re.match(r"3 V1700000000 N10\n3 Pabc W\d+ :.*\n7 P", (tmp_path / "out/dovecot-uidlist").read_text())


def test_eml(either, tmp_path):
    either.add()
    messages = Generator(4).messages(5)
    for number, message in enumerate(messages):
        (tmp_path / f"{number}.EML").write_bytes(message)
    (tmp_path / "notes.txt").write_bytes(b"no message")
    result = either.imports("--verify", USER, tmp_path)
    assert result["format"] == "eml" and result["total"]["verified"] == 5
    assert octets_of(either) == messages


def test_folders_and_their_names(either, tmp_path):
    either.add()
    maildir = make_maildir(tmp_path / "m", Generator(5).messages(2))
    for name in (".Work", ".Work.Sub", ".Entw&APw-rfe", ".&U,BTF2XlZyyKng-"):
        make_maildir(maildir / name, Generator(6).messages(3))
    either.imports(USER, maildir)
    assert mailboxes_of(either) == {"INBOX": 2, "Work": 3, "Work.Sub": 3, "Entwürfe": 3, "台北日本語": 3}
    either.imports("--mailbox", "Old", USER, maildir)
    assert mailboxes_of(either)["Old"] == 2 and mailboxes_of(either)["Old.Work.Sub"] == 3


def test_courier(store, tmp_path):
    """Courier's own names for what it served: UIDn-uidvalidity, UIDn, and the name of the file."""
    account = store.add()
    maildir = make_maildir(tmp_path / "m", [])
    (maildir / "dovecot-uidlist").unlink()
    for name in ("1600000001.M1P1.host:2,S", "1600000002.M2P1.host:2,", "1600000003.o'x.host:2,", "1600000004.M4P1.host:2,"):
        add_file(maildir / "cur" / name, b"Subject: %s\n\nx\n" % name.encode())
    (maildir / "courierpop3dsizelist").write_text(
        "/2 12 1700000000\n1600000001.M1P1.host:2,S 40 7:1700000000\n1600000002.M2P1.host:2, 40 8:0\n"
        "1600000003.o'x.host:2, 40 0:0\n1600000009.gone.host:2, 40 9:1700000000\n")
    (maildir / "courierimapuiddb").write_text("1 1650000000 9\n3 1600000001.M1P1.host\n5 1600000002.M2P1.host\n")
    result = store.imports(USER, maildir)
    assert result["problems"] == [] and result["mailboxes"][0]["keeps_uids"]
    assert uidls_of(account) == ["UID7-1700000000", "UID8", "1600000003.o+27x.host", "-"]
    store.exports(USER, tmp_path / "out")
    assert re.match(r"3 V1650000000 N\d+\n3 PUID7-1700000000 .*\n5 PUID8 ", (tmp_path / "out/dovecot-uidlist").read_text())


def test_there_and_back_by_mbox(store, tmp_path):
    """Everything but the last line end of a message without one."""
    store.add()
    store.add(BOB)
    messages = [message for message in Generator(7).messages(20)]
    maildir = make_maildir(tmp_path / "m", messages)
    (maildir / "dovecot-keywords").write_text("0 work\n")
    store.imports(USER, maildir)
    store.exports("--format", "mbox", USER, tmp_path / "out")
    result = store.imports("--verify", BOB, tmp_path / "out/INBOX")
    assert result["mailboxes"][0]["keeps_uids"] and result["total"]["verified"] == 20 and result["total"]["renumbered"] == 0
    assert octets_of(store, BOB) == messages
    store.exports("--format", "mbox", BOB, tmp_path / "again")
    assert (tmp_path / "again/INBOX").read_bytes() == (tmp_path / "out/INBOX").read_bytes()


# ---- Again ----


def test_twice_in_the_source_is_twice_in_the_store(either, tmp_path):
    """However often it is imported."""
    either.add()
    message = b"Subject: x\r\n\r\nthe same\r\n"
    maildir = make_maildir(tmp_path / "m", [message] * 3)
    mbox = make_mbox(tmp_path / "mbox", [message] * 4)
    for again in range(3):
        result = either.imports(USER, maildir)["total"]
        assert (result["imported"], result["present"]) == ((0, 3) if again else (3, 0))
        result = either.imports(USER, mbox)["total"]
        assert (result["imported"], result["present"]) == ((0, 4) if again else (4, 0))
    assert octets_of(either) == [message] * 7


def test_flags_that_change_make_no_new_message(store, tmp_path):
    store.add()
    maildir = make_maildir(tmp_path / "m", Generator(8).messages(3))
    store.imports(USER, maildir)
    for path in list((maildir / "cur").iterdir()):
        path.rename(maildir / "cur" / (path.name.split(":")[0] + ":2,FST"))
    assert store.imports(USER, maildir)["total"]["imported"] == 0


def test_what_was_deleted_stays_deleted(store, tmp_path):
    account = store.add()
    maildir = make_maildir(tmp_path / "m", Generator(9).messages(5))
    store.imports(USER, maildir)
    store.start()
    with account.pop3() as client:
        client.dele(2)
        client.dele(4)
    result = store.imports("--verify", USER, maildir)
    assert result["problems"] == []
    assert (result["total"]["present"], result["total"]["gone"], result["total"]["verified"]) == (5, 2, 3)
    assert account.count() == 3


@pytest.mark.parametrize("is_online", [False, True])
def test_killed_and_run_again(store, tmp_path, is_online):
    """kill -9 of the command, or of the server, at any moment: the next run brings what is missing, and nothing twice."""
    account = store.add()
    messages = [b"Subject: %d\r\n\r\n%s\r\n" % (number, b"x" * 4000) for number in range(3000)]
    maildir = make_maildir(tmp_path / "m", messages)
    if is_online:
        store.start()
    interrupted = 0
    for delay in (0.03, 0.08, 0.15, 0.25):
        command = subprocess.Popen(
            [*WITH_US, store.binary, "--config", store.config_path, "--json", "import", USER, maildir],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        if is_online:
            store.kill9()
            assert command.wait(60) in (0, 69, 75)
            store.start()
        else:
            interrupted += command.poll() is None
            command.send_signal(signal.SIGKILL)
            command.wait()
        assert 0 <= mailboxes_of(store)["INBOX"] <= 3000
    assert is_online or interrupted >= 2, "none was interrupted: the test saw nothing"
    result = store.imports("--verify", USER, maildir)
    assert result["problems"] == [] and result["total"]["verified"] == 3000 and result["total"]["renumbered"] == 0
    if not is_online:
        store.start()
    assert account.uidl() == [f"{uid:08x}{1700000000:08x}" for uid in range(1, 3001)]
    assert account.fetch() == messages


def test_deliveries_meanwhile_disturb_nothing(store, tmp_path):
    """What is delivered while it imports gets UIDs above all that the source may have; the others keep theirs."""
    account = store.add()
    maildir = make_maildir(tmp_path / "m", Generator(10).messages(40))
    store.imports("--mailbox", "Elsewhere", USER, maildir)
    store.start()
    half = tmp_path / "half"
    shutil.copytree(maildir, half)
    for path in sorted((half / "cur").iterdir())[20:]:
        path.unlink()
    store.imports(USER, half)
    account.deliver(*Generator(11).messages(3))
    result = store.imports(USER, maildir)["total"]
    assert (result["imported"], result["present"], result["renumbered"]) == (20, 20, 0)
    store.exports(USER, tmp_path / "out")
    uids = [int(line.split()[0]) for line in (tmp_path / "out/dovecot-uidlist").read_text().splitlines()[1:]]
    assert uids == list(range(1, 44))


def test_a_mailbox_with_mail_keeps_its_own_uids(store, tmp_path):
    account = store.add()
    store.start()
    account.deliver(*Generator(12).messages(2))
    result = store.imports(USER, make_maildir(tmp_path / "m", Generator(13).messages(3)))
    assert result["total"]["renumbered"] == 3 and not result["mailboxes"][0]["keeps_uids"]
    assert len(set(account.uidl())) == 5 and {f"{uid:08x}{1700000000:08x}" for uid in (1, 2, 3)} < set(account.uidl())


# ---- UIDLs ----


def test_a_uidl_that_another_message_has(store, tmp_path):
    """Dovecot may serve the same twice; a client would lose a message. The second shows its message id, and that is said."""
    account = store.add()
    maildir = make_maildir(tmp_path / "m", Generator(14).messages(3))
    lines = (maildir / "dovecot-uidlist").read_text().splitlines()
    (maildir / "dovecot-uidlist").write_text("\n".join([lines[0]] + [line.replace(" :", " Psame :") for line in lines[1:]]) + "\n")
    result = store.imports(USER, maildir, code=65)
    assert result["total"]["imported"] == 3 and result["total"]["uidls_lost"] == 2
    assert [problem["where"] for problem in result["problems"]] == ["cur/1600000002.M2P1.host:2,S", "cur/1600000003.M3P1.host:2,S"]
    assert uidls_of(account) == ["same", "-", "-"]


def test_uidls_are_lines_of_rfc_1939(store, tmp_path):
    account = store.add()
    maildir = make_maildir(tmp_path / "m", Generator(15).messages(4))
    uidls = ["~!\"x'", "x" * 70, "y" * 71, "z\x01"]
    lines = (maildir / "dovecot-uidlist").read_text().splitlines()
    (maildir / "dovecot-uidlist").write_text(
        "\n".join([lines[0]] + [line.replace(" :", f" P{uidl} :") for line, uidl in zip(lines[1:], uidls)]) + "\n")
    result = store.imports(USER, maildir, code=65)
    assert len(result["problems"]) == 2
    assert uidls_of(account) == [uidls[0], uidls[1], "-", "-"]


def test_an_id_of_another_store_is_a_uidl_like_any_other(store, tmp_path):
    """From Posthouse to Posthouse: clients keep what they have."""
    account = store.add()
    other = store.add(BOB)
    store.start()
    account.deliver(*Generator(16).messages(3))
    store.exports(USER, tmp_path / "out")
    store.imports("--verify", BOB, tmp_path / "out")
    assert other.uidl() == account.uidl()
    assert other.fetch() == account.fetch()
    # Into the same mailbox the messages come a second time; each keeps a UIDL of its own.
    assert store.imports(USER, tmp_path / "out", code=65)["total"]["uidls_lost"] == 3
    assert len(set(account.uidl())) == 6


def test_none_wanted(store, tmp_path):
    account = store.add()
    store.imports("--uidl-format", "none", USER, make_maildir(tmp_path / "m", Generator(17).messages(2)))
    assert uidls_of(account) == ["-", "-"]


# ---- The command ----


def test_a_dry_run_writes_nothing(either, tmp_path):
    either.add()
    maildir = make_maildir(tmp_path / "m", Generator(18).messages(3))
    make_maildir(maildir / ".Work", Generator(19).messages(2))
    result = either.imports("--dry-run", USER, maildir)
    assert result["dry_run"] and result["total"]["imported"] == 5
    assert mailboxes_of(either) == {"INBOX": 0}
    either.imports(USER, maildir)
    assert either.imports("--dry-run", USER, maildir)["total"]["present"] == 5


def test_in_bulk(either, tmp_path):
    either.add()
    either.add(BOB)
    make_maildir(tmp_path / "with blanks", Generator(20).messages(3))
    make_mbox(tmp_path / "mbox", Generator(21).messages(2))
    (tmp_path / "map").write_text(
        f"# user path\n{USER} {tmp_path}/with blanks\n\nnobody@example.org {tmp_path}/mbox\n{BOB}\t{tmp_path}/mbox\n"
        f"{BOB} {tmp_path}/none\n")
    result = either.cli("--json", "import", "--map", tmp_path / "map", check=False)
    assert result.returncode == 67, result.stderr
    accounts = json.loads(result.stdout)["accounts"]
    assert [account["total"]["imported"] for account in accounts] == [3, 0, 2, 0]
    assert [account.get("error", {}).get("class") for account in accounts] == [None, "not found", None, "invalid"]
    assert mailboxes_of(either) == {"INBOX": 3} and mailboxes_of(either, BOB) == {"INBOX": 2}


def test_usage(store, tmp_path):
    store.add()
    assert store.code("import", USER)[0] == 64
    assert store.code("import")[0] == 64
    assert store.code("import", "--map", "x", USER, "y")[0] == 64
    assert store.code("import", "--format", "pst", USER, "x")[0] == 64
    assert store.code("export", "--format", "eml", USER, "x")[0] == 64
    assert store.code("import", USER, tmp_path / "none")[0] == 65
    assert store.code("import", "--uidl-format", "%m", USER, tmp_path)[0] == 65
    assert store.code("import", "nobody@example.org", make_maildir(tmp_path / "m"))[0] == 67
    assert store.code("export", "nobody@example.org", tmp_path / "out")[0] == 67
    assert store.code("export", "--mailbox", "None", USER, tmp_path / "out")[0] == 67
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    assert store.code("export", USER, tmp_path / "full")[0] == 73
    assert store.code("import", "--map", tmp_path / "none")[0] == 65


def test_lines_and_progress(store, tmp_path):
    store.add()
    result = store.cli("import", USER, make_maildir(tmp_path / "m", Generator(22).messages(3)))
    assert result.stdout.decode() == f"{USER} INBOX: 3 found, 3 imported\n"
    assert re.fullmatch(rf"{USER}: 3 messages, \d+\.\d MB, in 0:\d\d, \d+/s\n", result.stderr.decode())


def test_a_bar_on_a_terminal(store, tmp_path):
    import pexpect

    store.add()
    maildir = make_maildir(tmp_path / "m", [b"Subject: %d\n\n%s\n" % (number, b"x" * 20000) for number in range(4000)])
    child = pexpect.spawn(str(store.binary), ["--config", str(store.config_path), "import", USER, str(maildir)],
                          timeout=120, dimensions=(24, 200))
    child.expect(rf"{USER} \[#*\.+\] +\d+ %  \d+/4000  [\d.]+ MB  \d+/s  \d+:\d\d left")
    child.expect("4000 found, 4000 imported")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_root_reads_as_root_and_writes_as_the_owner(store, tmp_path):
    """The Maildir is readable for root alone, the store belongs to the server's user: both as it should be. (For
    anybody but root the two are one.)"""
    owner = 8 if os.geteuid() == 0 else os.geteuid()
    store.add()
    maildir = make_maildir(tmp_path / "m", Generator(23).messages(20))
    maildir.chmod(0o700)
    for path in [store.directory, store.data_dir, *store.data_dir.rglob("*")]:
        os.chown(path, owner, 8 if owner == 8 else -1)
    assert store.imports("--verify", USER, maildir)["total"]["verified"] == 20
    assert {path.stat().st_uid for path in store.data_dir.rglob("*")} == {owner}
    store.exports(USER, tmp_path / "out")
    assert (tmp_path / "out/dovecot-uidlist").stat().st_uid == os.geteuid()
