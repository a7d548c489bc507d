# SPDX-License-Identifier: Apache-2.0
"""The servers that tools/run-bench measures. Each runs on loopback, with a directory, a configuration and ports of its
own, and has the same users: any number of names in bench.example, one password."""

import concurrent.futures
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import time

DOMAIN = "bench.example"
PASSWORD = "a-password-of-the-load"
START_SECONDS = 60
STOP_SECONDS = 60
ADMIN_CONNECTIONS = 16


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def make_certificate(directory):
    certificate, key = directory / "certificate.pem", directory / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
               "-subj", "/CN=mx.bench.example", "-out", certificate, "-keyout", key]  # fmt: skip
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return certificate, key


class Server:
    """`ports` has "lmtp", "pop3", "pop3s", "imap" and "imaps" once it runs; `process` is the first of its processes."""

    def __init__(self, directory):
        self.directory = directory
        self.directory.mkdir(exist_ok=True)
        self.log = directory / "log"
        self.certificate, self.key = make_certificate(directory)
        self.ports = {}
        self.process = None

    def wait_until(self, is_ready):
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"{self.name} did not start:\n{self.log_text()[-4000:]}")
            time.sleep(0.05)

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Posthouse(Server):
    name = "posthouse"

    def __init__(self, directory, binary):
        super().__init__(directory)
        self.binary = binary
        self.store = directory / "store"
        self.store.mkdir(mode=0o700, exist_ok=True)
        self.config = directory / "posthouse.yaml"
        # A hash is made small because 10,000 users are made; what is measured is after it, with each password verified
        # lately, as the peer's cache has it.
        self.config.write_text(
            "hostname: mx.bench.example\n"
            f'data_dir: "{self.store}"\n'
            "listeners:\n"
            '  - {protocol: lmtp, address: "127.0.0.1:0", tls: none}\n'
            '  - {protocol: pop3, address: "127.0.0.1:0", tls: none}\n'
            '  - {protocol: pop3, address: "127.0.0.1:0", tls: implicit}\n'
            '  - {protocol: imap, address: "127.0.0.1:0", tls: none}\n'
            '  - {protocol: imap, address: "127.0.0.1:0", tls: implicit}\n'
            f'tls: {{certificates: [{{certificate: "{self.certificate}", key: "{self.key}"}}]}}\n'
            "auth: {argon2_memory_kib: 64, argon2_passes: 1, cache_seconds: 86400, hash_queue: 100000}\n"
            "limits: {connections: 20000, connections_per_address: 0}\n",
            encoding="utf-8",
        )

    def start(self):
        with open(self.log, "wb") as stderr:
            command = [self.binary, "--config", self.config, "serve"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr)
        self.wait_until(lambda: "event=ready" in self.log_text())
        found = re.findall(r"event=listening\b.*?protocol=(\w+) address=127\.0\.0\.1:(\d+) tls=(\w+)", self.log_text())
        self.ports = {protocol + ("s" if tls == "implicit" else ""): int(port) for protocol, port, tls in found}
        return self

    def ask(self, *requests):
        """The results of requests (operation, arguments, octets) to the admin socket, one after the other."""
        results = []
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self.store / "admin.sock"))
            lines = admin.makefile("rb")
            lines.readline()
            for operation, arguments, octets in requests:
                line = {"operation": operation, "arguments": arguments, "octets": len(octets)}
                admin.sendall(json.dumps(line).encode() + b"\n" + octets)
                answer = json.loads(lines.readline())
                while "item" in answer:
                    answer = json.loads(lines.readline())
                if not answer["ok"]:
                    raise RuntimeError(f"{operation} {arguments}: {answer}")
                results.append(answer["result"])
        return results

    def add_domain(self):
        self.ask(("domain add", {"domain": DOMAIN}, b""))

    def add_users(self, prefix, count):
        def add(first):
            numbers = range(first, count, ADMIN_CONNECTIONS)
            self.ask(*[("user add", {"user": f"{prefix}{n}@{DOMAIN}"}, PASSWORD.encode()) for n in numbers])

        with concurrent.futures.ThreadPoolExecutor(ADMIN_CONNECTIONS) as pool:
            list(pool.map(add, range(min(count, ADMIN_CONNECTIONS))))

    def statements(self):
        """How often each statement was run since the start."""
        [status] = self.ask(("status", {}, b""))
        return {name: one["count"] for name, one in status["statements"].items()}


