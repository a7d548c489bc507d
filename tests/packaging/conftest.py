# SPDX-License-Identifier: Apache-2.0
"""A Debian to install the package on. `package` is the .deb, `machine` a fresh system.

The base system is made once by debootstrap, with what the package depends on, and kept in build/packaging. A machine is a layer
over it in memory, in namespaces of its own: its daemons cannot meet the host's, and end with the test whatever happens. It has
no systemd running, so that the script for machines without it is what starts the server.

POSTHOUSE_DEB names a package to test; without it, it is built. Root is needed.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "packaging"
SUITE = "bookworm"
ENVIRONMENT = {"HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive",
               "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

# Runs in the new namespaces, before anything else: the machine's own root, network and process list.
SET_UP = r"""
set -e
mount -t tmpfs tmpfs "$2"
mkdir "$2/upper" "$2/work" "$2/system"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/system"
mount -t proc proc "$2/system/proc"
mount --rbind /dev "$2/system/dev"
mkdir -p "$2/system/packages"
mount --bind "$3" "$2/system/packages"
# Nothing boots here, and then invoke-rc.d wants to be told that daemons may start.
printf '#!/bin/sh\nexit 0\n' > "$2/system/usr/sbin/policy-rc.d"
chmod 755 "$2/system/usr/sbin/policy-rc.d"
ip link set lo up
echo ready
# As the first process this shell takes leave of every orphan that ends.
while :; do
    sleep 3600 &
    wait $!
done
"""


def run(*command, timeout=600, check=True, stdin=b""):
    result = subprocess.run([str(word) for word in command], input=stdin, capture_output=True, timeout=timeout)
    assert not check or result.returncode == 0, "{} ended with {}\n{}\n{}".format(
        " ".join(map(str, command)), result.returncode, result.stdout.decode()[-4000:], result.stderr.decode()[-4000:])
    return result


class Machine:
    def __init__(self, base, directory, packages):
        self.mount = directory
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--net", "--uts", "--ipc",
             "setpriv", "--pdeathsig", "KILL", "sh", "-c", SET_UP, "sh", base, directory, packages],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        line = self.holder.stdout.readline()
        assert line == b"ready\n", line + self.holder.stdout.read()
        children = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        self.init = children[0]

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()

    def run(self, *command, check=True, stdin=b"", timeout=120):
        variables = [f"{key}={value}" for key, value in ENVIRONMENT.items()]
        # nsenter's own --root would be resolved outside.
        return run("nsenter", "-t", self.init, "--mount", "--pid", "--net", "--uts", "--ipc", "chroot", self.mount / "system",
                   "env", "-i", *variables, *command, check=check, stdin=stdin, timeout=timeout)

    def text(self, *command, **options):
        return self.run(*command, **options).stdout.decode()

    def exists(self, path):
        return self.run("test", "-e", path, check=False).returncode == 0

    def write(self, path, text):
        self.run("tee", path, stdin=text.encode())

    def installed(self):
        """What dpkg thinks of the package: "install ok installed 0.1.0-1", or "" when it knows nothing of it."""
        return self.text("dpkg-query", "-W", "-f", "${Status} ${Version}", "posthouse", check=False)

    def dpkg(self, *words):
        """Without a terminal: a question would fail, and so would the test."""
        result = self.run("dpkg", *words)
        return (result.stdout + result.stderr).decode()


@pytest.fixture(scope="session")
def package():
    assert os.geteuid() == 0, "installing a package needs root"
    if "POSTHOUSE_DEB" in os.environ:
        return ROOT / os.environ["POSTHOUSE_DEB"]
    output = run(ROOT / "tools" / "build-deb", timeout=1500).stdout.decode()
    return ROOT / output.split()[-1]


def control(package, field):
    return run("dpkg-deb", "-f", package, field).stdout.decode().strip()


@pytest.fixture(scope="session")
def base(package):
    names = sorted(re.findall(r"(?:^|, )([a-z0-9.+-]+)", control(package, "Depends") + ", " + control(package, "Pre-Depends")))
    names += ["logrotate", "lsb-base"]
    CACHE.mkdir(parents=True, exist_ok=True)
    directory = CACHE / (SUITE + "-" + hashlib.sha256(" ".join(names).encode()).hexdigest()[:12])
    if not directory.is_dir():
        partial = directory.with_suffix(f".{os.getpid()}")
        try:
            run("debootstrap", "--variant=minbase", f"--include={','.join(names)}", SUITE, partial, timeout=900)
            run("rm", "-rf", *(partial / "var/cache/apt/archives").glob("*.deb"))
            partial.rename(directory)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return directory


@pytest.fixture(scope="session")
def packages(package, tmp_path_factory):
    """Directory with new.deb, and old.deb as an older version had it: other number, other default configuration."""
    directory = tmp_path_factory.mktemp("packages")
    shutil.copy(package, directory / "new.deb")
    tree = directory / "old"
    run("dpkg-deb", "-R", package, tree)
    fields = tree / "DEBIAN" / "control"
    fields.write_text(re.sub(r"(?m)^Version: .*", "Version: 0.0.9-1", fields.read_text()))
    with open(tree / "etc/posthouse/posthouse.yaml", "a") as config:
        config.write("# of the older version\n")
    run("dpkg-deb", "--root-owner-group", "-b", tree, directory / "old.deb")
    return directory


@pytest.fixture
def machine(base, packages, tmp_path):
    one = Machine(base, tmp_path, packages)
    yield one
    one.close()
