# SPDX-License-Identifier: Apache-2.0
"""The kinds of work that tools/run-bench measures, and their rounds."""

import dataclasses
import json
import subprocess

import measure
import servers

READ_USERS = 32
READ_MESSAGES = 20
DELETE_MESSAGES = 50
LARGE = 10000
HUGE = 100000
HELD = {"posthouse": 10000, "dovecot": 500}


@dataclasses.dataclass
class Work:
    name: str
    title: str
    load: str  # the load's word for it
    protocol: str
    connections: int
    counts: dict  # operations a round, by server: enough CPU to be measured, little enough to be waited for
    options: dict = dataclasses.field(default_factory=dict)
    user: str = "user"
    target: float = 0  # what the ratio of CPU shall be at most; 0 for none
    traced: int = 0  # operations under strace
    only: str = ""  # this server alone

    @property
    def has_floor(self):
        """What the kernel alone takes is known of short answers of POP3 and LMTP."""
        return self.user not in ("large", "huge") and self.protocol != "imap"


def counts(posthouse, dovecot):
    return {"posthouse": posthouse, "dovecot": dovecot}


WORKS = [
    Work("deliver-1", "LMTP delivery, 2 KB, 1 connection", "deliver", "lmtp", 1, counts(400, 200), {"size": 2048}, traced=100),
    Work("deliver-8", "LMTP delivery, 2 KB, 8 connections", "deliver", "lmtp", 8, counts(3000, 400), {"size": 2048},
         target=1 / 10),
    Work("deliver-32", "LMTP delivery, 2 KB, 32 connections", "deliver", "lmtp", 32, counts(5000, 600), {"size": 2048},
         target=1 / 15, traced=320),
    Work("recipients-10", "LMTP, one message to 10 recipients", "deliver", "lmtp", 8, counts(800, 80),
         {"size": 2048, "recipients": 10}, target=1 / 20, traced=40),
    Work("login", "POP3 login, STAT, QUIT", "login", "pop3", 8, counts(5000, 600), user="read", target=1 / 12, traced=80),
    Work("read", "POP3 STAT, LIST, UIDL, 20 RETR", "read", "pop3", 8, counts(1000, 200), {"messages": READ_MESSAGES},
         user="read", target=1 / 8, traced=40),
    Work("delete", "POP3 50 DELE, QUIT", "delete", "pop3", 8, counts(160, 32), {"messages": DELETE_MESSAGES}, user="delete",
         target=1 / 6, traced=16),
    Work("stat-10k", "POP3 login, STAT of 10,000", "login", "pop3", 1, counts(100, 40), user="large", target=1 / 5),
    Work("uidl-10k", "POP3 login, UIDL of 10,000", "uidl", "pop3", 1, counts(100, 40), user="large", target=1 / 5),
    Work("stat-100k", "POP3 login, STAT of 100,000", "login", "pop3", 1, counts(10, 0), user="huge", only="posthouse"),
    Work("uidl-100k", "POP3 login, UIDL of 100,000", "uidl", "pop3", 1, counts(10, 0), user="huge", only="posthouse"),
    Work("imap-login", "IMAP LOGIN, SELECT, LOGOUT", "imap-login", "imap", 8, counts(4000, 400), user="read", target=1 / 10,
         traced=80),
    Work("imap-list-10k", "IMAP FETCH of a mail program's list, 10,000 messages", "imap-list", "imap", 1, counts(10, 4),
         user="large", target=1 / 10),
    Work("imap-read", "IMAP LOGIN, SELECT, 20 FETCH BODY[]", "imap-read", "imap", 8, counts(800, 160),
         {"messages": READ_MESSAGES}, user="read", target=1 / 4, traced=40),
    Work("imap-store", "IMAP LOGIN, SELECT, 40 STORE", "imap-store", "imap", 8, counts(160, 32), {"messages": 20, "users": 32},
         user="read", target=1 / 5, traced=16),
    Work("imap-append", "IMAP LOGIN, SELECT, 20 APPEND of 2 KB", "imap-append", "imap", 8, counts(160, 32),
         {"messages": 20, "size": 2048}, user="append", target=1 / 8, traced=16),
    Work("imap-select-100k", "IMAP LOGIN, SELECT of 100,000, LOGOUT", "imap-login", "imap", 1, counts(20, 0), user="huge",
         only="posthouse"),
]  # fmt: skip


class Load:
    """bench/load.c against one server."""

    def __init__(self, release):
        self.program = release / "bench" / "posthouse-load"

    def command(self, server, work, protocol, **options):
        words = [self.program, work, "127.0.0.1", str(server.ports[protocol]), "--password", servers.PASSWORD]
        for name, value in options.items():
            words += [f"--{name}"] + ([] if value is True else [str(value)])
        return words

    def run(self, server, work, protocol, **options):
        command = self.command(server, work, protocol, **options)
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


