# SPDX-License-Identifier: Apache-2.0
"""Sources that somebody has prepared, or that broke: refused or passed over, each named, and the rest is imported."""

import fcntl
import os
import socket
import threading
import time

from conftest import USER
from maildirs import add_file, make_maildir, make_mbox
from support.generator import Generator
from test_import import mailboxes_of, octets_of

SECRET = b"root:secret\n"


def problems(result):
    return {problem["where"]: problem["text"] for problem in result["problems"]}


def test_links_are_not_followed(either, tmp_path):
    """To a file, to a folder, for cur itself, and for the lists: who imports is root, and may read everything."""
    either.add()
    outside = make_maildir(tmp_path / "outside", [SECRET])
    (tmp_path / "secret").write_bytes(SECRET)
    maildir = make_maildir(tmp_path / "m", Generator(1).messages(2))
    (maildir / "cur/1600000009.link:2,").symlink_to(tmp_path / "secret")
    (maildir / ".Linked").symlink_to(outside)
    make_maildir(maildir / ".Half")
    (maildir / ".Half/cur").rmdir()
    (maildir / ".Half/cur").symlink_to(outside / "cur")
    make_maildir(maildir / ".Lists", [b"a: b\n\n"])
    (maildir / ".Lists/dovecot-keywords").symlink_to(tmp_path / "secret")
    result = either.imports(USER, maildir, code=65)
    found = problems(result)
    assert set(found) == {"cur/1600000009.link:2,", ".Linked", ".Half", ".Lists/dovecot-keywords"}
    assert all("symbolic link" in text for text in found.values())
    assert mailboxes_of(either) == {"INBOX": 2, "Lists": 1}
    assert all(SECRET.strip() not in message for message in octets_of(either))


def test_folders_in_directories(store, tmp_path):
    """Dovecot's LAYOUT=fs: a name for each that is a Maildir, however deep, and none behind a link."""
    store.add()
    outside = make_maildir(tmp_path / "outside", [SECRET])
    maildir = make_maildir(tmp_path / "m", Generator(1).messages(2))
    make_maildir(maildir / "Work", [b"a: b\n\n"])
    make_maildir(maildir / "Work/Sub", [b"a: b\n\n"] * 2)
    make_maildir(maildir / "none/of/these/Deep", [b"a: b\n\n"] * 3)
    make_maildir(maildir / "v1.0", [b"a: b\n\n"])
    make_maildir(maildir.joinpath(*["d"] * 30), [b"a: b\n\n"])
    (maildir / "Linked").symlink_to(outside)
    (maildir / "Work/Linked").symlink_to(outside)
    (maildir / "Work/notes").write_bytes(SECRET)
    result = store.imports(USER, maildir, code=65)
    assert set(problems(result)) == {"v1.0"}
    assert mailboxes_of(store) == {"INBOX": 2, "Work": 1, "Work.Sub": 2, "none.of.these.Deep": 3, "v1_0": 1}


