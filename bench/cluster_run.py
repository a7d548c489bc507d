# SPDX-License-Identifier: Apache-2.0
"""What bench/cluster does with a cluster: Posthouse nodes in its datacenters, one profile after the other, the same work."""

import collections
import dataclasses
import json
import re
import subprocess
import sys
import time

import measure
import servers
import yaml

USERS = 80
MESSAGE_BYTES = 2048
START_SECONDS = 120
SETUP_ATTEMPTS = 20
STATS = 200  # sessions, to see how long STAT takes
MAILDROP = 5000  # messages that one session deletes
FLOOR_SECONDS, FLOOR_DELETIONS = 140, 1000


class PosthouseNode(servers.Posthouse):
    """Posthouse in a datacenter, beside its Cassandra nodes. The ports are those of 10.77.D.100 and on."""

    def __init__(self, directory, binary, cluster, datacenter, index, keyspace, profile):
        self.place = cluster.datacenter(datacenter)
        self.prefix = self.place.command()
        self.host = self.place.guest(index)
        self.title = f"{datacenter}-{index + 1}"
        super().__init__(directory, binary)
        self.config.write_text(yaml.safe_dump({
            "hostname": "mx.bench.example",
            "data_dir": str(self.store),
            "listeners": [{"protocol": protocol, "address": f"{self.host}:0", "tls": "none"} for protocol in ("lmtp", "pop3")],
            "auth": {"plaintext_networks": ["10.77.0.0/16"], "argon2_memory_kib": 64, "argon2_passes": 1,
                     "cache_seconds": 86400, "hash_queue": 100000},
            "limits": {"connections": 20000, "connections_per_address": 0},
            "store": {"engine": "cassandra"},
            "cassandra": {"contact_points": cluster.contact_points(datacenter), "local_datacenter": datacenter,
                          "keyspace": keyspace, "profile": profile},
        }), encoding="utf-8")  # fmt: skip

    def command(self, *words):
        command = [*self.prefix, self.binary, "--config", self.config, *words]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError(f"posthouse {' '.join(words)}: {result.stderr}{self.log_text()[-2000:]}")
        return result.stdout

    def start(self):
        with open(self.log, "wb") as stderr:
            command = ["setpriv", "--pdeathsig", "KILL", *self.prefix, self.binary, "--config", self.config, "serve"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr)
        self.wait_until(lambda: "event=ready" in self.log_text())
        found = re.findall(r"event=listening\b.*?protocol=(\w+) address=[\d.]+:(\d+)", self.log_text())
        self.ports = {protocol: int(port) for protocol, port in found}
        return self

    def address(self, protocol):
        return f"{self.host}:{self.ports[protocol]}"

    def add_users(self, prefix, count):
        """One by one, each until it is there: with conditional statements, on a cluster that was just started, it may time out."""
        for number in range(count):
            self.until_done("user add", {"user": f"{prefix}{number}@{servers.DOMAIN}"}, servers.PASSWORD.encode())

    def add_domain(self):
        self.until_done("domain add", {"domain": servers.DOMAIN}, b"")

    def until_done(self, *request):
        for _ in range(SETUP_ATTEMPTS):
            try:
                self.ask(request)
                return
            except RuntimeError as error:
                last = error
                if "'conflict'" in str(error):  # an attempt that timed out has made it
                    return
        raise last

    def status(self):
        [status] = self.ask(("status", {}, b""))
        return status


@dataclasses.dataclass
class Snapshot:
    time: float
    posthouse_cpu_s: float
    cassandra_cpu_s: float
    statements: dict  # name -> Counter of count, failures, conditional, total_us
    serial_timeouts: int


