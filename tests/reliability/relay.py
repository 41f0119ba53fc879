"""A wire between the product and its database that can be cut without either side hearing of it."""

import contextlib
import socket
import threading

from ondi import embedded_postgres


class Relay:
    """Listens on a port and passes everything on to the private database, until it swallows it instead."""

    def __init__(self) -> None:
        self.swallows = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def address(self, role: str) -> str:
        return f"postgres://{role}@127.0.0.1:{self.port}/ondi"

    def _accept(self) -> None:
        while True:
            client, _address = self._listening.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        database = socket.socket(socket.AF_UNIX)
        try:
            database.connect(str(embedded_postgres.socket_directory() / ".s.PGSQL.5432"))
        except OSError:
            client.close()
            return
        for source, target in ((client, database), (database, client)):
            threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if not self.swallows.is_set():
                    target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
