# SPDX-License-Identifier: Apache-2.0
"""Help, usage, the configuration's errors, terminals, secrets."""

import json
import os
import pty
import re
import subprocess
import time

import pytest

from support.posthouse import BINARY, ROOT

from conftest import PASSWORD, USER


def posthouse(*words, stdin=b"", env=None):
    return subprocess.run([BINARY, *words], input=stdin, capture_output=True, timeout=60, env=env)


def test_version():
    assert re.fullmatch(rb"posthouse \d+\.\d+\.\d+\n", posthouse("version").stdout)
    assert list(json.loads(posthouse("--json", "version").stdout)) == ["version"]


@pytest.mark.parametrize("words", [[], ["fly"], ["user"], ["user", "add"], ["serve", "x"], ["--frob", "status"]])
def test_wrong_usage_is_64(words):
    result = posthouse(*words)
    assert result.returncode == 64
    assert result.stdout == b""
    assert result.stderr.startswith(b"posthouse: ")


def commands():
    lines = posthouse("--help").stdout.decode().split("Commands:\n")[1].split("\n\n")[0].splitlines()
    return [re.match(r"  ([a-z0-9-]+(?: [a-z]+)?)", line).group(1) for line in lines]


def test_help_of_every_command():
    assert {"serve", "check", "backup", "restore", "check-config", "user add", "deliver", "status", "version"} <= set(commands())
    for command in commands():
        for words in ([*command.split(), "--help"], ["--help", *command.split()]):
            result = posthouse(*words)
            assert result.returncode == 0, words
            assert f"posthouse [OPTION]... {command}" in result.stdout.decode()
            assert "--config FILE" in result.stdout.decode()


# ---- Configuration ----


def test_no_configuration(tmp_path):
    result = posthouse("--config", tmp_path / "none.yaml", "status")
    assert result.returncode == 78
    assert b"none.yaml: No such file or directory" in result.stderr


def test_config_errors_have_their_lines(tmp_path):
    config = tmp_path / "posthouse.yaml"
    config.write_text("hostname: mx.example.org\nlimits:\n  recipients: many\n  colour: red\n")
    for words in (["check-config"], ["serve"], ["status"], ["user", "list"]):
        result = posthouse("--config", config, *words)
        assert result.returncode == 78
        lines = result.stderr.decode().splitlines()
        assert lines[0].startswith(f"{config}:3: limits.recipients: expected a number of recipients from 1 to ")
        assert lines[0].endswith(', found "many"')
        assert lines[1].startswith(f"{config}:4: limits.colour: no such key; expected one of ")
        assert len(lines) == 2
    result = posthouse("--json", "--config", config, "check-config")
    assert [line.split(":")[1] for line in json.loads(result.stderr)["error"]["problems"]] == ["3", "4"]


def test_check_config(offline):
    result = offline.cli("check-config")
    assert result.stdout.decode() == f"{offline.config_path}: ok\n"
    settings = offline.json("check-config", "--set", "log.level=debug")
    assert settings["log.level"] == "debug"
    assert settings["hostname"] == "mx.example.org"
    assert settings["listeners.0.protocol"] == "smtp"
    assert offline.code("check-config", "--set", "log.level=loud") == 78


def test_check_config_reads_certificates(offline):
    wrong = ["--set", "tls.certificates.0.certificate=/nonexistent.pem"]
    result = offline.cli("check-config", *wrong, check=False)
    assert result.returncode == 78
    assert b"/nonexistent.pem" in result.stderr
    _, other_key = offline.authority.issue("other.example.org")
    result = offline.cli("check-config", "--set", f"tls.certificates.0.key={other_key}", check=False)
    assert result.returncode == 78
    assert str(other_key).encode() in result.stderr


def test_the_example_configuration_is_good(offline):
    example = ROOT / "packaging/posthouse.yaml"
    certificate, key = offline.authority.issue("example.example.org")
    result = posthouse("--config", example, "check-config", "--set", f"tls.certificates.0.certificate={certificate}",
                       "--set", f"tls.certificates.0.key={key}")
    assert result.returncode == 0, result.stderr


# ---- Terminals and secrets ----


