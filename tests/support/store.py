# SPDX-License-Identifier: Apache-2.0
"""Where clients put what they fetched: one file for each message, written by a program that they call, or a Maildir."""

import os


class Store:
    """`program` reads a message on its standard input and keeps it, octet for octet."""

    def __init__(self, directory):
        self.directory = directory / "store"
        self.directory.mkdir()
        self.program = directory / "deliver"
        self.program.write_text(f"#!/bin/sh\nexec cat > \"$(mktemp {self.directory}/XXXXXXXX)\"\n")
        self.program.chmod(0o700)

    def messages(self):
        return [path.read_bytes() for path in self.directory.iterdir()]


class Maildir:
    def __init__(self, path):
        self.path = path
        for name in ("cur", "new", "tmp"):
            os.makedirs(path / name)

    def messages(self):
        return [path.read_bytes() for name in ("cur", "new") for path in (self.path / name).iterdir()]
