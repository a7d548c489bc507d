# SPDX-License-Identifier: Apache-2.0
"""A Posthouse node of a cluster: `posthouse serve` inside a datacenter, on its Cassandra nodes."""

import pathlib
import subprocess

from support.posthouse import Server

SOURCE = pathlib.Path(__file__).resolve().parent / "clock_offset.c"
PORTS = {("smtp", "starttls"): 25, ("lmtp", "none"): 24, ("pop3", "starttls"): 110}


class ClusterServer(Server):
    """`name` is that of the node in a history: dc1-a, dc1-b, dc2-a and so on. Ports are fixed, so that clients find it
    again after a restart."""

    def __init__(self, cluster, datacenter, index, keyspace, hash_queue=1000, **of_cassandra):
        self.datacenter = datacenter
        self.name = f"{datacenter}-{'abcdefgh'[index]}"
        self.place = cluster.datacenter(datacenter)
        super().__init__(host=self.place.guest(index), prefix=self.place.command(), settings={
            # Clients come from a few addresses and log in again and again; what a hash costs is not the matter here.
            "auth": {"plaintext_networks": ["10.77.0.0/16"], "failures_before_delay": 10000, "failures": 10000,
                     "argon2_memory_kib": 64, "argon2_passes": 1, "hash_queue": hash_queue},
            "store": {"engine": "cassandra"},
            "cassandra": {
                "contact_points": cluster.contact_points(datacenter), "local_datacenter": datacenter, "keyspace": keyspace,
                "profile": "lwt-free", "request_timeout_ms": 5000, "requests_max": 64, "requests_waiting_max": 256,
                **of_cassandra},
            "limits": {"connections_per_address": 0},
        })  # fmt: skip

    def standard_listeners(self):
        return [{"protocol": protocol, "address": f"{self.host}:{port}", "tls": tls} for (protocol, tls), port in PORTS.items()]

    def set_clock(self, offset_s):
        """From the next start on, the server's clock of the day is ahead by so much. Its monotonic clock is as it is."""
        library = self.directory / "clock_offset.so"
        subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-D_GNU_SOURCE", "-fPIC", "-shared", SOURCE, "-o", library, "-ldl"],
                       check=True)
        self.prefix = self.place.command("env", f"LD_PRELOAD={library}", f"CLOCK_OFFSET_SECONDS={offset_s}")

    def restart_with_clock(self, offset_s):
        self.set_clock(offset_s)
        self.restart()

    @property
    def deadline_seconds(self):
        return self.config["cassandra"]["request_timeout_ms"] / 1000

    @property
    def waiting_at_most(self):
        """Requests under way, and those that wait for them; logins that wait to be looked at."""
        requests = self.config["cassandra"]["requests_max"] + self.config["cassandra"]["requests_waiting_max"]
        return requests + self.config["auth"]["hash_queue"]

    def address(self, protocol, tls="starttls"):
        return self.host, PORTS[protocol, tls]

    def threads(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(text.split("Threads:")[1].split()[0])
