# SPDX-License-Identifier: Apache-2.0
"""Messages of many structures, sound and broken, made by a seed: for two servers that shall see the same in them."""

import random

BOUNDARIES = ["a", "ab", "abc", "=_x", "simple boundary", "-", "--", "----=_Part_1.2"]
TYPES = ["text/plain", "text/plain; charset=utf-8", 'TEXT/HTML; charset="us-ascii" (c)', 'image/png; name="a b.png"',
         "application/octet-stream", "message/rfc822", "multipart/mixed", "multipart/alternative", "multipart/digest", "",
         "message/delivery-status", "application/x; name=c"]
ADDRESSES = ["a@b.example", '"Q, \\"x" <q@r.example>', "John Doe <j@d.example>", "x@y.example (Name here)", "g: a@b, c@d;",
             "undisclosed:;", "<@r,@s:u@t.example>", "=?utf-8?Q?=C3=BC?= <u@x>", "root", "Ed (x) Y <e@y>"]
LINES = ["line", "-- ", "--", "---", "-", ".", "", "   ", "x" * 100, "--simple", "\tz", "--abcd", "--=_"]
DEPTH = 4


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def maybe(self, chance, *lines):
        return [self.random.choice(lines)] if self.random.random() < chance else []

    def addresses(self):
        between = self.random.choice([", ", ",\r\n "])
        return between.join(self.random.choice(ADDRESSES) for _ in range(self.random.randint(1, 3)))

    def envelope(self):
        lines = [f"{name}: {self.addresses()}" for name in ("From", "Sender", "Reply-To", "To", "Cc", "Bcc")
                 if self.random.random() < .5]
        lines += self.maybe(.7, "Subject: x", "Subject: a\r\n b", "Subject: =?utf-8?Q?=C3=BC?=", "Subject:   two  ")
        lines += self.maybe(.7, "Date: Mon, 1 Jan 2024 00:00:00 +0000")
        lines += self.maybe(.7, f"Message-ID: <{self.random.randrange(9999)}@x>")
        return lines + self.maybe(.4, "In-Reply-To: <a@b>\r\n <c@d>")

    def mime(self, kind, boundary):
        if boundary is not None:
            quoted = f'"{boundary}"' if set(boundary) & set(" =") or self.random.random() < .7 else boundary
            kind += self.random.choice(["; boundary=", ";\r\n boundary="]) + quoted
        lines = ["MIME-Version: 1.0"]
        if kind:
            lines.append(self.random.choice(["Content-Type: ", "content-type:", "CONTENT-TYPE : "]) + kind)
        lines += self.maybe(.4, "Content-Transfer-Encoding: 7bit", "Content-Transfer-Encoding: quoted-printable",
                            "Content-Transfer-Encoding:  binary (x)")
        lines += self.maybe(.3, "Content-Disposition: attachment; filename=a.txt", "Content-Disposition: inline",
                            'Content-Disposition: attachment; filename="a\\"b c"; size=3', "Content-Disposition: INLINE;")
        lines += self.maybe(.2, f"Content-ID: <{self.random.randrange(100)}@x>")
        lines += self.maybe(.2, "Content-Description: a\r\n b  c")
        lines += self.maybe(.1, "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==")
        lines += self.maybe(.1, "Content-Language: en", "Content-Language: en, de")
        return lines + self.maybe(.1, "Content-Location: http://a.b/c")

    def multipart(self, boundary, depth, is_digest):
        text = self.random.choice(["preamble\r\n", "pre\r\n\r\n", "--zz\r\n"])
        for _ in range(self.random.randint(0, 3)):
            # A part without a type is a message in a digest; what is none there, servers see each in their own way.
            kinds = [kind for kind in TYPES if kind or not is_digest]
            text += f"--{boundary}{self.random.choice(['', '', ' ', chr(9)])}\r\n"
            text += self.entity(depth + 1, self.random.choice(kinds), []) + "\r\n"
        if self.random.random() < .7:
            text += f"--{boundary}--" + self.random.choice(["\r\n", "", "\r\nepilogue\r\n"])
        return text

    def entity(self, depth, kind, lines):
        if depth >= DEPTH and kind.startswith(("multipart/", "message/rfc822")):
            kind = "text/plain"
        boundary = self.random.choice(BOUNDARIES) if kind.startswith("multipart/") else None
        lines = lines + self.mime(kind, boundary)
        self.random.shuffle(lines)
        head = "\r\n".join(lines) + "\r\n\r\n"
        if boundary is not None:
            return head + self.multipart(boundary, depth, "digest" in kind)
        if kind == "message/rfc822":
            return head + self.entity(depth + 1, self.random.choice(TYPES), self.envelope())
        # Not without a line: the line end between a header and a boundary is of the message in Dovecot, of the boundary here.
        return head + "line\r\n" + "".join(self.random.choice(LINES) + "\r\n" for _ in range(self.random.randint(0, 4)))

    def message(self):
        kind = self.random.choice(["multipart/mixed", "multipart/digest", "message/rfc822", "text/plain", "multipart/alternative"])
        return self.entity(0, kind, self.envelope()).encode()


def messages(seed, count):
    maker = Maker(seed)
    return [maker.message() for _ in range(count)]
