# SPDX-License-Identifier: Apache-2.0
"""Calls of a running server that fail when a test says so: the test's half of tests/faults/faults.c."""

import contextlib
import errno
import mmap
import os
import pathlib
import struct
import subprocess

from support import posthouse

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "faults" / "faults.c"
NOTHING, WRITE, READ_ONLY, SYNC, ACCEPT, MALLOC, READ = range(7)
# kind, at, times, error, is_torn, count, failed
CONTROL = struct.Struct("<IIIiIII")
COUNTS = struct.Struct("<II")
ERRORS = {WRITE: errno.ENOSPC, READ_ONLY: errno.EROFS, SYNC: errno.EIO, ACCEPT: errno.EMFILE, MALLOC: errno.ENOMEM,
          READ: errno.EIO}


class FaultyServer(posthouse.Server):
    """A server whose calls can be made to fail."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.library = self.directory / "faults.so"
        subprocess.run(["gcc", "-O1", "-Wall", "-Werror", "-D_GNU_SOURCE", "-fPIC", "-shared", SOURCE, "-o", self.library,
                        "-ldl"], check=True)
        self.control_path = self.directory / "control"
        self.control_path.write_bytes(bytes(CONTROL.size))
        with open(self.control_path, "r+b") as file:
            self.control = mmap.mmap(file.fileno(), CONTROL.size)

    def start(self):
        """Whatever is armed counts from the start on."""
        names = {"LD_PRELOAD": str(self.library), "FAULTS_ROOT": str(self.data_dir),
                 "FAULTS_CONTROL": str(self.control_path)}
        os.environ.update(names)
        try:
            return super().start()
        finally:
            for name in names:
                del os.environ[name]

    def arm(self, kind, at=1, times=0, error=None, is_torn=False):
        self.control[:CONTROL.size] = CONTROL.pack(NOTHING, at, times, error or ERRORS.get(kind, 0), is_torn, 0, 0)
        self.control[:4] = struct.pack("<I", kind)  # last: from now on it counts

    def disarm(self):
        self.control[:4] = struct.pack("<I", NOTHING)

    @property
    def counted(self):
        """(calls of the kind, how many of them failed) since it was armed."""
        return COUNTS.unpack_from(self.control, CONTROL.size - COUNTS.size)

    @contextlib.contextmanager
    def fault(self, kind, **how):
        self.arm(kind, **how)
        try:
            yield
        finally:
            self.disarm()
