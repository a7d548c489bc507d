# SPDX-License-Identifier: Apache-2.0
"""The Debian package over its whole life: installed, upgraded, removed, purged, and no question asked."""

import json

import pytest
from conftest import control

# The first builds the package and, once, the base system.
pytestmark = pytest.mark.timeout(1800)

CONFIG = "/etc/posthouse/posthouse.yaml"
DATA = "/var/lib/posthouse"
MESSAGE = b"From: bob@example.net\r\nTo: alice@example.org\r\nSubject: kept\r\n\r\nstill here\r\n"


def is_serving(machine):
    return machine.run("posthouse", "status", check=False).returncode == 0


def add_alice_with_mail(machine):
    machine.run("posthouse", "domain", "add", "example.org")
    machine.run("posthouse", "user", "add", "alice@example.org", "--password-stdin", stdin=b"correct-horse-battery\n")
    machine.run("posthouse", "deliver", "-f", "bob@example.net", "alice@example.org", stdin=MESSAGE)


def alices_mail(machine):
    messages = json.loads(machine.run("posthouse", "--json", "message", "list", "alice@example.org").stdout)
    return [machine.run("posthouse", "message", "show", "alice@example.org", one["id"]).stdout for one in messages]


def has_user(machine):
    return machine.run("getent", "passwd", "posthouse", check=False).returncode == 0


def test_installed_it_serves_as_its_own_user(machine):
    machine.dpkg("-i", "/packages/new.deb")
    assert is_serving(machine)
    assert machine.text("stat", "-c", "%U:%G %a", DATA) == "posthouse:posthouse 700\n"
    pid = machine.text("cat", "/run/posthouse.pid").strip()
    status = machine.text("cat", f"/proc/{pid}/status")
    user = machine.text("id", "-u", "posthouse").strip()
    assert f"\nUid:\t{user}\t{user}\t{user}\t{user}\n" in status
    assert "\nCapEff:\t0000000000000000\n" in status
    # Nothing listens but for this machine: the socket for a mail server in front, and the administrator's.
    assert machine.text("cat", "/proc/net/tcp", "/proc/net/tcp6").count(" 0A ") == 0
    assert machine.text("stat", "-c", "%U:%G %a", "/run/posthouse/lmtp.sock") == "posthouse:posthouse 660\n"


def test_files_are_where_they_belong(machine):
    machine.dpkg("-i", "/packages/new.deb")
    assert machine.text("dpkg-query", "-W", "-f", "${Conffiles}", "posthouse").split()[::2] == [
        "/etc/init.d/posthouse", "/etc/logrotate.d/posthouse", CONFIG]
    assert machine.text("dpkg", "-V", "posthouse") == ""
    machine.run("posthouse", "check-config")
    machine.run("logrotate", "--debug", "/etc/logrotate.d/posthouse")
    machine.run("logrotate", "--force", "/etc/logrotate.d/posthouse")
    assert is_serving(machine)


def test_init_then_restart_serves_the_network(machine):
    machine.dpkg("-i", "/packages/new.deb")
    machine.run("posthouse", "init", "--force", "--hostname", "mx.example.org", "--domain", "example.org", "--user", "alice",
                "--password-stdin", stdin=b"correct-horse-battery\n")
    assert machine.text("stat", "-c", "%U:%G %a", "/etc/posthouse/tls/mx.example.org.key") == "root:posthouse 640\n"
    assert machine.exists(CONFIG + ".old")
    machine.run("/etc/init.d/posthouse", "restart")
    listening = {int(line.split()[1].rsplit(":", 1)[1], 16)
                 for line in machine.text("cat", "/proc/net/tcp").splitlines()[1:] if " 0A " in line}
    assert listening == {25, 110, 143, 465, 587, 993, 995}
    pid = machine.text("cat", "/run/posthouse.pid").strip()
    status = machine.text("cat", f"/proc/{pid}/status")
    assert "\nCapPrm:\t0000000000000000\n" in status
    assert machine.text("posthouse", "user", "list") == "alice@example.org\n"
    machine.run("posthouse", "user", "verify", "alice@example.org", "--password-stdin", stdin=b"correct-horse-battery\n")
    # The key is the group's to read: a reload does not need root.
    machine.run("/etc/init.d/posthouse", "reload")
    machine.dpkg("-P", "posthouse")
    assert not machine.exists("/etc/posthouse")


