# SPDX-License-Identifier: Apache-2.0
"""A real S3 service for tests: s3s-fs, which keeps objects as files and checks every signature. Cargo builds it once,
into the user's cache (~/.cache/posthouse/s3)."""

import fcntl
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import time

from support.process import WITH_US, end

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "posthouse" / "s3"
CRATE, VERSION = "s3s-fs", "0.17.0"
ACCESS_KEY, SECRET_KEY = "posthouse", "secret-of-tests"
BUCKET = "mail"
BUILD_SECONDS = 1500
# Rather built soon than fast.
QUICKLY = {"CARGO_PROFILE_RELEASE_OPT_LEVEL": "1", "CARGO_PROFILE_RELEASE_LTO": "off",
           "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16", "CARGO_PROFILE_RELEASE_DEBUG": "false"}  # fmt: skip
START_SECONDS = 60


def program():
    """The path of the service's program. Whoever comes second waits for who builds it."""
    directory = CACHE / hashlib.sha256(VERSION.encode()).hexdigest()[:16]
    binary = directory / "bin" / CRATE
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            # Debian's, before any other that a developer has: the crate wants a new compiler.
            env = {**os.environ, **QUICKLY, "PATH": "/usr/bin:/bin:" + os.environ["PATH"], "CARGO_TARGET_DIR": str(CACHE / "target")}
            command = ["cargo", "install", CRATE, "--version", f"={VERSION}", "--features", "binary", "--locked", "--quiet",
                       "--root", directory]  # fmt: skip
            result = subprocess.run(command, cwd=CACHE, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                    timeout=BUILD_SECONDS)  # fmt: skip
            if result.returncode != 0:
                raise RuntimeError(f"cargo did not build {CRATE}:\n{result.stderr[-4000:]}")
    return binary


class Service:
    """One bucket, `mail`, in a directory. A context manager; stop() and start() in between are what tests are about."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.root = self.directory / "root"
        (self.root / BUCKET).mkdir(parents=True)
        self.key_file = self.directory / "key"
        self.key_file.write_text(f"{ACCESS_KEY}\n{SECRET_KEY}\n")
        self.key_file.chmod(0o600)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.process = None

    def settings(self, **changes):
        """The section s3 of a configuration."""
        return {"endpoint": self.endpoint, "bucket": BUCKET, "key_file": str(self.key_file), "timeout_ms": 2000, **changes}

    def start(self, secret=SECRET_KEY):
        command = [*WITH_US, program(), "--host", "127.0.0.1", "--port", str(self.port), "--access-key", ACCESS_KEY,
                   "--secret-key", secret, self.root]  # fmt: skip
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return self
            except OSError:
                assert self.process.poll() is None, (self.directory / "log").read_text()[-4000:]
                assert time.monotonic() < deadline, "the S3 service does not listen"
                time.sleep(0.02)

    def stop(self):
        end(self.process, 0)
        self.process = None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def objects(self, prefix=""):
        """Paths of the objects whose keys begin with the prefix, a directory."""
        return sorted(path for path in (self.root / BUCKET / prefix).glob("*") if path.is_file())

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None:
            self.go_on()
            self.stop()
