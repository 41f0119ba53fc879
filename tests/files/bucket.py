"""A real S3 server for the tests: `rclone serve s3` of a folder, whose folders are its buckets."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.product import free_port

ACCESS_KEY, SECRET_KEY, BUCKET = "the-tests", "a-secret-of-the-tests", "desk-files"
PATIENCE = 10


@dataclass(frozen=True)
class Server:
    """Where it is, what it serves, and its process, for tests that end or stop it."""

    endpoint: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def bucket(self) -> Path:
        return self.folder / BUCKET


@contextmanager
def serving(folder: Path, *, alone: bool = False) -> Iterator[Server]:
    """The server, with one empty bucket; it ends with the block, or with this process.

    `alone`: nobody else writes to the folder, so it need not look at all of it again and again: among thousands of
    files a page of a list takes eight seconds else.
    """
    port = free_port()
    (folder / BUCKET).mkdir(parents=True, exist_ok=True)
    command = [
        str(Path(sys.executable).with_name("rclone")), "serve", "s3", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}",
        "--addr", f"127.0.0.1:{port}", "--config", os.devnull, "--dir-cache-time", "24h" if alone else "1ms",
        str(folder),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield Server(f"http://127.0.0.1:{port}", folder, process)
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
