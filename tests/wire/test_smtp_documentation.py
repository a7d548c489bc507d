# SPDX-License-Identifier: Apache-2.0
"""docs/smtp.md lists the replies as src/smtp/reply.h has them, and a transcript or a test meets each of them."""

import html
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def replies():
    table = (ROOT / "src/smtp/reply.h").read_text(encoding="utf-8").split("#define PH_SMTP_REPLIES", 1)[1]
    table = table.split("enum ph_smtp_reply {")[0].replace("\\\n", " ")
    found = re.findall(r'X\(\w+, (\d+), "([^"]*)",\s*"([^"]*)"\)', table)
    assert len(found) == table.count(" X("), "a row has another form"
    return [(f"{code} {enhanced}".strip(), text) for code, enhanced, text in found]


def test_the_documentation_has_every_reply():
    page = (ROOT / "docs/smtp.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d\d\d(?: [0-9.]+)?) \| (.*) \|$", page, re.M)
    assert [(code, html.unescape(text)) for code, text in rows] == replies()


def test_every_reply_is_met_on_the_wire():
    folder = pathlib.Path(__file__).parent
    met = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix in (".txt", ".py"))
    assert [] == [f"{code} {text}" for code, text in replies()
                  if f"{code} {text}" not in met and f'== "{code.split(" ")[-1]} {text}"' not in met]