class Trial:
    """One profile on one cluster: a keyspace of its own, `nodes_each` Posthouse nodes in every datacenter."""

    def __init__(self, cluster, profile, nodes_each, directory, release):
        self.cluster = cluster
        self.profile = profile
        self.release = release
        self.directory = directory
        self.keyspace = "bench_" + profile.replace("-", "_")
        self.first = 0  # number of the next message
        self.nodes = [
            PosthouseNode(directory / f"{profile}-{place.name}-{index}", release / "posthouse", cluster, place.name, index,
                          self.keyspace, profile)
            for index in range(nodes_each) for place in cluster.datacenters
        ]  # fmt: skip

    def __enter__(self):
        try:
            self.make_keyspace()
            for node in self.nodes:
                node.start()
            self.nodes[0].add_domain()
            self.nodes[0].add_users("user", USERS)
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for node in self.nodes:
            node.stop()

    def make_keyspace(self):
        factor = min(3, self.cluster.nodes_each)
        replication = ",".join(f"{place.name}={factor}" for place in self.cluster.datacenters)
        self.nodes[0].command("schema", "create", "--replication", replication)

    # ---- Loads ----

    def load(self, work, protocol, **options):
        command = [self.release / "bench" / "posthouse-steady", work, "--password", servers.PASSWORD, "--users", str(USERS)]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        command += [node.address(protocol) for node in self.nodes]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        return json.loads(output)

    def snapshot(self):
        statements = collections.defaultdict(collections.Counter)
        serial_timeouts = 0
        for node in self.nodes:
            status = node.status()
            for name, one in status["statements"].items():
                statements[name].update(one)
            serial_timeouts += status.get("cassandra", {}).get("serial_timeouts", 0)
        posthouse = sum(measure.cpu_s(node.process.pid) for node in self.nodes)
        return Snapshot(time.monotonic(), posthouse, self.cluster.cpu_seconds(), statements, serial_timeouts)

    def measured(self, work, protocol, **options):
        """The load's own figures, and what the servers took and asked meanwhile."""
        before = self.snapshot()
        result = self.load(work, protocol, **options)
        after = self.snapshot()
        operations = max(1, result["done"])
        result["posthouse_cpu_ms"] = (after.posthouse_cpu_s - before.posthouse_cpu_s) * 1000 / operations
        result["cassandra_cpu_ms"] = (after.cassandra_cpu_s - before.cassandra_cpu_s) * 1000 / operations
        result["cassandra_cpu_s"] = after.cassandra_cpu_s - before.cassandra_cpu_s
        result["serial_timeouts"] = after.serial_timeouts - before.serial_timeouts
        result["statements"] = {
            name: {key: after.statements[name][key] - before.statements[name][key] for key in after.statements[name]}
            for name in sorted(after.statements)
            if after.statements[name]["count"] > before.statements[name]["count"]
        }
        return result

    def deliver(self, record=None, **options):
        options = {"size": MESSAGE_BYTES, "first": self.first, **options}
        if record is not None:
            options["record"] = record
        result = self.measured("deliver", "lmtp", **options)
        self.first += 10_000_000
        self.say(result)
        return result

    def sessions(self, work, connections=8, **options):
        result = self.measured(work, "pop3", connections=connections, **options)
        self.say(result)
        return result

    def say(self, result):
        """How far it is, for whoever waits."""
        text = f"{self.profile}: {result['work']}: {result['done']} in {result['seconds']:.1f} s, {result['refused']} refused"
        print(text, result["refusals"] or "", file=sys.stderr, flush=True)

    def warm_up(self, seconds):
        self.deliver(seconds=seconds, rate=50, connections=16)
        self.sessions("stat")
        self.empty()

    def empty(self):
        """Deletes all there is, until nothing is left."""
        for _ in range(5):
            if self.sessions("delete")["refused"] == 0 and self.sessions("stat")["messages"] == 0:
                return
        raise RuntimeError(f"profile {self.profile}: maildrops could not be emptied")

    # ---- The mission's test ----

    def mission(self, rate, seconds, connections):
        """Deliveries at a fixed rate, then STAT of all, then all messages one by one, then DELE and QUIT of all."""
        accepted, found = self.directory / "accepted", self.directory / "found"
        steps = {"deliver": self.deliver(record=accepted, rate=rate, seconds=seconds, connections=connections)}
        steps["stat"] = self.sessions("stat")
        # A maildrop is open once at a time: a session that came too early would be refused.
        steps["session"] = self.sessions("session")
        steps["collect"] = self.sessions("collect", record=found)
        steps["delete"] = self.sessions("delete")
        steps["empty"] = self.sessions("stat")
        return {"steps": steps, **compare(accepted, found)}

    def saturation(self, seconds, connections):
        result = self.deliver(seconds=seconds, connections=connections)
        self.empty()
        return result


def compare(accepted_path, found_path):
    """Was each message that was accepted found exactly once?"""
    accepted = set(map(int, accepted_path.read_text(encoding="ascii").split()))
    found = collections.Counter(map(int, found_path.read_text(encoding="ascii").split()))
    return {
        "accepted": len(accepted),
        "lost": len(accepted - found.keys()),
        "doubled": sum(1 for count in found.values() if count > 1),
        "beyond": len(found.keys() - accepted),  # refused, and there nevertheless: the outcome was unknown
    }


def run_profiles(cluster, options, directory, release):
    """{profile: results} on a cluster that runs."""
    results = {}
    for profile in options.profiles:
        before = cluster.paxos_writes()
        with Trial(cluster, profile, options.posthouse, directory, release) as trial:
            trial.warm_up(options.warm_up)
            results[profile] = {
                "mission": trial.mission(options.rate, options.seconds, options.offering),
                "saturation": trial.saturation(options.saturation, options.connections),
            }
        results[profile]["paxos_writes"] = cluster.paxos_writes() - before
        results[profile]["cassandra_mib"] = cluster.memory_mib()
    return results


def run_alone(cluster, options, directory, release):
    """What a delivery and a session cost on one node of Cassandra, when both sides are warm."""
    with Trial(cluster, "lwt-free", 1, directory, release) as trial:
        count = options.alone
        for _ in range(options.alone_rounds):
            trial.deliver(count=count, connections=20)
            trial.sessions("session", count=count, connections=20)
            trial.empty()
        delivery = trial.deliver(count=count, connections=20)
        session = trial.sessions("session", count=count, connections=20)
        trial.empty()
        found = {"delivery": delivery, "session": session}
        if options.deletions:
            found["deletions"] = deletions(trial, options.deletions)
        return found


def deletions(trial, count):
    """Login and STAT of one maildrop: before, behind COUNT deliveries and deletions, and when the floor has been raised
    over those; Posthouse raises it only to what is two minutes old."""

    def stat():
        steps = trial.sessions("stat", connections=1, users=1, count=STATS)["steps"]
        return {"login": steps["login"], "stat": steps["stat"]}

    def fill_and_empty(messages):
        trial.deliver(connections=16, users=1, count=messages)
        trial.sessions("delete", connections=1, users=1, count=1)

    before = stat()
    for _ in range(count // MAILDROP):
        fill_and_empty(MAILDROP)
    behind = stat()
    time.sleep(FLOOR_SECONDS)
    fill_and_empty(FLOOR_DELETIONS)
    time.sleep(10)
    return {"count": count, "before": before, "behind": behind, "floor": stat()}
