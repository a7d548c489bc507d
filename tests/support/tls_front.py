# SPDX-License-Identifier: Apache-2.0
"""TLS in front of a service that speaks without: a relay on 127.0.0.1, with the certificate that it is given."""

import contextlib
import selectors
import socket
import ssl
import threading

PIECE = 1 << 16


class TlsFront:
    """A context manager; `port` is where it listens. It ends with all its connections."""

    def __init__(self, certificate, key, port):
        self.inner = ("127.0.0.1", port)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept)]
        self.sockets = []
        self.lock = threading.Lock()

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        with self.lock:
            open_sockets, self.sockets = self.sockets, None
        for one in (self.listener, *open_sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.listener.close()

    def _keep(self, one):
        with self.lock:
            if self.sockets is None:
                raise OSError("the relay ends")
            self.sockets.append(one)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                outer, _ = self.listener.accept()
                self._keep(outer)
                thread = threading.Thread(target=self._serve, args=(outer,))
                self.threads.append(thread)
                thread.start()

    def _serve(self, raw):
        # A client that refuses the certificate ends here, and that is what tests are about.
        with contextlib.suppress(OSError), self.context.wrap_socket(raw, server_side=True) as outer:
            self._keep(outer)
            with socket.create_connection(self.inner) as inner:
                self._keep(inner)
                self._relay(outer, inner)

    @staticmethod
    def _relay(outer, inner):
        with selectors.DefaultSelector() as selector:
            selector.register(outer, selectors.EVENT_READ, inner)
            selector.register(inner, selectors.EVENT_READ, outer)
            while True:
                for key, _ in selector.select():
                    octets = key.fileobj.recv(PIECE)
                    while key.fileobj is outer and octets and outer.pending():
                        octets += outer.recv(PIECE)
                    if not octets:
                        return
                    key.data.sendall(octets)