def on_terminal(words, dialogue):
    """Runs a command on a terminal: each (wait for, type) of DIALOGUE in turn. (exit code, all that was shown)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(BINARY, [str(BINARY), *map(str, words)])
    seen = b""
    for expected, answer in dialogue:
        while expected not in seen:
            piece = os.read(fd, 4096)
            assert piece, seen
            seen += piece
        seen = seen[seen.index(expected) + len(expected):]
        os.write(fd, answer)
    shown = seen
    while True:
        try:
            piece = os.read(fd, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_password_prompt_without_echo(offline):
    offline.domain_add("example.org")
    code, shown = on_terminal(["--config", offline.config_path, "user", "add", USER],
                              [(b"Password: ", b"secret-1\n"), (b"Again: ", b"secret-1\n")])
    assert code == 0
    assert b"secret" not in shown
    assert offline.code("user", "verify", USER, "--password-stdin", stdin=b"secret-1\n") == 0
    code, shown = on_terminal(["--config", offline.config_path, "user", "passwd", USER],
                              [(b"Password: ", b"secret-2\n"), (b"Again: ", b"secret-3\n")])
    assert code == 65
    assert b"the two are not the same" in shown
    code, _ = on_terminal(["--config", offline.config_path, "user", "verify", USER], [(b"Password: ", b"secret-1\n")])
    assert code == 0


def test_no_terminal_and_no_password(offline):
    offline.domain_add("example.org")
    result = offline.cli("user", "add", USER, stdin=b"secret\n", check=False)
    assert result.returncode == 65
    assert b"--password-stdin" in result.stderr


def test_a_password_is_never_on_a_command_line(online):
    """Both commands and the server, while a password is on its way."""
    online.domain_add("example.org")
    process = subprocess.Popen([BINARY, "--config", online.config_path, "user", "add", USER, "--password-stdin"],
                               stdin=subprocess.PIPE)
    process.stdin.write(PASSWORD.encode())
    process.stdin.flush()
    while not os.path.exists(f"/proc/{process.pid}/cmdline") or b"user" not in read(process.pid, "cmdline"):
        time.sleep(0.01)
    for pid in (process.pid, online.process.pid):
        assert PASSWORD.encode() not in read(pid, "cmdline")
        assert PASSWORD.encode() not in read(pid, "environ")
    process.stdin.close()
    assert process.wait(60) == 0
    assert PASSWORD not in online.log_text()


def read(pid, name):
    with open(f"/proc/{pid}/{name}", "rb") as file:
        return file.read()


def test_removing_asks_on_a_terminal(offline):
    offline.add_alice()
    words = ["--config", offline.config_path, "user", "remove", USER]
    code, shown = on_terminal(words, [(b"[y/N] ", b"n\n")])
    assert code == 77
    assert b"nothing was done" in shown
    assert offline.lines("user", "list") == [USER]
    code, _ = on_terminal([*words, "--yes"], [])
    assert code == 0
    offline.user_add(USER, PASSWORD)
    code, _ = on_terminal(words, [(b"[y/N] ", b"y\n")])
    assert code == 0
    assert offline.lines("user", "list") == []


def test_lists_are_tables_on_a_terminal(offline):
    offline.add_alice()
    offline.alias_add("a@example.org", USER)
    offline.alias_add("a-long-address@example.org", USER, "group")
    _, shown = on_terminal(["--config", offline.config_path, "alias", "list"], [])
    assert shown.decode().replace("\r\n", "\n") == (
        "ADDRESS                     TARGET             TYPE\n"
        "a@example.org               alice@example.org  alias\n"
        "a-long-address@example.org  alice@example.org  group\n")


# ---- Completion ----


def complete(*words):
    """What bash offers for the last of WORDS."""
    script = f"""
        source {ROOT}/completion/posthouse.bash
        COMP_WORDS=({' '.join(f"'{word}'" for word in words)})
        COMP_CWORD={len(words) - 1}
        _posthouse
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    return subprocess.run(["/bin/bash", "-c", script], capture_output=True, check=True).stdout.decode().split()


def test_bash_completion():
    groups = {command.split()[0] for command in commands()}
    assert set(complete("posthouse", "")) == groups
    assert complete("posthouse", "st") == ["status"]
    assert set(complete("posthouse", "--json", "user", "")) == {"add", "remove", "list", "passwd", "verify"}
    assert complete("posthouse", "--config", "x.yaml", "user", "pa") == ["passwd"]
    assert complete("posthouse", "user", "add", "--pass") == ["--password-stdin"]
    assert "--yes" in complete("posthouse", "user", "remove", "--")
    assert "--yes" not in complete("posthouse", "user", "add", "--")
    assert complete("posthouse", "alias", "add", "--type", "gr") == ["group"]
