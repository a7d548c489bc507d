#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Realistic mail from a seed: the same seed gives the same octets, on every machine.

`Generator(seed).message()` makes one message of whatever kind and size mail has: personal text in many languages,
newsletters with HTML and pictures, lists, attachments, reports, forwarded mail, signed mail, deep MIME trees.
`of_size(n)` makes one of exactly n octets, to 50 MB and beyond. `edge_messages()` are the odd ones, by name.

Everything is in CRLF form with no line longer than 998 octets, no bare CR or LF and no NUL: what SMTP may carry. The
octets are put together here and not by Python's email package, so that nothing tidies them.

By hand: tests/support/generator.py --seed 1 --count 100 --directory DIR writes one file for each message.
"""

import argparse
import base64
import pathlib
import quopri
import random
import textwrap

CRLF = "\r\n"

# Sentences in the charsets that mail really uses.
LANGUAGES = [
    ("us-ascii", "The quick brown fox jumps over the lazy dog while the council meets on Thursday about parking"),
    ("utf-8", "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich – “Grüße” aus Łódź, 日本 und 🚀"),
    ("iso-8859-1", "Voix ambiguë d'un cœur qui au zéphyr préfère les jattes de kiwis".replace("œ", "oe")),
    ("iso-8859-2", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
    ("iso-8859-15", "Le prix est de 35 € pour l'œuvre complète de l'été"),
    ("windows-1252", "The price is €20 — “cheap”, isn’t it… says Mr. Müller"),
    ("windows-1251", "Съешь же ещё этих мягких французских булок да выпей чаю"),
    ("koi8-r", "В чащах юга жил бы цитрус? Да, но фальшивый экземпляр"),
    ("iso-8859-7", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία"),
    ("windows-1255", "דג סקרן שט בים מאוכזב ולפתע מצא חברה"),
    ("windows-1256", "نص حكيم له سر قاطع وذو شأن عظيم"),
    ("iso-2022-jp", "いろはにほへと ちりぬるを 会議は木曜日です"),
    ("shift_jis", "吾輩は猫である。名前はまだ無い。"),
    ("euc-jp", "祇園精舎の鐘の声、諸行無常の響きあり"),
    ("gb2312", "床前明月光 疑是地上霜 举头望明月 低头思故乡"),
    ("gb18030", "天地玄黄 宇宙洪荒 日月盈昃 辰宿列张"),
    ("big5", "落霞與孤鶩齊飛 秋水共長天一色"),
    ("euc-kr", "키스의 고유조건은 입술끼리 만나야 하고"),
    ("tis-620", "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า"),
]
PEOPLE = ["Alice Example", "Bob B. Brown", "Jürgen Müller", "Žofie Dvořáková", "Иван Петров", "山田 太郎", "김철수",
          "O'Neil, Pat", "Dr. \"Bones\" McCoy", "Zoë", "محمد علي", "Ana María López de la Fuente y Gómez"]
HOSTS = ["example.net", "mail.example.com", "lists.example.org", "xn--bcher-kva.example", "a.very.deep.sub.example.net"]
FILES = ["report.pdf", "Übersicht 2026.xlsx", "фото.jpg", "議事録.docx", "a\"quoted\\name.txt", "no extension",
         "a very long file name that has to be continued over more than one parameter because nobody would shorten it.tar.gz"]
TYPES = ["application/pdf", "image/png", "application/octet-stream", "application/zip", "audio/ogg",
         "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"]
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.kinds = [(self.personal, 30), (self.newsletter, 20), (self.with_attachments, 15), (self.list_post, 12),
                      (self.forward, 6), (self.report, 5), (self.signed, 4), (self.invitation, 4), (self.deep, 4)]

    # ---- What tests ask for ----

    def message(self):
        """One message of a size as mail has it: most of some kilobytes, a few of many."""
        makers, weights = zip(*self.kinds)
        return self.random.choices(makers, weights)[0]()

    def messages(self, count):
        return [self.message() for _ in range(count)]

    def of_size(self, octets):
        """A message of exactly this many octets, at least 1,000: a picture as attachment, as large mail is made of."""
        boundary = self.boundary()
        lead = CRLF.join([
            f"From: {self.token(7)}@example.net", "To: someone@example.org", f"Subject: {octets} octets", f"Date: {self.date()}",
            f"Message-ID: <{self.token(24)}@example.net>", "MIME-Version: 1.0",
            f'Content-Type: multipart/mixed; boundary="{boundary}"', "", f"--{boundary}", "Content-Type: text/plain", "",
            "See attachment"])
        picture = CRLF.join(["", f"--{boundary}", "Content-Type: image/jpeg; name=picture.jpg",
                             "Content-Transfer-Encoding: base64", "", ""])
        end = f"--{boundary}--{CRLF}"
        # Whole lines of the picture, and what is missing to the octet stands in the text.
        lines, missing = divmod(octets - len(lead) - len(picture) - len(end), 78)
        assert lines >= 0, f"{octets} octets are too few"
        data = (lead + "." * missing + picture + self.base64_lines(lines) + end).encode("ascii")
        assert len(data) == octets
        return data

    # ---- Kinds of messages ----

    def personal(self):
        charset, encoding = self.charset_and_encoding()
        return self.encode(self.header(*self.text_type("plain", charset, encoding)) + CRLF
                           ) + self.text_body(charset, encoding, self.paragraphs(charset))

    def newsletter(self):
        alternative = self.multipart("alternative", [
            self.text_part("plain"),
            self.multipart("related", [self.text_part("html")] + [self.picture() for _ in range(self.random.randint(0, 3))])
            if self.random.random() < 0.5 else self.text_part("html")])
        extra = [f"List-Unsubscribe: <https://news.example.com/u/{self.token(40)}>, <mailto:u@news.example.com>",
                 "List-Unsubscribe-Post: List-Unsubscribe=One-Click", "Precedence: bulk", f"Feedback-ID: {self.token(60)}"]
        return self.top(alternative, extra)

    def with_attachments(self):
        parts = [self.text_part("plain")] + [self.attachment() for _ in range(self.random.randint(1, 4))]
        return self.top(self.multipart("mixed", parts))

    def list_post(self):
        name = f"{self.token(8).lower()}.lists.example.org"
        extra = [f"Sender: owner@{name}", f"List-Id: A list of many words <{name}>", f"List-Post: <mailto:post@{name}>",
                 f"List-Help: <mailto:help@{name}?subject=help>", f"List-Archive: <https://{name}/archive/>",
                 f"X-BeenThere: post@{name}", "Precedence: list", self.references(self.random.randint(1, 40))]
        charset, encoding = self.charset_and_encoding()
        footer = "_______________________________________________\npost mailing list\n"
        return self.encode(self.header(*self.text_type("plain", charset, encoding), extra) + CRLF
                           ) + self.text_body(charset, encoding, self.quoted(charset) + footer)

    def forward(self):
        inner = self.message() if self.random.random() < 0.4 else self.personal()
        return self.top(self.multipart("mixed", [self.text_part("plain"), (["Content-Type: message/rfc822",
                        "Content-Disposition: inline", self.transfer_of(inner)], inner)]))

    def report(self):
        status = self.encode(CRLF.join([
            "Reporting-MTA: dns; mx.example.net", f"Arrival-Date: {self.date()}", "", "Final-Recipient: rfc822; gone@example.com",
            "Action: failed", "Status: 5.1.1", "Diagnostic-Code: smtp; 550 5.1.1 No such user", ""]))
        bounced = self.encode(self.header("text/plain"))
        return self.top(self.multipart("report", [
            self.text_part("plain"), (["Content-Type: message/delivery-status"], status),
            (["Content-Type: text/rfc822-headers"], bounced)], "; report-type=delivery-status"), ["Auto-Submitted: auto-replied"])

    def signed(self):
        signature = base64.encodebytes(self.random.randbytes(700)).replace(b"\n", b"\r\n")
        return self.top(self.multipart("signed", [self.text_part("plain"), (
            ["Content-Type: application/pkcs7-signature; name=smime.p7s", "Content-Transfer-Encoding: base64",
             "Content-Disposition: attachment; filename=smime.p7s"], signature)],
            '; protocol="application/pkcs7-signature"; micalg=sha-256'))

    def invitation(self):
        event = self.encode(CRLF.join([
            "BEGIN:VCALENDAR", "VERSION:2.0", "METHOD:REQUEST", "BEGIN:VEVENT", f"UID:{self.token(30)}", "SUMMARY:Meeting",
            "DTSTART:20261201T100000Z", "DESCRIPTION:a line that is folded as calendars fold theirs\\n", " and goes on here",
            "END:VEVENT", "END:VCALENDAR", ""]))
        return self.top(self.multipart("alternative", [
            self.text_part("plain"), (["Content-Type: text/calendar; charset=utf-8; method=REQUEST"], event)]))

    def deep(self):
        part = self.text_part("plain")
        for _ in range(self.random.randint(8, 30)):
            part = self.multipart(self.random.choice(["mixed", "alternative", "related"]),
                                  [part] + ([self.picture()] if self.random.random() < 0.2 else []))
        return self.top(part)

    # ---- Parts: (header lines, body octets) ----

    def top(self, part, extra=()):
        lines, body = part
        return self.encode(self.header(lines[0].split(": ", 1)[1], lines[1:], list(extra)) + CRLF) + body

    def multipart(self, subtype, parts, parameters=""):
        boundary = self.boundary()
        quoted = f'"{boundary}"' if self.random.random() < 0.7 or not boundary.isalnum() else boundary
        body = b""
        if self.random.random() < 0.3:
            body += b"This is a multi-part message in MIME format.\r\n"
        for lines, content in parts:
            body += self.encode(f"--{boundary}{CRLF}{CRLF.join(lines)}{CRLF}{CRLF}") + content
            if not content.endswith(b"\r\n") or self.random.random() < 0.5:
                body += b"\r\n"
        body += self.encode(f"--{boundary}--{CRLF}")
        if self.random.random() < 0.1:
            body += b"\r\nThe epilogue, which nobody sees.\r\n"
        return [f"Content-Type: multipart/{subtype}{parameters};{CRLF}\tboundary={quoted}"], body

    def text_part(self, subtype):
        charset, encoding = self.charset_and_encoding()
        kind, lines = self.text_type(subtype, charset, encoding)
        text = self.paragraphs(charset)
        if subtype == "html":
            text = "<!DOCTYPE html>\n<html><body>\n" + "".join(f"<p class=\"x\">{line}</p>\n" for line in text.split("\n")
                                                               ) + "</body></html>\n"
        return [f"Content-Type: {kind}"] + lines, self.text_body(charset, encoding, text)

    def picture(self):
        return self.binary_part([f"Content-Type: image/png; name=\"{self.token(6)}.png\"", f"Content-ID: <{self.token(12)}@x>",
                                 "Content-Disposition: inline"], 200, 20_000)

    def attachment(self):
        name = self.random.choice(FILES)
        lines = [f"Content-Type: {self.random.choice(TYPES)}{self.parameter('name', name)}",
                 f"Content-Disposition: attachment{self.parameter('filename', name)}"]
        return self.binary_part(lines, 500, 200_000)

    def binary_part(self, lines, low, high):
        # Log-uniform: many small ones and a few large ones, as attachments are.
        size = int(low * (high / low) ** self.random.random())
        content = base64.encodebytes(self.random.randbytes(size)).replace(b"\n", b"\r\n")
        return lines + ["Content-Transfer-Encoding: base64"], content

    # ---- Text ----

    def charset_and_encoding(self):
        charset = self.random.choice(LANGUAGES)[0]
        if charset in ("us-ascii", "iso-2022-jp"):
            return charset, self.random.choice(["7bit", "7bit", "quoted-printable", "base64", ""])
        return charset, self.random.choice(["8bit", "8bit", "quoted-printable", "quoted-printable", "base64"])

    def text_type(self, subtype, charset, encoding):
        value = f"text/{subtype}; charset=" + self.random.choice([charset, charset.upper(), f'"{charset}"'])
        if subtype == "plain" and self.random.random() < 0.2:
            value += "; format=flowed; delsp=yes"
        return value, [f"Content-Transfer-Encoding: {encoding}"] if encoding else []

    def paragraphs(self, charset):
        """Some kilobytes of text with the traps of real mail in it: dots, From lines, signatures, blanks, tabs."""
        sentence = dict(LANGUAGES)[charset]
        lines = []
        for _ in range(self.random.randint(1, 12)):
            for line in textwrap.wrap(" ".join([sentence] * self.random.randint(1, 6)), 72):
                trap = self.random.random()
                lines.append("." + line if trap < 0.02 else "." if trap < 0.03 else "From " + line if trap < 0.04
                             else line + " " if trap < 0.06 else "\t" + line if trap < 0.07 else line)
            lines.append("")
        return "\n".join(lines + ["-- ", "A signature", ""])

    def quoted(self, charset):
        return "\n".join("> " * self.random.randint(0, 3) + line for line in self.paragraphs(charset).split("\n")) + "\n"

    def text_body(self, charset, encoding, text):
        data = text.replace("\n", CRLF).encode(charset)
        if encoding == "base64":
            return base64.encodebytes(data).replace(b"\n", b"\r\n")
        if encoding == "quoted-printable":
            return quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        return data

    # ---- Headers ----

    def header(self, content_type, content_lines=(), extra=()):
        """All fields of a message, as one string that ends with CRLF."""
        fields = [self.received() for _ in range(self.random.randint(0, 4))]
        if self.random.random() < 0.5:
            fields.append(self.signature_field())
        fields += [self.subject(), f"From: {self.mailbox()}", self.recipients(), f"Date: {self.date()}",
                   f"Message-ID: <{self.token(24)}@{self.random.choice(HOSTS)}>", *extra]
        if self.random.random() < 0.3:
            fields.append(self.references(self.random.randint(1, 12)))
        if self.random.random() < 0.3:
            fields.append(f"X-{self.token(6)}: " + (CRLF + "\t").join(self.token(70) for _ in range(self.random.randint(1, 30))))
        if self.random.random() < 0.5:
            self.random.shuffle(fields)
        return CRLF.join(fields + ["MIME-Version: 1.0", f"Content-Type: {content_type}", *content_lines, ""])

    def received(self):
        a, b = self.random.choice(HOSTS), self.random.choice(HOSTS)
        return (f"Received: from {a} ({a} [192.0.2.{self.random.randint(1, 254)}]){CRLF}\tby {b} (Postfix) with ESMTPS id "
                f"{self.token(11)}{CRLF}\tfor <someone@{b}>; {self.date()}")

    def signature_field(self):
        value = (CRLF + "\t ").join(self.token(70) for _ in range(5))
        return (f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.net; s=s1;{CRLF}"
                f"\th=from:to:subject:date; bh={self.token(43)}=;{CRLF}\tb={value}==")

    def subject(self):
        charset, sentence = self.random.choice(LANGUAGES)
        choice = self.random.random()
        if choice < 0.05:
            return "Subject:"
        if choice < 0.1:
            return "Subject: " + f"{CRLF} ".join(["word " * 14] * self.random.randint(2, 12))
        words = self.random.choice(["", "Re: ", "AW: Re: ", "[list] "])
        return "Subject: " + words + (sentence[:60] if charset == "us-ascii" else self.encoded_words(sentence, charset))

    def encoded_words(self, text, charset):
        """RFC 2047: B or Q, each word at most 75 octets, folded."""
        words = []
        for start in range(0, len(text), 8):
            data = text[start:start + 8].encode(charset)
            if self.random.random() < 0.5:
                words.append(f"=?{charset}?B?{base64.b64encode(data).decode()}?=")
            else:
                coded = "".join(chr(c) if chr(c).isalnum() and c < 128 else "_" if c == 32 else f"={c:02X}" for c in data)
                words.append(f"=?{charset}?Q?{coded}?=")
        return f"{CRLF} ".join(words)

    def mailbox(self):
        name = self.random.choice(PEOPLE)
        address = f"{self.token(7).lower()}@{self.random.choice(HOSTS)}"
        if not name.isascii():
            return f"{self.encoded_words(name, 'utf-8')} <{address}>"
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return self.random.choice([f'"{quoted}" <{address}>', address, f"<{address}>", f"{address} (a comment (nested) here)"])

    def recipients(self):
        count = 1 if self.random.random() < 0.8 else self.random.randint(2, 60)
        return "To: " + f",{CRLF}\t".join(self.mailbox() for _ in range(count))

    def references(self, count):
        return "References: " + f"{CRLF} ".join(f"<{self.token(30)}@{self.random.choice(HOSTS)}>" for _ in range(count))

    def parameter(self, key, value):
        """A parameter as programs write it: plain, RFC 2231 (whole or in pieces), or an RFC 2047 word in quotes."""
        if value.isascii() and len(value) < 40:
            quoted = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'; {key}="{quoted}"'
        coded = "".join(chr(c) if chr(c).isalnum() and c < 128 else f"%{c:02X}" for c in value.encode())
        style = self.random.random()
        if style < 0.4 and len(coded) < 60:
            return f";{CRLF} {key}*=utf-8''{coded}"
        if style < 0.8:
            # A piece may end within %XX or between the octets of one character: readers must join first.
            pieces = [coded[i:i + 48] for i in range(0, len(coded), 48)]
            return "".join(f";{CRLF} {key}*{i}*={'utf-8' + chr(39) * 2 if i == 0 else ''}{piece}"
                           for i, piece in enumerate(pieces))
        return f';{CRLF} {key}="{self.encoded_words(value, "utf-8")}"'

    # ---- Small things ----

    def date(self):
        zone = self.random.choice(["+0000", "-0700", "+0530", "+0200 (CEST)", "GMT"])
        return (f"{self.random.choice(DAYS)}, {self.random.randint(1, 28)} {self.random.choice(MONTHS)} "
                f"{self.random.randint(1995, 2026)} {self.random.randint(0, 23):02}:{self.random.randint(0, 59):02}:00 {zone}")

    def boundary(self):
        return self.random.choice(["", "=_", "----=_NextPart_", "Apple-Mail-", "'()+_,-./:=? "]) + self.token(20)

    def token(self, length):
        return "".join(self.random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=length))

    def base64_lines(self, count):
        # One megabyte at random, repeated with a line number in between, is different enough and quick.
        block = [base64.b64encode(self.random.randbytes(57)).decode() for _ in range(min(count, 16_384))]
        return "".join(f"{i:08}{block[i % 16_384][8:]}{CRLF}" for i in range(count))

    def transfer_of(self, data):
        return "Content-Transfer-Encoding: " + ("7bit" if data.isascii() else "8bit")

    def encode(self, text):
        return text.encode("utf-8")


def edge_messages():
    """{name: message}: what is rare and right, so that it must come through unchanged."""
    head = b"From: a@example.net\r\nTo: b@example.org\r\nSubject: edge\r\nMessage-ID: <%s@edge.example>\r\n"
    bodies = {
        "empty-body": b"\r\n",
        "no-blank-line": b"",
        "only-blank-lines": b"\r\n" * 6,
        "lone-dot": b"\r\n.\r\n",
        "lone-dots": b"\r\n.\r\n.\r\n.\r\n",
        "dots": b"\r\n.\r\n..\r\n...\r\n.a\r\n..b\r\n. \r\n.\t.\r\nend.\r\n",
        "dot-first-and-last": b"\r\n.first\r\nmiddle\r\n.\r\n",
        "no-final-newline": b"\r\nthe last line does not end",
        "no-final-newline-dot": b"\r\nthe last line is a dot\r\n.",
        "line-of-998": b"\r\n" + b"x" * 998 + b"\r\nshort\r\n" + b"." + b"y" * 997 + b"\r\n",
        "header-line-of-998": b"X-Long: " + b"z" * 990 + b"\r\n\r\nbody\r\n",
        "header-of-32k": b"X-Long: " + b"\r\n ".join([b"w" * 70] * 450) + b"\r\n\r\nbody\r\n",
        "references-of-300": b"References: " + b"\r\n ".join(b"<%d@edge.example>" % i for i in range(300)) + b"\r\n\r\nbody\r\n",
        "empty-fields": b"X-Empty:\r\nX-Blank: \r\nX-Tab:\t\r\n\r\nbody\r\n",
        "twice-the-same-field": b"Subject: again\r\nX-A: 1\r\nX-A: 2\r\n\r\nbody\r\n",
        "fold-with-tab": b"X-Folded: one\r\n\ttwo\r\n\t three\r\n\r\nbody\r\n",
        "colon-spaces": b"X-Spaced:   many   spaces   \r\n\r\nbody\r\n",
        "all-octets": b"\r\n" + bytes(c for c in range(1, 256) if c not in (10, 13)) + b"\r\n",
        "raw-utf8-header": "X-Name: Jürgen 日本 🚀\r\n\r\nbody\r\n".encode(),
        "raw-latin1-header": "X-Name: Jürgen Müller\r\n\r\nbody\r\n".encode("latin-1"),
        "from-lines": b"\r\nFrom here on\r\n>From there\r\n\r\nFrom a@b.c Thu Jan  1 00:00:00 1970\r\nend\r\n",
        "trailing-blanks": b"\r\nspaces  \r\n\ttabs\t\t\r\n \r\n\t\r\n",
        "blank-lines-at-both-ends": b"\r\n\r\n\r\nmiddle\r\n\r\n\r\n",
        "unfinished-multipart": b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nno end\r\n",
        "boundary-without-parts": b"Content-Type: multipart/mixed; boundary=x\r\n\r\nonly a preamble\r\n",
        "status-fields": b"Status: RO\r\nX-Status: A\r\nX-UIDL: abc\r\nContent-Length: 3\r\nLines: 1\r\n\r\nbody\r\n",
        "form-feed-and-escape": b"\r\n\x0c\x1b[31mred\x1b[0m\x07\x08\x7f\r\n",
    }
    return {name: head % name.encode() + rest for name, rest in bodies.items()}


def main():
    parser = argparse.ArgumentParser(description="Write generated messages into a directory, one file each.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--directory", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    arguments.directory.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(Generator(arguments.seed).messages(arguments.count), 1):
        (arguments.directory / f"{number:06}.eml").write_bytes(data)


if __name__ == "__main__":
    main()
