# SPDX-License-Identifier: Apache-2.0
"""Real messages: those that CPython's own email tests have collected (Debian's libpython3.11-testsuite)."""

import functools
import glob
import pathlib

from support.octets import complete, to_crlf

PATTERN = "/usr/lib/python3.*/test/test_email/data/msg_*.txt"


@functools.lru_cache(maxsize=None)
def real_messages():
    """{name: message} in CRLF form, each with its last line ended."""
    found = {pathlib.Path(path).stem: complete(to_crlf(pathlib.Path(path).read_bytes()))
             for path in sorted(glob.glob(PATTERN))}
    assert len(found) >= 40, f"{PATTERN}: install libpython3.11-testsuite"
    return found


def well_formed_messages():
    """Those whose header is a header: clients that take a message apart do not hand on the others unchanged.

    Left out are messages that start with an mbox line or with a line that is no field, and those without a blank line.
    """
    return {name: data for name, data in real_messages().items() if has_proper_header(data)}


def has_proper_header(data):
    header, blank, _ = data.partition(b"\r\n\r\n")
    lines = header.split(b"\r\n")
    return bool(blank) and not lines[0].startswith((b" ", b"\t")) and all(
        line[:1] in (b" ", b"\t") or b":" in line and b" " not in line.split(b":")[0] for line in lines)
