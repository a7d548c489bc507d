# SPDX-License-Identifier: Apache-2.0
"""Comparing what was sent with what was fetched, octet for octet.

The server puts exactly three header fields in front of a message that it delivers: Return-Path, Delivered-To and
Received, in this order. Behind them comes the message as it was sent, not one octet changed, with two exceptions that
RFCs name: Return-Path fields of its own header are gone (RFC 5321 section 4.4), and one that came by submission gets
the Message-ID and the Date that it lacks (RFC 6409 section 8).
"""

import collections
import re

CRLF = b"\r\n"
RETURN_PATH = re.compile(rb"^return-path[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.MULTILINE | re.IGNORECASE)
TRACE_FIELDS = [b"Return-Path", b"Delivered-To", b"Received"]


def to_crlf(data):
    """The CRLF form of text whose line ends are LF or CRLF."""
    return data.replace(b"\r\n", b"\n").replace(b"\n", CRLF)


def to_lf(data):
    return data.replace(CRLF, b"\n")


def complete(data):
    """What DATA can carry: the last line always has its end."""
    return data if data.endswith(CRLF) else data + CRLF


def as_delivered(data):
    """What the server holds of a message, behind the trace fields."""
    header = header_of(data)
    return complete(RETURN_PATH.sub(b"", header) + data[len(header):])


def header_of(data):
    """The header, without the empty line."""
    match = re.search(rb"(?:^|\r\n)\r\n", data)
    return data[:match.end() - 2] if match else data


def stuffed(data):
    """The message as DATA and RETR carry it: dots doubled at the start of a line, and the lone dot at the end."""
    return re.sub(rb"(?m)^\.", b"..", complete(data)) + b".\r\n"


def split_fields(data, count):
    """The first `count` header fields of a message, each with its folded lines, and the rest."""
    fields = []
    for _ in range(count):
        match = re.match(rb"[!-9;-~]+:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", data)
        assert match, f"no header field where a trace field belongs: {data[:80]!r}"
        fields.append(match.group())
        data = data[match.end():]
    return fields, data


def split_trace(data):
    """(the three fields that the server added, the message behind them)."""
    fields, rest = split_fields(data, len(TRACE_FIELDS))
    names = [field.split(b":")[0] for field in fields]
    assert names == TRACE_FIELDS, f"trace fields are {names}"
    return fields, rest


def without_trace(data):
    return split_trace(data)[1]


def assert_same(got, wanted):
    """One message, octet-exact; says where the first difference is."""
    if got == wanted:
        return
    at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
    start = max(0, at - 60)
    raise AssertionError(
        f"octet {at} differs (got {len(got)} octets, wanted {len(wanted)})\n"
        f"got    {got[start:at + 60]!r}\nwanted {wanted[start:at + 60]!r}")


def assert_delivered(got, sent, submitted=False):
    """Messages as fetched (with trace fields), in the order of delivery, against messages as sent."""
    assert len(got) == len(sent), f"fetched {len(got)} messages, sent {len(sent)}"
    for fetched, original in zip(got, sent):
        held = without_trace(fetched)
        if submitted:
            lacking = [name for name in (b"Message-ID", b"Date") if not has_field(original, name)]
            added, held = split_fields(held, len(lacking))
            assert [field.split(b":")[0] for field in added] == lacking, added
        assert_same(held, as_delivered(original))


def has_field(data, name):
    return re.search(rb"^%s[ \t]*:" % name, header_of(data), re.MULTILINE | re.IGNORECASE) is not None


def assert_same_set(got, wanted):
    """The same messages in whatever order, each as often as it was sent."""
    got_count, wanted_count = collections.Counter(got), collections.Counter(wanted)
    lost, extra = list((wanted_count - got_count).elements()), list((got_count - wanted_count).elements())
    if not lost and not extra:
        return
    if lost and extra:
        # Most likely the same message, changed: show the pair that starts alike for longest.
        pair = max(((a, b) for a in extra for b in lost), key=lambda pair: common_prefix(*pair))
        assert_same(*pair)
    raise AssertionError(
        f"{len(lost)} messages lost, {len(extra)} too many, of {len(wanted)}\n"
        + "\n".join(f"lost  {data[:200]!r}" for data in lost) + "\n".join(f"extra {data[:200]!r}" for data in extra))


def common_prefix(a, b):
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[:middle] == b[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