def test_the_service_script(machine):
    machine.dpkg("-i", "/packages/new.deb")
    script = "/etc/init.d/posthouse"
    machine.run(script, "status")
    first = machine.text("cat", "/run/posthouse.pid")
    machine.run(script, "start")
    assert machine.text("cat", "/run/posthouse.pid") == first
    machine.run(script, "reload")
    restarted = machine.run(script, "restart", check=False)
    assert restarted.returncode == 0, machine.text("cat", "/var/log/posthouse/posthouse.log")
    assert machine.text("cat", "/run/posthouse.pid") != first
    machine.run(script, "stop")
    assert not is_serving(machine)
    assert machine.run(script, "status", check=False).returncode == 3
    machine.run(script, "stop")
    machine.write(CONFIG, "no_such_key: 1\n")
    wrong = machine.run(script, "start", check=False)
    assert wrong.returncode == 78
    assert b"no_such_key" in wrong.stderr


def test_upgrade_keeps_mail_and_edits(machine, package):
    machine.dpkg("-i", "/packages/old.deb")
    assert machine.installed() == "install ok installed 0.0.9-1"
    add_alice_with_mail(machine)
    before = alices_mail(machine)
    edited = machine.text("cat", CONFIG) + "limits: {recipients: 77}\n"
    machine.write(CONFIG, edited)
    pid = machine.text("cat", "/run/posthouse.pid")

    # As apt does without a terminal; the edited file is the administrator's.
    machine.dpkg("--force-confdef", "--force-confold", "-i", "/packages/new.deb")

    assert machine.installed() == "install ok installed " + control(package, "Version")
    assert machine.text("cat", CONFIG) == edited
    assert machine.exists(CONFIG + ".dpkg-dist")
    assert is_serving(machine)
    assert machine.text("cat", "/run/posthouse.pid") != pid
    assert alices_mail(machine) == before
    assert before[0].endswith(b"\r\n\r\nstill here\r\n")


def test_upgrade_brings_the_new_default_where_nobody_edited(machine):
    machine.dpkg("-i", "/packages/old.deb")
    assert "of the older version" in machine.text("cat", CONFIG)
    machine.dpkg("-i", "/packages/new.deb")
    assert "of the older version" not in machine.text("cat", CONFIG)
    assert is_serving(machine)


def test_a_wrong_configuration_does_not_break_the_upgrade(machine):
    machine.dpkg("-i", "/packages/old.deb")
    machine.write(CONFIG, "no_such_key: 1\n")
    machine.dpkg("--force-confdef", "--force-confold", "-i", "/packages/new.deb")
    assert machine.installed().startswith("install ok installed")
    assert not is_serving(machine)


def test_remove_stops_and_keeps_everything_to_come_back(machine):
    machine.dpkg("-i", "/packages/new.deb")
    add_alice_with_mail(machine)
    before = alices_mail(machine)
    pid = machine.text("cat", "/run/posthouse.pid").strip()

    machine.dpkg("-r", "posthouse")
    assert not machine.exists(f"/proc/{pid}")
    assert machine.exists(CONFIG)
    assert machine.exists(DATA + "/posthouse.db")
    assert has_user(machine)

    machine.dpkg("-i", "/packages/new.deb")
    assert alices_mail(machine) == before


def test_purge_without_mail_leaves_nothing(machine):
    before = set(machine.text("find", "/", "-xdev", "-not", "-path", "/proc/*").splitlines())
    machine.dpkg("-i", "/packages/new.deb")
    machine.run("posthouse", "domain", "add", "example.org")
    machine.dpkg("-P", "posthouse")
    assert machine.installed() == ""
    left = set(machine.text("find", "/", "-xdev", "-not", "-path", "/proc/*").splitlines()) - before
    # dpkg's, adduser's and rc.d's own books.
    own = ("/var/lib/dpkg/", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/.pwd.lock", "/run/lock")
    assert [path for path in left if not path.startswith(own)] == []
    assert not has_user(machine)


def test_purge_keeps_mail_and_says_where(machine):
    machine.dpkg("-i", "/packages/new.deb")
    add_alice_with_mail(machine)
    before = alices_mail(machine)
    said = machine.dpkg("-P", "posthouse")
    assert f"the mail in {DATA} and the user posthouse are kept" in said
    assert not machine.exists("/etc/posthouse")
    assert not machine.exists("/var/log/posthouse")
    assert has_user(machine)

    machine.dpkg("-i", "/packages/new.deb")
    assert is_serving(machine)
    assert alices_mail(machine) == before


def test_a_policy_that_forbids_daemons_is_obeyed(machine):
    machine.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n")
    machine.dpkg("-i", "/packages/new.deb")
    assert not is_serving(machine)
    assert "posthouse" in machine.text("ls", "/etc/rc2.d")
