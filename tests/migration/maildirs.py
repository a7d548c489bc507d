# SPDX-License-Identifier: Apache-2.0
"""Maildirs and mboxes made by hand."""

import os


def make_maildir(path, messages=(), uid_validity=1700000000):
    """A Maildir with messages in LF form, UIDs from 1, and internal dates a minute apart."""
    for name in ("cur", "new", "tmp"):
        (path / name).mkdir(parents=True)
    lines = [f"3 V{uid_validity} N{len(messages) + 1}\n"]
    for number, message in enumerate(messages, 1):
        name = f"{1600000000 + number}.M{number}P1.host"
        add_file(path / "cur" / f"{name}:2,S", message, 1500000000 + 60 * number)
        lines.append(f"{number} :{name}\n")
    (path / "dovecot-uidlist").write_text("".join(lines))
    return path


def add_file(path, message, date=1500000000):
    path.write_bytes(message.replace(b"\r\n", b"\n"))
    os.utime(path, (date, date))


def make_mbox(path, messages):
    """As an mboxrd writer does."""
    with open(path, "wb") as out:
        for number, message in enumerate(messages):
            out.write(b"From alice@example.org Sun Nov 22 20:%02d:00 2026\n" % (number % 60))
            for line in message.replace(b"\r\n", b"\n").splitlines(keepends=True):
                out.write((b">" if line.lstrip(b">").startswith(b"From ") else b"") + line)
            out.write(b"\n")
    return path
