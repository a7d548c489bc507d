# SPDX-License-Identifier: Apache-2.0
"""What a running server has given up, as the kernel tells it. What each restriction forbids is tried in
src/app/sandbox_test.c; that nothing is forbidden that the server needs, all other suites show."""

import os
import pathlib
import poplib
import pwd
import shutil
import ssl

import pytest

from conftest import PASSWORD, USER, Store
from test_server import certificate_of, reload, serve

NOBODY = pwd.getpwnam("nobody")
# Not an address of anybody's, and a port that only root may bind.
LOW_PORT = "127.77.0.1:110"


def status(server):
    """Of all threads: a set of values each field has."""
    fields = {}
    for path in pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/status"):
        for line in path.read_text().splitlines():
            key, value = line.split(":", 1)
            fields.setdefault(key, set()).add(" ".join(value.split()))
    return fields


def is_sanitized(server):
    [event] = server.events("sandbox")
    return event.get("reason") == "built with a sanitizer"


def test_fenced_in_by_default(online):
    fields = status(online)
    assert fields["NoNewPrivs"] == {"1"}
    [event] = online.events("sandbox")
    if is_sanitized(online):
        # The sanitizers need what the fence forbids; the log says that it is down.
        assert os.environ.get("POSTHOUSE_BUILD") in ("asan", "tsan")
        assert (event["seccomp"], event["landlock"]) == ("off", "off")
        assert fields["Seccomp"] == {"0"}
    else:
        assert os.environ.get("POSTHOUSE_BUILD", "release") == "release"
        assert event["seccomp"] == "enforce"
        assert event["landlock"] == "absent" or int(event["landlock"]) >= 1
        assert fields["Seccomp"] == {"2"}


def test_no_core_and_no_tracer_but_roots(online):
    # What a process that may not be dumped is, its files in /proc show: they are root's.
    assert os.stat(f"/proc/{online.process.pid}/environ").st_uid == 0


def test_can_be_switched_off(offline):
    offline.config["sandbox"] = {"landlock": False, "seccomp": "off"}
    offline.write_config()
    offline.start()
    [event] = offline.events("sandbox")
    assert (event["seccomp"], event["landlock"]) == ("off", "off")
    assert status(offline)["Seccomp"] == {"0"}


@pytest.fixture
def dropping():
    """A server that root starts and that is nobody then."""
    assert os.geteuid() == 0, "dropping the privileges of root needs root"
    one = Store()
    os.chmod(one.directory, 0o755)
    shutil.rmtree(one.data_dir)
    one.config["user"] = "nobody"
    one.config["listeners"] = [{"protocol": "pop3", "address": LOW_PORT, "tls": "starttls"},
                               {"protocol": "pop3", "address": "127.0.0.1:0", "tls": "implicit"}]
    for path in one.authority.directory.iterdir():
        os.chmod(path, 0o644)
    one.write_config()
    yield one
    one.close()


def test_root_becomes_the_user_and_cannot_go_back(dropping):
    dropping.start()
    fields = status(dropping)
    uid, gid = str(NOBODY.pw_uid), str(NOBODY.pw_gid)
    assert fields["Uid"] == {" ".join([uid] * 4)}
    assert fields["Gid"] == {" ".join([gid] * 4)}
    assert fields["Groups"] == {""}
    for kind in ("CapEff", "CapPrm", "CapAmb"):
        assert fields[kind] == {"0" * 16}, kind
    assert not dropping.events("running-as-root")


def test_what_it_makes_is_the_users(dropping):
    dropping.start()
    dropping.domain_add("example.org")
    dropping.user_add(USER, PASSWORD)
    dropping.deliver(b"Subject: x\r\n\r\nx\r\n", USER)
    owners = {path.stat().st_uid for path in [dropping.data_dir, *dropping.data_dir.rglob("*")]}
    assert owners == {NOBODY.pw_uid}
    assert dropping.data_dir.stat().st_mode & 0o777 == 0o700


