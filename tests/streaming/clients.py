"""The real stream process on loopback, and clients that read it as they come."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from django.db import connections

from tests.reliability.product import free_port, listens, wait_until

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "SECRET_KEY": "a-secret-key-of-the-tests-0123456789-abcdefgh",
    "JWT_SIGNING_KEY": "a-signing-key-of-the-tests-0123456789-abcdef",
    "CORS_ALLOWED_ORIGINS": "https://portal.example",
}


class Server:
    """`manage.py stream` on the database of the tests."""

    def __init__(self, **more: str) -> None:
        self.port, self.more, self.log, self.clients = free_port(), more, "", []
        self.start()

    def start(self) -> None:
        given = connections["default"].get_connection_params()
        login = quote(given["user"], "") + (f":{quote(given['password'], '')}" if given.get("password") else "")
        place = quote(str(given.get("host", "")), "") + (f":{given['port']}" if given.get("port") else "")
        url = f"postgres://{login}@{place}/{given['dbname']}"
        environment = {**os.environ, "DEBUG": "false", "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "ondi.settings"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "stream", "--port", str(self.port)],
            cwd=ROOT, env=environment | SETTINGS | self.more, stderr=subprocess.PIPE,
        )  # fmt: skip
        threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True).start()
        wait_until(lambda: listens(self.port) or self.process.poll() is not None, "the stream is not up")
        assert self.process.poll() is None, self.log

    def _read(self, lines) -> None:
        for line in lines:
            self.log += line.decode()

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def end(self, number=signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)

    def open(self, token=None, query="", **headers) -> "Client":
        client = Client(self.port, token, query, **headers)
        self.clients.append(client)
        return client

    def hang_up(self) -> None:
        """On all clients."""
        while self.clients:
            self.clients.pop().close()

    def refused(self, *arguments, **headers):
        """Status, body and headers of what is no stream."""
        client = self.open(*arguments, **headers)
        return client.status, json.loads(client.rest()), client.headers


class Client:
    """One connection. `next()`: the next event, as (event, data, id); beats are counted."""

    def __init__(self, port, token=None, query="", *, method="GET", path="/messaging/stream", small=False, **headers):
        self.socket = socket.socket()
        if small:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", port))
        sent = {"Host": "localhost", "Connection": "close", **headers}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        self.socket.sendall(f"{method} {path}{query and '?' + query} HTTP/1.1\r\n{lines}\r\n".encode())
        self.pending, self.beats, self.retry = b"", 0, None
        head = self._until(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(head[0].split()[1])
        self.headers = {line.split(":")[0].lower(): line.split(":", 1)[1].strip() for line in head[1:] if line}
        self.is_chunked = self.headers.get("transfer-encoding") == "chunked"
        self.text, self.is_over = b"", False

    def _until(self, mark: bytes) -> bytes:
        while mark not in self.pending:
            if not (more := self.socket.recv(65536)):
                raise ConnectionResetError
            self.pending += more
        found, self.pending = self.pending.split(mark, 1)
        return found

    def _more(self) -> None:
        """One more chunk into `text`; `is_over` where there is none."""
        size = int(self._until(b"\r\n"), 16)
        while len(self.pending) < size + 2:
            if not (more := self.socket.recv(65536)):
                raise ConnectionResetError
            self.pending += more
        self.text, self.pending = self.text + self.pending[:size], self.pending[size + 2 :]
        self.is_over = size == 0

    def rest(self) -> bytes:
        if not self.is_chunked:
            length = int(self.headers["content-length"])
            while len(self.pending) < length:
                self.pending += self.socket.recv(65536)
            return self.pending
        while not self.is_over:
            self._more()
        return self.text

    def next(self, seconds: float = 20):
        """None where the stream is over. Raises `TimeoutError`, and `OSError` where it was cut."""
        end = time.monotonic() + seconds
        while True:
            while b"\n\n" not in self.text:
                if self.is_over:
                    return None
                self.socket.settimeout(max(0.01, end - time.monotonic()))
                self._more()
            block, self.text = self.text.split(b"\n\n", 1)
            said = dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line)
            self.retry = int(said["retry"]) if "retry" in said else self.retry
            if "event" in said:
                return said["event"], json.loads(said["data"]), int(said["id"]) if "id" in said else None
            self.beats += block == b":"

    def hello(self) -> int:
        assert self.status == 200, self.rest()
        event, _data, position = self.next()
        assert event == "hello"
        return position

    def events(self, number: int):
        return [self.next() for _one in range(number)]

    def silent(self, seconds: float = 0.5) -> bool:
        """Whether nothing comes for so long."""
        try:
            return self.next(seconds) is None
        except TimeoutError:
            return True

    def close(self) -> None:
        self.socket.close()


@contextmanager
def server(**more: str):
    running = Server(**more)
    try:
        yield running
    finally:
        running.hang_up()
        running.end()
        running.process.stderr.close()


def split(url: str) -> str:
    """The query of a stream's whole address."""
    return urlsplit(url).query
