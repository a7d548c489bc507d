# SPDX-License-Identifier: Apache-2.0
"""A node of Apache Cassandra for tests: the jars of Maven Central, run by Java 17, with a configuration and a directory of
its own. No container, no installation, nothing outside the directory.

`Node` starts in about four seconds on an idle core, because it is set for tests: the quick compiler alone, no JMX unless
nodetool is wanted, no waiting for gossip, schema changes kept in the commit log only. A node that is to be killed and started again
must write them to disk (`is_durable`); one whose speed is measured wants the full compiler (`is_measured`).
tools/cassandra is the same for a shell.
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
POM = ROOT / "tools" / "cassandra-pom.xml"
CACHE = ROOT / "build" / "cassandra"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
START_SECONDS = 270  # four on an idle machine; one that builds at the same time is given more
STOP_SECONDS = 60

CQL_PORT, STORAGE_PORT = 9042, 7000
OPTIONS_FRAME = bytes([4, 0, 0, 0, 5, 0, 0, 0, 0])  # native protocol 4: OPTIONS, which needs no login

# What Cassandra's own start script opens to it on Java 17.
MODULES = [
    *(f"--add-exports={name}=ALL-UNNAMED" for name in (
        "java.base/java.lang.ref", "java.base/jdk.internal.misc", "java.base/jdk.internal.ref", "java.base/sun.nio.ch",
        "java.management.rmi/com.sun.jmx.remote.internal.rmi", "java.rmi/sun.rmi.registry", "java.rmi/sun.rmi.server",
        "java.sql/java.sql", "jdk.attach/sun.tools.attach", "jdk.unsupported/sun.misc")),
    *(f"--add-opens={name}=ALL-UNNAMED" for name in (
        "java.base/java.io", "java.base/java.lang", "java.base/java.lang.module", "java.base/java.lang.reflect",
        "java.base/java.nio", "java.base/java.util", "java.base/java.util.concurrent",
        "java.base/java.util.concurrent.atomic", "java.base/jdk.internal.loader", "java.base/jdk.internal.math",
        "java.base/jdk.internal.module", "java.base/jdk.internal.ref", "java.base/jdk.internal.reflect",
        "java.base/jdk.internal.util.jar", "java.base/sun.nio.ch", "jdk.management/com.sun.management.internal")),
]  # fmt: skip

COMMITLOG = {
    "periodic": "commitlog_sync: periodic\ncommitlog_sync_period: 10000ms\n",
    "batch": "commitlog_sync: batch\n",
    "group": "commitlog_sync: group\ncommitlog_sync_group_window: 2ms\n",
}

# Those of the configuration that Cassandra ships.
TIMEOUTS_MS = {"read_ms": 5000, "range_ms": 10000, "write_ms": 2000, "contention_ms": 1000}

# Limits fit a heap of 256 MiB and more.
CONFIGURATION = """\
cluster_name: posthouse
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
num_tokens: {tokens}
endpoint_snitch: GossipingPropertyFileSnitch
dynamic_snitch: false
auto_bootstrap: false
storage_compatibility_mode: NONE
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "{seeds}"}}]
listen_address: {address}
rpc_address: {address}
storage_port: {storage_port}
ssl_storage_port: {ssl_storage_port}
native_transport_port: {port}
data_file_directories: [{directory}/data/data]
commitlog_directory: {directory}/data/commitlog
saved_caches_directory: {directory}/data/saved_caches
hints_directory: {directory}/data/hints
cdc_raw_directory: {directory}/data/cdc_raw
commitlog_segment_size: 8MiB
commitlog_total_space: 128MiB
memtable_heap_space: {memtable_mib}MiB
memtable_offheap_space: {memtable_mib}MiB
file_cache_size: 32MiB
networking_cache_size: 32MiB
key_cache_size: 8MiB
counter_cache_size: 4MiB
prepared_statements_cache_size: 8MiB
concurrent_reads: 16
concurrent_writes: 32
concurrent_counter_writes: 16
read_request_timeout: {read_ms}ms
range_request_timeout: {range_ms}ms
write_request_timeout: {write_ms}ms
counter_write_request_timeout: {read_ms}ms
cas_contention_timeout: {contention_ms}ms
truncate_request_timeout: 60000ms
auto_snapshot: false
"""

LOGGING = """\
<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>{directory}/system.log</file>
    <encoder><pattern>%date{{ISO8601}} %-5level [%thread] %logger{{0}} - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
