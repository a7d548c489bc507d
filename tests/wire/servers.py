# SPDX-License-Identifier: Apache-2.0
"""The servers that transcripts run on, by name: one process each, started when first asked for and shared by all
transcripts that name it."""

import time

from support.posthouse import HOSTNAME, Server

# Name of a listener in a transcript -> its configuration.
LISTENERS = {
    "smtp": {"protocol": "smtp", "address": "127.0.0.1:0", "tls": "starttls"},
    "smtps": {"protocol": "smtp", "address": "127.0.0.1:0", "tls": "implicit"},
    "submission": {"protocol": "submission", "address": "127.0.0.1:0", "tls": "starttls"},
    "submissions": {"protocol": "submission", "address": "127.0.0.1:0", "tls": "implicit"},
    "smtp-plain": {"protocol": "smtp", "address": "127.0.0.1:0", "tls": "none"},
    "lmtp": {"protocol": "lmtp", "address": "127.0.0.1:0", "tls": "none"},
    "lmtp-tls": {"protocol": "lmtp", "address": "127.0.0.1:0", "tls": "starttls"},
    # A unix socket stands in the server's own directory.
    "lmtp-unix": {"protocol": "lmtp", "address": "unix:lmtp.sock", "tls": "none"},
    "pop3": {"protocol": "pop3", "address": "127.0.0.1:0", "tls": "starttls"},
    "pop3s": {"protocol": "pop3", "address": "127.0.0.1:0", "tls": "implicit"},
    "pop3-plain": {"protocol": "pop3", "address": "127.0.0.1:0", "tls": "none"},
    "imap": {"protocol": "imap", "address": "127.0.0.1:0", "tls": "starttls"},
    "imaps": {"protocol": "imap", "address": "127.0.0.1:0", "tls": "implicit"},
    "imap-plain": {"protocol": "imap", "address": "127.0.0.1:0", "tls": "none"},
}

# Name of a server -> (what differs from the standard settings, listeners besides those above). A section replaces only
# the keys it names.
SERVERS = {
    "standard": ({}, {}),
    # Passwords in clear are for TLS alone.
    "strict": ({"auth": {"plaintext_networks": []}}, {}),
    "impatient": ({"limits": {"errors": 3}}, {}),
    "delayed": ({"pop3": {"login_delay_seconds": 3600, "expire_days": 30}}, {}),
    "narrow": ({"auth": {"hash_threads": 1, "hash_queue": 2, "argon2_memory_kib": 65536, "argon2_passes": 4}}, {}),
    "locked": ({"auth": {"failures": 3}}, {}),
    "quick-handshake": ({"workers": {"tls_handshake_seconds": 1}}, {}),
    "spacious": ({"limits": {"connections_per_address": 2000}}, {}),
    "crowded": ({"limits": {"connections_per_address": 3}}, {}),
    "full": ({"limits": {"connections": 4}}, {}),
    "proxied": (
        {
            "proxy_protocol": {"networks": ["127.0.0.1/32"]},
            "auth": {"plaintext_networks": ["198.51.100.0/24"]},
            "workers": {"tls_handshake_seconds": 1},
        },
        {
            "pop3-proxy": {"protocol": "pop3", "address": "127.0.0.1:0", "tls": "starttls", "proxy_protocol": True},
            "pop3s-proxy": {"protocol": "pop3", "address": "127.0.0.1:0", "tls": "implicit", "proxy_protocol": True},
        },
    ),
    "lenient": ({"smtp": {"bare_newline": "accept", "early_talkers": True, "send_as_others": True}}, {}),
    "idle": ({"limits": {"errors": 3}, "smtp": {"useless_commands": 4}}, {}),
    "small": ({"limits": {"message_bytes": 2000, "recipients": 2, "hops": 3}}, {}),
    "small-header": ({"limits": {"header_bytes": 1024}}, {}),
    "postmaster": ({"smtp": {"postmaster": "root@example.org"}}, {}),
    "slow": ({"smtp": {"command_seconds": 2, "data_seconds": 2}}, {}),
    "hasty-login": ({"pop3": {"login_seconds": 1}}, {}),
    "hasty": ({"pop3": {"idle_seconds": 1}}, {}),
}

# Cheap hashes, and no delay after failures, which all come from one address: these servers make hundreds of users and
# fail hundreds of logins, some under sanitizers.
STANDARD_SETTINGS = {
    "log": {"level": "debug"},
    "limits": {"errors": 50},
    "auth": {
        "plaintext_networks": ["127.0.0.0/8", "::1/128"],
        "argon2_memory_kib": 64,
        "argon2_passes": 1,
        "failure_delay_ms": 0,
        "failures": 1000000,
    },
}


def merged(base, over):
    """OVER on top of BASE, section by section."""
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


class WireServer(Server):
    """A server whose listeners have names."""

    def __init__(self, name):
        """NAME is one of SERVERS."""
        settings, listeners = SERVERS[name]
        self.named = {**LISTENERS, **listeners}
        super().__init__(settings=merged(STANDARD_SETTINGS, settings), listeners=list(self.named.values()))
        self.config["listeners"] = [
            {**listener, "address": listener["address"].replace("unix:", f"unix:{self.directory}/")}
            for listener in self.config["listeners"]]
        self.write_config()

    def start(self):
        self.bound = None
        return super().start()

    def add_certificate(self, name, alternatives):
        certificate, key = self.authority.issue(name, alternatives)
        self.config["tls"]["certificates"].append({"certificate": str(certificate), "key": str(key)})
        self.write_config()

    def listener_address(self, name):
        """What to connect to: (host, port), or the path of a unix socket."""
        if self.bound is None:  # read once: the log grows
            self.bound = [line["address"] for line in self.events("listening")]
        bound = self.bound[list(self.named).index(name)]
        if bound.startswith("unix:"):
            return bound[len("unix:"):]
        host, port = bound.rsplit(":", 1)
        return host.strip("[]"), int(port)

    def is_implicit_tls(self, name):
        return self.named[name]["tls"] == "implicit"

    def wait_for_event(self, event, wanted, seconds=30):
        """A log line with these fields; the server may still be about to write it."""
        deadline = time.monotonic() + seconds
        while True:
            lines = self.events(event)
            for line in lines:
                if all(line.get(key) == value for key, value in wanted.items()):
                    return line
            assert time.monotonic() < deadline, f"no {event} with {wanted} in the log, only {lines[-5:]}"
            time.sleep(0.02)


class Servers:
    """servers(name): the running server of this name."""

    def __init__(self):
        self.running = {}

    def __call__(self, name):
        if name not in self.running:
            server = WireServer(name)
            if name == "standard":
                server.add_certificate("mail.example.com", ["DNS:mail.example.com"])
            self.running[name] = server
            server.start()
            server.domain_add("example.org")
        return self.running[name]

    def close(self):
        errors = []
        for server in self.running.values():
            try:
                server.close()
            except AssertionError as error:
                errors.append(str(error))
        assert not errors, "\n".join(errors)


__all__ = ["HOSTNAME", "LISTENERS", "SERVERS", "Servers", "WireServer"]
