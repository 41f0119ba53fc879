"""A wire to the product or its database that can be cut, also without either side hearing of it."""

import contextlib
import socket
import threading
from collections.abc import Callable

from ondi import embedded_postgres


def database() -> socket.socket:
    """A connection to the private database."""
    found = socket.socket(socket.AF_UNIX)
    found.connect(str(embedded_postgres.socket_directory() / ".s.PGSQL.5432"))
    return found


class Relay:
    """Listens on a port and passes everything on to what `connect` gives, until it swallows it instead."""

    def __init__(self, connect: Callable[[], socket.socket] = database) -> None:
        self.swallows = threading.Event()
        self._connect, self._clients = connect, set[socket.socket]()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def address(self, role: str) -> str:
        return f"postgres://{role}@127.0.0.1:{self.port}/ondi"

    def cut(self) -> int:
        """Drop every connection that there is; how many were there."""
        cut = list(self._clients)
        for client in cut:
            _close(client)
        return len(cut)

    def _accept(self) -> None:
        while True:
            client, _address = self._listening.accept()
            self._clients.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = self._connect()
        except OSError:
            client.close()
            return
        for source, target in ((client, server), (server, client)):
            threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if not self.swallows.is_set():
                    target.sendall(piece)
        self.drop(source, target)

    def drop(self, *ends: socket.socket) -> None:
        for end in ends:
            self._clients.discard(end)
            _close(end)


def _close(end: socket.socket) -> None:
    """So that both sides hear of it, and so does who reads it here."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
