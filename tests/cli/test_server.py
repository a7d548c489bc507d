# SPDX-License-Identifier: Apache-2.0
"""`serve`: starting, what stops a start, reloading, stopping, what systemd is told; status; the admin socket."""

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import time

import pytest

from support.posthouse import BINARY

from conftest import PASSWORD, SETTINGS, USER, Store


def serve(store, *words, env=None):
    """`serve` that is expected to end by itself: (exit code, what it logged)."""
    result = subprocess.run([BINARY, "--config", store.config_path, *words, "serve"], stdin=subprocess.DEVNULL,
                            capture_output=True, timeout=60, env=env)
    return result.returncode, result.stderr.decode()


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


# ---- Starting ----


def test_listeners_are_reported_in_order(online):
    events = online.events("listening")
    assert [(event["protocol"], event["tls"]) for event in events] == [
        (listener["protocol"], listener["tls"]) for listener in online.config["listeners"]]
    assert all(event["address"].startswith(("127.0.0.1:", "unix:")) for event in events)
    assert not any(event["address"].endswith(":0") for event in events)
    [ready] = online.events("ready")
    assert ready["pid"] == str(online.process.pid)


def test_data_directory_is_the_servers_alone(offline):
    offline.data_dir.rmdir()
    offline.start()
    assert stat.S_IMODE(offline.data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((offline.data_dir / "admin.sock").stat().st_mode) == 0o600
    for path in offline.data_dir.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_two_servers_on_one_store(online):
    other = online.config_path.with_name("other.yaml")
    other.write_text(json.dumps({**online.config, "listeners": []}))
    result = subprocess.run([BINARY, "--config", other, "serve"], capture_output=True, timeout=60)
    assert result.returncode == 75
    assert f"process {online.process.pid} has the store open" in result.stderr.decode()


def test_port_in_use(offline):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, log = serve(offline, "--set", f"listeners.0.address=127.0.0.1:{port}")
    assert code == 75
    assert f"listen on 127.0.0.1:{port}: Address already in use" in log
    assert "event=start-failed" in log
    # And nothing is left locked or half made.
    offline.start()


def test_bad_certificate(offline):
    offline.authority.certificate.with_name("junk.pem").write_text("no certificate\n")
    junk = offline.authority.certificate.with_name("junk.pem")
    code, log = serve(offline, "--set", f"tls.certificates.0.certificate={junk}")
    assert code == 78
    assert f"{junk}: not a usable certificate" in log


def test_data_directory_that_cannot_be(offline):
    code, log = serve(offline, "--set", "data_dir=/nonexistent/below/store")
    assert code == 67
    assert "/nonexistent/below/store: No such file or directory" in log
    blocked = offline.directory / "file"
    blocked.write_text("")
    code, log = serve(offline, "--set", f"data_dir={blocked}")
    assert code != 0
    assert str(blocked) in log


def test_root_is_warned(online):
    assert bool(online.events("running-as-root")) == (os.geteuid() == 0)


def test_descriptors_are_raised(offline):
    def few():
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 2000))

    result = subprocess.Popen([BINARY, "--config", offline.config_path, "--set", "limits.connections=5000", "serve"],
                              stderr=subprocess.PIPE, preexec_fn=few)
    log = b""
    while b"event=ready" not in log:
        line = result.stderr.readline()
        assert line, log
        log += line
    with open(f"/proc/{result.pid}/limits", encoding="ascii") as limits:
        [line] = [line for line in limits if line.startswith("Max open files")]
    assert line.split()[3:5] == ["2000", "2000"]
    assert b"event=few-descriptors" in log
    result.send_signal(signal.SIGINT)
    assert result.wait(60) == 0
    result.stderr.close()


# ---- Reloading ----


def certificate_of(server):
    context = ssl.create_default_context(cafile=server.authority.certificate)
    with socket.create_connection(server.address("pop3", "implicit"), 60) as plain:
        with context.wrap_socket(plain, server_hostname="mx.example.org") as tls:
            return tls.getpeercert()["serialNumber"]