def test_it_serves_on_a_port_of_roots(dropping):
    dropping.start()
    dropping.domain_add("example.org")
    dropping.user_add(USER, PASSWORD)
    client = poplib.POP3(*dropping.address("pop3", "starttls"), timeout=60)
    trust = ssl.create_default_context(cafile=str(dropping.authority.certificate))
    trust.check_hostname = False  # the address is in no certificate
    client.stls(trust)
    client.user(USER)
    client.pass_(PASSWORD)
    assert client.stat() == (0, 0)
    client.quit()
    dropping.restart()


def test_a_key_that_only_root_reads_is_warned_of_and_reload_needs_it_readable(dropping):
    key = pathlib.Path(dropping.config["tls"]["certificates"][0]["key"])
    os.chmod(key, 0o600)
    dropping.start()
    [warning] = dropping.events("unreadable-key")
    assert str(key) in warning["reason"]
    first = certificate_of(dropping)
    dropping.authority.issue("mx.example.org")
    os.chmod(key, 0o600)
    reload(dropping)
    assert dropping.events("reload-failed")
    assert certificate_of(dropping) == first
    os.chmod(key, 0o644)
    reload(dropping)
    assert certificate_of(dropping) != first


def test_a_data_directory_of_another_is_refused(dropping):
    dropping.data_dir.mkdir(mode=0o700)
    code, log = serve(dropping)
    assert code == 77
    assert f"{dropping.data_dir} belongs to uid 0" in log


def test_a_user_that_there_is_not(dropping):
    code, log = serve(dropping, "--set", "user=no-such-user")
    assert code == 78
    assert "the system has no user" in log


def test_certificates_behind_links_in_another_directory_are_renewed(offline):
    """As certbot has them: live/NAME/privkey.pem leads to archive/NAME/privkey1.pem."""
    elsewhere = offline.directory.with_name(offline.directory.name + "-acme")
    shutil.copytree(offline.authority.directory, elsewhere / "archive")
    archive, live = elsewhere / "archive", elsewhere / "live"
    live.mkdir()

    def renew(number):
        certificate, key = offline.authority.issue("mx.example.org")
        for name, source in (("fullchain", certificate), ("privkey", key)):
            target = archive / f"{name}{number}.pem"
            shutil.copy(source, target)
            (live / "new").symlink_to(target)
            (live / "new").rename(live / f"{name}.pem")

    try:
        renew(1)
        offline.config["tls"]["certificates"] = [
            {"certificate": str(live / "fullchain.pem"), "key": str(live / "privkey.pem")}]
        offline.write_config()
        offline.start()
        first = certificate_of(offline)
        renew(2)
        reload(offline)
        assert certificate_of(offline) != first
    finally:
        shutil.rmtree(elsewhere)


def test_a_directory_that_was_not_known_at_the_start_needs_a_restart(offline):
    elsewhere = offline.directory.with_name(offline.directory.name + "-elsewhere")
    offline.start()
    try:
        shutil.copytree(offline.authority.directory, elsewhere)
        certificate = {"certificate": str(elsewhere / "mx.example.org.pem"), "key": str(elsewhere / "mx.example.org.key")}
        offline.config["tls"]["certificates"] = [certificate]
        offline.write_config()
        reload(offline)
        is_fenced = offline.events("sandbox")[0]["landlock"] not in ("off", "absent")
        failures = offline.events("reload-failed")
        assert bool(failures) == is_fenced
        if is_fenced:
            # The cause and the remedy; and the old certificate goes on.
            assert failures[0]["error"] == "denied"
            assert failures[0]["reason"] == (f"{certificate['certificate']}: in a directory that no certificate was in at the "
                                             "start, which Landlock keeps shut; restart the server")
            certificate_of(offline)
        offline.restart()
        certificate_of(offline)
    finally:
        shutil.rmtree(elsewhere, ignore_errors=True)