class Nothing(Server):
    """bench/nothing.c: says what the load wants to hear, and does nothing. What it takes, the kernel takes."""

    name = "nothing"

    def __init__(self, directory, binary):
        super().__init__(directory)
        self.binary = binary

    def start(self):
        self.process = subprocess.Popen([self.binary], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.ports = dict(zip(("lmtp", "pop3"), map(int, self.process.stdout.readline().split())))
        return self


class Dovecot(Server):
    """At its best: sdbox, processes that are used again, logins in high-performance mode, an authentication cache, a
    password that costs nothing to check; fsync as it is by default for LMTP."""

    name = "dovecot"

    def __init__(self, directory, processes_max=2000):
        super().__init__(directory)
        self.mail = directory / "mail"
        self.mail.mkdir()
        is_root = os.geteuid() == 0
        own = pwd.getpwuid(os.geteuid()).pw_name
        internal, login, mail = ("dovecot", "dovenull", "mail") if is_root else (own, own, own)
        if is_root:
            os.chown(self.mail, pwd.getpwnam(mail).pw_uid, pwd.getpwnam(mail).pw_gid)
        self.ports = {protocol: free_port() for protocol in ("lmtp", "pop3", "pop3s", "imap", "imaps")}
        self.config = directory / "dovecot.conf"
        no_chroot = "" if is_root else "  chroot =\n"
        self.config.write_text(
            f"""
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {self.log}
protocols = lmtp pop3 imap
listen = 127.0.0.1
default_internal_user = {internal}
default_internal_group = {internal}
default_login_user = {login}
default_client_limit = 20000
default_process_limit = {processes_max}
first_valid_uid = 0
first_valid_gid = 0
mail_uid = {mail}
mail_gid = {mail}
mail_location = sdbox:~/sdbox
mail_fsync = optimized
pop3_no_flag_updates = yes
pop3_fast_size_lookups = yes
mail_max_userip_connections = 0
ssl = yes
ssl_cert = <{self.certificate}
ssl_key = <{self.key}
disable_plaintext_auth = no
auth_mechanisms = plain
auth_cache_size = 64M
auth_cache_ttl = 1 day
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={mail} gid={mail} home={self.mail}/%Ln allow_all_users=yes
}}
service pop3-login {{
{no_chroot}  service_count = 0
  process_min_avail = 2
  client_limit = 20000
  inet_listener pop3 {{
    port = {self.ports["pop3"]}
  }}
  inet_listener pop3s {{
    port = {self.ports["pop3s"]}
    ssl = yes
  }}
}}
service pop3 {{
  service_count = 1000
  process_min_avail = 8
  process_limit = {processes_max}
}}
service imap-login {{
{no_chroot}  service_count = 0
  process_min_avail = 2
  client_limit = 20000
  inet_listener imap {{
    port = {self.ports["imap"]}
  }}
  inet_listener imaps {{
    port = {self.ports["imaps"]}
    ssl = yes
  }}
}}
service imap {{
  service_count = 1000
  process_min_avail = 8
  process_limit = {processes_max}
}}
service lmtp {{
  process_min_avail = 8
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.ports["lmtp"]}
  }}
}}
service anvil {{
{no_chroot}}}
""",
            encoding="utf-8",
        )

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", self.config], stdin=subprocess.DEVNULL)
        self.wait_until(lambda: all(answers(port) for port in self.ports.values()))
        return self

    def add_domain(self):
        """Every name is a user."""

    def add_users(self, prefix, count):
        """Every name is a user."""