class Bench:
    def __init__(self, made, nothing, release, is_quick, directory):
        self.servers = made
        self.nothing = nothing
        self.load = Load(release)
        self.is_quick = is_quick
        self.directory = directory
        self.large = LARGE // 10 if is_quick else LARGE
        self.huge = HUGE // 10 if is_quick else HUGE

    def say(self, text):
        print(f"... {text}", flush=True)

    def count(self, work, server):
        counted = work.counts.get(server.name, work.counts["posthouse"])
        return max(counted // (5 if self.is_quick else 1), 8)

    # ---- Stores filled alike ----

    def fill(self, server):
        self.say(f"{server.name}: filling")
        server.add_domain()
        for prefix, users in (("user", 64), ("read", READ_USERS), ("delete", 160), ("append", 64), ("large", 1), ("huge", 1)):
            server.add_users(prefix, users)
        deliver = {"size": 2048}
        self.load.run(server, "deliver", "lmtp", connections=16, count=READ_USERS * READ_MESSAGES, users=READ_USERS,
                      user="read", **deliver)  # fmt: skip
        self.load.run(server, "deliver", "lmtp", connections=8, count=self.large, users=1, user="large", **deliver)
        if server.name == "posthouse":
            self.load.run(server, "deliver", "lmtp", connections=32, count=self.huge, users=1, user="huge", **deliver)
        for prefix, users in (("read", READ_USERS), ("delete", 160), ("large", 1), ("huge", 1)):
            self.load.run(server, "login", "pop3", connections=min(users, 8), count=users, users=users, user=prefix)

    def fill_for(self, work, server, count):
        if work.load == "delete" and server is not self.nothing:
            self.load.run(server, "deliver", "lmtp", connections=16, count=count * DELETE_MESSAGES, users=count,
                          user=work.user, size=2048)  # fmt: skip

    def options(self, work, count):
        options = dict(work.options, connections=min(work.connections, count), count=count, user=work.user)
        if work.load == "delete":
            options["users"] = count
        return options

    # ---- Measuring ----

    def measure(self, work, server):
        count = self.count(work, server)
        self.fill_for(work, server, count)
        before = measure.cpu_s(server.process.pid)
        result = self.load.run(server, work.load, work.protocol, **self.options(work, count))
        cpu = measure.cpu_s(server.process.pid) - before
        return {"cpu_ms": cpu * 1000 / count, "rate": count / result["seconds"], "p50_ms": result["p50_ms"]}

    def trace(self, work, server):
        self.fill_for(work, server, work.traced)
        with measure.SystemCalls(server.process.pid, self.directory) as calls:
            self.load.run(server, work.load, work.protocol, **self.options(work, work.traced))
        return {"calls": calls.total / work.traced, "syncs": calls.syncs / work.traced}

    def hold(self, server, protocol, is_tls):
        count = HELD[server.name] // (10 if self.is_quick else 1)
        self.say(f"{server.name}: {count} sessions of {protocol} held, {'TLS' if is_tls else 'in clear'}")
        options = {"connections": count, "user": "hold", "sources": 8, **({"tls": True} if is_tls else {})}
        before = measure.memory_kib(server.process.pid)
        work = "hold" if protocol == "pop3" else "imap-hold"
        command = self.load.command(server, work, protocol + ("s" if is_tls else ""), **options)
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        is_held = holder.stdout.readline().startswith("{")
        after = measure.memory_kib(server.process.pid)
        holder.communicate()
        if not is_held or holder.returncode != 0:
            raise subprocess.CalledProcessError(holder.returncode, command)
        return {"held": count, "pss_kib": (after[0] - before[0]) / count, "tables_kib": (after[1] - before[1]) / count}

    def hold_all(self, server):
        """On a server started anew: what earlier work left free would hide what a session takes."""
        server.add_users("hold", HELD[server.name])
        held = {}
        for protocol in ("pop3", "imap"):
            for kind in ("plain", "tls"):
                server.stop()
                server.start()
                # What the first sessions of a process bring with them is not theirs alone.
                work, port = ("login", "imap-login")[protocol == "imap"], protocol + ("s" if kind == "tls" else "")
                self.load.run(server, work, port, connections=8, count=64, users=64, user="hold",
                              **({"tls": True} if kind == "tls" else {}))  # fmt: skip
                held[f"{protocol}-{kind}"] = self.hold(server, protocol, kind == "tls")
        return held

    def run(self, rounds):
        try:
            for server in self.servers:
                server.start()
                self.fill(server)
            self.nothing.start()
            return self.run_started(rounds)
        finally:
            for server in [*self.servers, self.nothing]:
                server.stop()

    def run_started(self, rounds):
        results = {server.name: {"works": {}, "traces": {}} for server in [*self.servers, self.nothing]}
        for number in range(rounds):
            self.say(f"round {number + 1} of {rounds}")
            for work in WORKS:
                floor = [self.nothing] if work.has_floor else []
                for server in [*(self.servers if number % 2 == 0 else reversed(self.servers)), *floor]:
                    if work.only in ("", server.name):
                        measured = self.measure(work, server)
                        results[server.name]["works"].setdefault(work.name, []).append(measured)
        for server in self.servers:
            self.say(f"{server.name}: system calls")
            for work in WORKS:
                if work.traced > 0:
                    results[server.name]["traces"][work.name] = self.trace(work, server)
            results[server.name]["held"] = self.hold_all(server)
        return results