</configuration>
"""

QUIET = '<configuration><root level="OFF"/></configuration>\n'


def jars():
    """The jars, sorted. Fetched by Maven if build/cassandra has not those that the POM names; whoever comes second waits."""
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    directory = CACHE / digest
    if not directory.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with open(CACHE / "lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not directory.is_dir():
                fetch(directory)
    return sorted(directory.glob("*.jar"))


def fetch(directory):
    partial = pathlib.Path(tempfile.mkdtemp(prefix="fetching-", dir=CACHE))
    command = ["mvn", "--batch-mode", "--quiet", "--file", POM, COPY, f"-DoutputDirectory={partial}", "-DincludeScope=runtime"]
    try:
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
        if result.returncode != 0 or not list(partial.glob("cassandra-all-*.jar")):
            raise RuntimeError(f"Maven did not fetch Cassandra:\n{result.stdout[-4000:]}{result.stderr[-2000:]}")
        partial.rename(directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def java():
    """Java 17, which is what Cassandra 5.0 supports best; a machine may have others beside it."""
    for path in ("/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "/usr/lib/jvm/java-17-openjdk-arm64/bin/java"):
        if os.access(path, os.X_OK):
            return path
    path = shutil.which("java")
    if path is None:
        raise RuntimeError("there is no Java: tools/packages.txt lists what the tests need")
    return path


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


class Node:
    """One node. `address` and `port` are where it answers CQL; `process` is the running java, None if there is none."""

    def __init__(self, directory, address="127.0.0.1", port=None, storage_port=None, datacenter="dc1", seeds=None,
                 token=None, heap_mib=512, commitlog="periodic", has_passwords=False, tls=None, is_durable=False,
                 is_measured=False, prefix=(), patience=1, jmx_port=None, settings=""):  # fmt: skip
        """`seeds`: addresses with ports; the node itself if none. `token`: its only one, else four by chance.
        `tls`: (certificate, key) as PEM files. `prefix`: what runs the command, such as nsenter.
        `patience`: its timeouts are so many times those that Cassandra ships. `jmx_port`: of 127.0.0.1 where `prefix` leads;
        nodetool wants it. `settings`: more lines of cassandra.yaml."""
        self.directory = pathlib.Path(directory).resolve()
        self.address = address
        if port is None:
            port, storage_port, self.ssl_storage_port = free_ports(3)
        else:
            self.ssl_storage_port = (storage_port or STORAGE_PORT) + 1
        self.port = port
        self.storage_port = storage_port or STORAGE_PORT
        self.datacenter = datacenter
        self.seeds = seeds or f"{address}:{self.storage_port}"
        self.is_alone = self.seeds == f"{address}:{self.storage_port}"
        self.token = token
        self.heap_mib = heap_mib
        self.commitlog = commitlog
        self.has_passwords = has_passwords
        self.tls = tls
        self.is_durable = is_durable
        self.is_measured = is_measured
        self.prefix = list(prefix)
        self.patience = patience
        self.jmx_port = jmx_port
        self.settings = settings
        self.process = None
        self.is_begun = False  # it was started once, and belongs to its cluster

    @property
    def log(self):
        return self.directory / "system.log"

    # ---- Configuration ----

    def configuration(self):
        text = CONFIGURATION.format(
            tokens=1 if self.token is not None else 4, seeds=self.seeds, address=self.address,
            storage_port=self.storage_port, ssl_storage_port=self.ssl_storage_port, port=self.port,
            directory=self.directory, memtable_mib=max(32, self.heap_mib // 6),
            **{name: int(ms * self.patience) for name, ms in TIMEOUTS_MS.items()})  # fmt: skip
        text += COMMITLOG[self.commitlog]
        if self.token is not None:
            text += f'initial_token: "{self.token}"\n'
        if self.has_passwords:
            text += "authenticator: PasswordAuthenticator\nauthorizer: CassandraAuthorizer\n"
        if self.tls:
            text += "client_encryption_options:\n  enabled: true\n  optional: false\n"
            text += f"  keystore: {self.make_keystore()}\n  keystore_password: cassandra\n  store_type: PKCS12\n"
        return text + self.settings

    def make_keystore(self):
        path = self.directory / "keystore.p12"
        certificate, key = self.tls
        command = ["openssl", "pkcs12", "-export", "-in", certificate, "-inkey", key, "-out", path, "-passout", "pass:cassandra"]
        subprocess.run(command, check=True, capture_output=True)
        return path

    def write_configuration(self):
        (self.directory / "data").mkdir(parents=True, exist_ok=True)
        (self.directory / "cassandra.yaml").write_text(self.configuration(), encoding="utf-8")
        (self.directory / "logback.xml").write_text(LOGGING.format(directory=self.directory), encoding="utf-8")
        (self.directory / "logback-tools.xml").write_text(QUIET, encoding="utf-8")
        rack = f"dc={self.datacenter}\nrack=rack1\n"
        (self.directory / "cassandra-rackdc.properties").write_text(rack, encoding="utf-8")

    def command(self):
        properties = {
            "cassandra.config": f"file://{self.directory}/cassandra.yaml",
            "cassandra-rackdc.properties": f"file://{self.directory}/cassandra-rackdc.properties",
            "cassandra.storagedir": f"{self.directory}/data",
            "cassandra.logdir": f"{self.directory}",
            "logback.configurationFile": f"file://{self.directory}/logback.xml",
            "cassandra-foreground": "yes",
            # So long the first gossip with a seed may take; a node alone waits for nobody.
            "cassandra.ring_delay_ms": "100" if self.is_alone else "60000",
            "cassandra.skip_wait_for_gossip_to_settle": "0",
            "cassandra.superuser_setup_delay_ms": "0",
            "java.net.preferIPv4Stack": "true",
            "jdk.attach.allowAttachSelf": "true",
        }
        if self.jmx_port is not None:
            properties["cassandra.jmx.local.port"] = str(self.jmx_port)
        if not self.is_durable:
            # A change of the schema costs 30 ms in place of 400, and does not outlive the process.
            properties["cassandra.test.flush_local_schema_changes"] = "false"
        collector = ["-XX:+UseSerialGC"] if not self.is_measured else ["-XX:+UseParallelGC", "-XX:ParallelGCThreads=2"]
        return [
            *self.prefix, java(), f"-Xms{self.heap_mib}m", f"-Xmx{self.heap_mib}m", "-Xss256k", *collector,
            *([] if self.is_measured else ["-XX:TieredStopAtLevel=1"]),
            "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData", *MODULES,
            *(f"-D{name}={value}" for name, value in properties.items()),
            "-classpath", ":".join(str(path) for path in jars()), "org.apache.cassandra.service.CassandraDaemon",
        ]  # fmt: skip

    def nodetool(self, *words, timeout=600):
        """What an operator says to it; the output."""
        command = [
            *self.prefix, java(), "-Xmx128m", "-XX:TieredStopAtLevel=1", *MODULES,
            f"-Dlogback.configurationFile={(self.directory / 'logback-tools.xml').as_uri()}",
            f"-Duser.home={self.directory}", "-classpath", ":".join(str(path) for path in jars()),
            "org.apache.cassandra.tools.NodeTool", "--host", "127.0.0.1", "--port", str(self.jmx_port), *map(str, words),
        ]  # fmt: skip
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        if result.returncode != 0:
            raise RuntimeError(f"nodetool {' '.join(map(str, words))}: {result.stdout[-2000:]}{result.stderr[-4000:]}")
        return result.stdout

    # ---- Life ----

    def begin(self, is_detached=False):
        """Starts the process and returns at once. A node that is not detached ends when the thread that began it does."""
        assert self.process is None, "the node is running"
        self.write_configuration()
        self.is_begun = True
        fate = [] if is_detached else ["setpriv", "--pdeathsig", "KILL"]
        with open(self.directory / "output.log", "ab") as output:
            self.process = subprocess.Popen(
                [*fate, *self.command()], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.directory,
                start_new_session=True)  # fmt: skip
        return self

    def wait(self, seconds=START_SECONDS):
        """Until it answers CQL."""
        deadline = time.monotonic() + seconds
        while not self.answers():
            if self.process is not None and self.process.poll() is not None:
                raise RuntimeError(f"Cassandra ended with {self.process.returncode}\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Cassandra does not answer after {seconds} s\n{self.log_tail()}")
            time.sleep(0.05)
        return self

    def start(self):
        try:
            return self.begin().wait()
        except BaseException:
            self.kill()
            raise

    def answers(self):
        try:
            with socket.create_connection((self.address, self.port), timeout=2) as connection:
                if self.tls:
                    return True  # the port opens last of all
                connection.sendall(OPTIONS_FRAME)
                return connection.recv(1) == b"\x84"
        except OSError:
            return False

    def stop(self):
        """Politely, then surely."""
        if self.process is None:
            return
        self.resume()
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self):
        """At once, as when the power goes."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def leave(self):
        """Ends it for good, once it was decommissioned."""
        self.kill()
        self.is_begun = False

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    # ---- What it takes ----

    def cpu_seconds(self):
        """User and system time since it started."""
        if self.process is None:
            return 0.0
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) // 1024

    def log_tail(self, characters=6000):
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in (self.directory / "output.log", self.log)
                 if path.exists()]  # fmt: skip
        return "\n".join(text[-characters:] for text in texts)
