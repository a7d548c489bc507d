# SPDX-License-Identifier: Apache-2.0
"""What a server takes: CPU, memory and system calls of its whole process tree, from /proc and by strace."""

import os
import pathlib
import re
import signal
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
SYNCS = ("fsync", "fdatasync", "sync_file_range", "msync", "sync", "syncfs")


def stat_of(pid):
    """The fields of /proc/PID/stat behind the name: [0] is the state, [1] the parent. None if it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rsplit(")", 1)[1].split()


def tree(root):
    """The pids of a process and all below it."""
    parents = {}
    for entry in os.listdir("/proc"):
        fields = stat_of(entry) if entry.isdigit() else None
        if fields is not None:
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


def cpu_s(root):
    """User and system time so far. Children that ended count through the parent that waited for them."""
    ticks = 0
    for pid in tree(root):
        fields = stat_of(pid)
        if fields is not None:
            ticks += sum(int(value) for value in fields[11:15])
    return ticks / TICKS


def memory_kib(root):
    """(PSS, page tables) of the tree."""
    pss = tables = 0
    for pid in tree(root):
        try:
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        pss += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1))
        tables += int(re.search(r"^VmPTE:\s+(\d+)", status, re.M).group(1))
    return pss, tables


class SystemCalls:
    """Counts the system calls of a tree while the context lasts: `counts`, by name. A call that began before and waits
    is not counted."""

    def __init__(self, root, directory):
        self.root = root
        self.output = directory / "strace"
        self.counts = {}

    def __enter__(self):
        pids = tree(self.root)
        command = ["strace", "-f", "-c", "-o", self.output]
        for pid in pids:
            command += ["-p", str(pid)]
        self.strace = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while not all(self.is_traced(pid) for pid in pids):
            if self.strace.poll() is not None:
                raise RuntimeError("strace cannot attach: it needs CAP_SYS_PTRACE or the same user")
            time.sleep(0.02)
        return self

    @staticmethod
    def is_traced(pid):
        """All its threads, or gone."""
        try:
            tasks = [p.read_text(encoding="utf-8", errors="replace") for p in pathlib.Path(f"/proc/{pid}/task").glob("*/status")]
        except OSError:
            return True
        return all(not re.search(r"^TracerPid:\s+0$", task, re.M) for task in tasks)

    def __exit__(self, *_):
        self.strace.send_signal(signal.SIGINT)
        self.strace.wait()
        for line in self.output.read_text(encoding="ascii").splitlines():
            fields = line.split()
            if len(fields) >= 5 and re.fullmatch(r"[\d.]+", fields[0]) and fields[-1] != "total":
                self.counts[fields[-1]] = self.counts.get(fields[-1], 0) + int(fields[3])

    @property
    def total(self):
        return sum(self.counts.values())

    @property
    def syncs(self):
        return sum(self.counts.get(name, 0) for name in SYNCS)