def reload(server):
    before = len(server.events("reloaded")) + len(server.events("reload-failed"))
    server.reload()
    until(lambda: len(server.events("reloaded")) + len(server.events("reload-failed")) > before)


def test_reload_takes_new_certificates(online):
    first = certificate_of(online)
    online.authority.issue("mx.example.org")
    assert certificate_of(online) == first
    reload(online)
    assert certificate_of(online) != first


def test_reload_takes_the_log_level_and_names_what_needs_a_restart(online):
    online.config["log"] = {"level": "debug", "format": "json"}
    online.config["limits"] = {"recipients": 7}
    online.config["listeners"] = online.config["listeners"][:-1]
    online.write_config()
    reload(online)
    keys = [event["key"] for event in online.events("needs-restart")]
    assert "log.format" in keys and "limits.recipients" in keys and "log.level" not in keys
    assert f"listeners.{len(online.config['listeners'])}.address" in keys


def test_reload_of_a_bad_file_changes_nothing(online):
    first = certificate_of(online)
    online.config["hostnaem"] = "x"
    online.write_config()
    reload(online)
    [problem] = online.events("config-problem")
    assert "hostnaem: no such key" in problem["reason"]
    assert online.events("reload-failed")
    assert certificate_of(online) == first
    del online.config["hostnaem"]
    online.config["tls"]["certificates"][0]["key"] = "/nonexistent"
    online.write_config()
    reload(online)
    assert len(online.events("reload-failed")) == 2
    assert certificate_of(online) == first


# ---- systemd ----


@pytest.fixture
def notify():
    with tempfile.TemporaryDirectory(prefix="posthouse-") as directory:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
            one.bind(f"{directory}/notify")
            one.settimeout(60)
            yield one


def start_with(store, **env):
    process = subprocess.Popen([BINARY, "--config", store.config_path, "serve"], stderr=subprocess.PIPE,
                               env={**os.environ, **env})
    return process


def test_systemd_is_told(offline, notify):
    process = start_with(offline, NOTIFY_SOCKET=notify.getsockname())
    assert b"READY=1" in notify.recv(4096)
    process.send_signal(signal.SIGHUP)
    message = notify.recv(4096)
    assert b"RELOADING=1" in message and b"MONOTONIC_USEC=" in message
    assert b"READY=1" in notify.recv(4096)
    process.send_signal(signal.SIGTERM)
    assert b"STOPPING=1" in notify.recv(4096)
    process.stderr.close()
    assert process.wait(60) == 0


def test_watchdog_is_answered(offline, notify):
    process = start_with(offline, NOTIFY_SOCKET=notify.getsockname(), WATCHDOG_USEC="100000")
    assert b"READY=1" in notify.recv(4096)
    assert notify.recv(4096) == b"WATCHDOG=1"
    assert notify.recv(4096) == b"WATCHDOG=1"
    process.send_signal(signal.SIGTERM)
    process.stderr.close()
    assert process.wait(60) == 0


def test_journald_format(offline):
    """On journald's stream a line begins with its priority and has no time."""
    process = start_with(offline, JOURNAL_STREAM="1:1")
    lines = []
    while not lines or b"event=ready" not in lines[-1]:
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    process.send_signal(signal.SIGTERM)
    lines += process.stderr.readlines()
    assert process.wait(60) == 0
    process.stderr.close()
    assert all(line.startswith((b"<6>level=info ", b"<4>level=warning ")) for line in lines), lines
    assert not any(b"time=" in line for line in lines)


def test_json_log(offline):
    offline.config["log"] = {"format": "json"}
    offline.write_config()
    process = start_with(offline)
    lines = []
    while not lines or json.loads(lines[-1])["event"] != "ready":
        lines.append(process.stderr.readline())
    process.send_signal(signal.SIGTERM)
    lines += process.stderr.readlines()
    assert process.wait(60) == 0
    process.stderr.close()
    assert [json.loads(line)["event"] for line in lines][-1] == "stopped"


# ---- Status and the admin socket ----


def test_status_without_a_server(offline):
    result = offline.cli("status", check=False)
    assert result.returncode == 69
    assert b"not running" in result.stdout
    result = offline.cli("--json", "status", check=False)
    assert result.returncode == 69
    assert json.loads(result.stdout)["running"] is False