def test_pipes_sockets_and_directories(store, tmp_path):
    store.add()
    maildir = make_maildir(tmp_path / "m", Generator(2).messages(1))
    os.mkfifo(maildir / "cur/1600000003.pipe:2,")
    (maildir / "cur/1600000004.directory:2,").mkdir()
    os.mkfifo(maildir / ".Pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(maildir / "new/1600000005.s"))
        result = store.imports(USER, maildir, code=65)
    assert set(problems(result)) == {"cur/1600000003.pipe:2,", "cur/1600000004.directory:2,", "new/1600000005.s"}
    assert result["total"]["imported"] == 1


def test_names_of_folders(store, tmp_path):
    store.add()
    maildir = make_maildir(tmp_path / "m", Generator(3).messages(1))
    bad = ["...", "..Up", ".a..b", ".&AAA-", ".&APw", ".a\x01b", ".\xff".encode("latin-1"), "." + "x" * 254, ".trailing."]
    for name in bad:
        make_maildir(maildir / os.fsdecode(name) if isinstance(name, bytes) else maildir / name, [b"a: b\n\n"])
    for name in (".INBOX.Sub", ".inbox.x", ".&AC4ALgAv-etc&AC8-passwd"):
        make_maildir(maildir / name, [b"a: b\n\n"])
    result = store.imports(USER, maildir, code=65)
    names = mailboxes_of(store)
    # "../etc/passwd" has empty levels and is refused; with other slashes a name is only a name.
    assert names == {"INBOX": 1, "INBOX.Sub": 1, "INBOX.x": 1, "x" * 254: 1}, names
    assert len(result["problems"]) == len(bad), result["problems"]


def test_a_slash_in_a_name_is_no_path(store, tmp_path):
    store.add()
    maildir = make_maildir(tmp_path / "m")
    make_maildir(maildir / ".&AC8-etc&AC8-passwd", [b"a: b\n\n"])
    store.imports(USER, maildir)
    assert mailboxes_of(store) == {"INBOX": 0, "/etc/passwd": 1}
    for form in ("maildir", "mbox"):
        store.exports("--format", form, USER, tmp_path / form)
    assert (tmp_path / "maildir/.&AC8-etc&AC8-passwd/cur").is_dir()
    assert (tmp_path / "mbox/&AC8-etc&AC8-passwd").is_file()


def test_lists_of_nonsense(store, tmp_path):
    """Whatever the lists say, the messages come in."""
    store.add()
    for number, text in enumerate([b"", b"\0" * 5000, b"3 V0 N0\n1 :x\n", b"9 9 9\n", b"3 V5 N2\n" + b"x" * 200000, os.urandom(5000)]):
        maildir = make_maildir(tmp_path / str(number), Generator(4).messages(2))
        for name in ("dovecot-uidlist", "dovecot-keywords", "courierpop3dsizelist", "courierimapuiddb"):
            (maildir / name).write_bytes(text)
        code, _ = store.code("import", "--mailbox", f"m{number}", USER, maildir)
        assert code in (0, 65)
        assert mailboxes_of(store)[f"m{number}"] == 2


def test_a_uid_twice_and_the_highest(store, tmp_path):
    store.add()
    maildir = make_maildir(tmp_path / "m", Generator(5).messages(3))
    (maildir / "dovecot-uidlist").write_text(
        "3 V5 N4294967295\n7 :1600000001.M1P1.host\n7 :1600000002.M2P1.host\n4294967295 :1600000003.M3P1.host\n")
    result = store.imports(USER, maildir, code=65)
    assert result["total"]["imported"] == 3 and result["total"]["failed"] == 0
    assert "1 lines make no sense" in problems(result)["dovecot-uidlist"]


def test_what_is_no_message_at_all(store, tmp_path):
    store.add()
    maildir = make_maildir(tmp_path / "m")
    odd = [b"", b"\0\0\0", b"\n", os.urandom(100000), b"\r" * 1000, b"x" * 3_000_000, b"a: b\n" * 100000]
    for number, octets in enumerate(odd):
        (maildir / f"cur/160000000{number}.x:2,").write_bytes(octets)
    result = store.imports("--verify", USER, maildir)
    assert result["total"]["verified"] == len(odd)


def test_what_is_no_mbox(store, tmp_path):
    store.add()
    for number, octets in enumerate([b"Subject: x\n\n", os.urandom(5000), b"\0" * 100]):
        path = tmp_path / str(number)
        path.write_bytes(octets)
        assert store.code("import", USER, path)[0] == 65
    (tmp_path / "empty").write_bytes(b"")
    assert store.imports(USER, tmp_path / "empty")["total"]["found"] == 0
    assert store.code("import", "--format", "mbox", USER, tmp_path)[0] == 65
    assert store.code("import", "--format", "maildir", USER, tmp_path / "empty")[0] == 65
    assert store.code("import", USER, tmp_path / "nothing-here")[0] == 65


def test_a_locked_mbox_is_not_read(store, tmp_path):
    """By fcntl, by flock, or by a lock file; a lock file that was forgotten long ago holds nobody up."""
    store.add()
    path = make_mbox(tmp_path / "mbox", Generator(6).messages(2))
    with open(path, "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        assert store.code("import", USER, path)[0] == 75
    with open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert store.code("import", USER, path)[0] == 75
    lock = tmp_path / "mbox.lock"
    lock.touch()
    assert store.code("import", USER, path)[0] == 75
    os.utime(lock, (time.time() - 3600,) * 2)
    assert store.imports(USER, path)["total"]["imported"] == 2


def test_an_mbox_that_grows_is_reported(store, tmp_path):
    store.add()
    path = make_mbox(tmp_path / "mbox", [b"Subject: %d\r\n\r\n%s\r\n" % (n, b"x" * 20000) for n in range(4000)])
    stop = threading.Event()

    def grow():
        while not stop.is_set():
            with open(path, "ab") as file:
                file.write(b"From x Sun Nov 22 20:35:00 2026\nSubject: more\n\nmore\n\n")
            time.sleep(0.01)

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        result = store.imports(USER, path, code=65)
    finally:
        stop.set()
        thread.join()
    assert "changed while it was read" in problems(result)[str(path)]
    second = store.imports("--verify", USER, path)["total"]
    assert second["present"] == result["total"]["imported"] and second["verified"] == second["found"]


def test_control_characters_do_not_reach_the_terminal(store, tmp_path):
    store.add()
    maildir = make_maildir(tmp_path / "m")
    (maildir / "cur/1600000001.\x1b[31mred\x07:2,").symlink_to("/etc/passwd")
    code, text = store.code("import", USER, maildir)
    assert code == 65 and "\x1b" not in text and "\x07" not in text and "?[31mred?" in text


def test_many_folders_and_deep_names(store, tmp_path):
    store.add()
    maildir = make_maildir(tmp_path / "m")
    for number in range(300):
        make_maildir(maildir / f".f{number}")
    add_file(maildir / ".f7/cur/1600000001.x:2,", b"a: b\n\n")
    make_maildir(maildir / ("." + ".".join(["a"] * 100)), [b"a: b\n\n"])
    assert store.imports(USER, maildir)["total"]["imported"] == 2
    assert len(mailboxes_of(store)) == 302
