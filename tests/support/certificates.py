# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for one test run, made by openssl: clients verify the server as they would in life."""

import pathlib

from support.process import run

NAMES = ("DNS:localhost", "DNS:mx.example.org", "IP:127.0.0.1", "IP:::1")


class Authority:
    """`certificate` is the authority's own certificate, the file that clients are told to trust."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificate = self.directory / "authority.pem"
        self.key = self.directory / "authority.key"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "30", "-subj", "/CN=Posthouse test authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout", self.key, "-out", self.certificate)

    def issue(self, name="mx.example.org", alternatives=NAMES, algorithm="ec"):
        """(certificate, key): PEM files for a server of this name."""
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        extensions.write_text(
            "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
            f"subjectAltName={','.join(alternatives)}\n")
        kind = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] if algorithm == "ec" else ["rsa:2048"]
        run("openssl", "req", "-new", "-newkey", *kind, "-nodes", "-subj", f"/CN={name}",
            "-keyout", key, "-out", request)
        run("openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
            "-CAcreateserial", "-days", "30", "-extfile", extensions, "-out", certificate)
        return certificate, key