def test_status(online):
    online.add_alice()
    status = online.json("status")
    assert status["running"] is True
    assert status["data_dir"] == str(online.data_dir)
    assert status["store_octets"] > 0
    assert status["server"]["pid"] == online.process.pid
    assert status["server"]["connections"] >= 1
    assert status["waiting"] == {"plans": 0, "hashes": 0}
    assert status["content"]["is_broken"] is False
    assert any(one["count"] > 0 for one in status["statements"].values())
    assert f"process {online.process.pid}".encode() in online.cli("status").stdout


def test_operations_are_logged_without_secrets(online):
    online.add_alice()
    online.cli("user", "verify", USER, "--password-stdin", stdin=b"wrong-password", check=False)
    events = [(event["operation"], event["result"]) for event in online.events("admin")]
    assert events == [("domain add", "ok"), ("user add", "ok"), ("user verify", "denied")]
    assert PASSWORD not in online.log_text() and "wrong-password" not in online.log_text()


def test_a_command_waits_for_a_server_that_starts(offline):
    """Commands may run while a server starts or stops: each finds the one or the other."""
    offline.add_alice()
    with subprocess.Popen([BINARY, "--config", offline.config_path, "serve"], stderr=subprocess.DEVNULL) as process:
        for _ in range(20):
            assert offline.lines("user", "list") == [USER]
        process.send_signal(signal.SIGTERM)
        for _ in range(20):
            assert offline.lines("user", "list") == [USER]
        assert process.wait(60) == 0


def test_admin_socket_refuses_what_it_does_not_know(online):
    with online.admin() as admin:
        assert admin.ask("make coffee", {})["class"] == "invalid"
        assert admin.ask("user list", {"domain": 1})["class"] == "invalid"
        assert admin.ask("domain list", {})["ok"]
    with online.admin() as admin:
        assert admin.raw(b"no JSON\n") == {"ok": False, "class": "invalid",
                                           "text": "the request is no JSON object with arguments"}
        assert admin.at_end()
    with online.admin() as admin:
        assert admin.raw(b"x" * 40_000)["class"] == "invalid"
        assert admin.at_end()
    with online.admin() as admin:
        assert admin.raw(b'{"operation":"deliver","arguments":{},"octets":99999999999}\n')["class"] == "invalid"
        assert admin.at_end()


def test_admin_socket_is_for_root_and_the_server_alone(online):
    if os.geteuid() != 0:
        pytest.fail("run as root: somebody else has to be tried")
    path = str(online.data_dir / "admin.sock")
    # Give it away as far as the file system goes: the server still looks at who asks.
    for directory in (online.directory, online.data_dir):
        directory.chmod(0o755)
    os.chmod(path, 0o666)
    script = ("import os, socket, sys; os.setgid(65534); os.setuid(65534);"
              "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
              "s.sendall(b'{\"operation\":\"domain list\",\"arguments\":{}}\\n'); print(s.recv(100))")
    result = subprocess.run(["/usr/bin/python3", "-c", script, path], capture_output=True, timeout=60)
    assert b"ok" not in result.stdout and b"posthouse" not in result.stdout
    assert [event["uid"] for event in online.events("admin-denied")] == ["65534"]


def test_stopping_lets_a_session_know(online):
    online.add_alice()
    with socket.create_connection(online.address("pop3"), 60) as client:
        stream = client.makefile("rb")
        assert stream.readline().startswith(b"+OK")
        online.process.send_signal(signal.SIGTERM)
        assert stream.read() is not None
    assert online.process.wait(60) == 0
    online.process = None
    assert online.events("stopped")


def test_root_works_as_the_owner_of_the_store(offline):
    """What root does in the store of another user belongs to that user."""
    if os.geteuid() != 0:
        pytest.fail("run as root: the store must be somebody else's")
    offline.directory.chmod(0o755)
    os.chown(offline.data_dir, 65534, 65534)
    offline.domain_add("example.org")
    assert {path.stat().st_uid for path in offline.data_dir.rglob("*")} == {65534}
