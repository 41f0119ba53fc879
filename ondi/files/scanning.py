"""Asking a ClamAV daemon about a file (`INSTREAM`)."""

import socket
import struct
import time
from pathlib import Path

PIECE = 64 * 1024
LONGEST_ANSWER = 4_096
FOUND, CLEAN = " FOUND", "stream: OK"


class ScannerAway(Exception):
    """It cannot be asked now, or does not answer as one does. The text says why, in a few words."""


def scan(path: Path, *, address: str, timeout: float = 60.0) -> str | None:
    """The name of what was found in this file; None where nothing was.

    `address`: `tcp://host:port` or `unix:/path`. `timeout`: seconds for the whole of it, so that a daemon that
    answers a byte a minute holds nobody. Raises `ScannerAway`, and `OSError` where there is no such file.
    """
    ends = time.monotonic() + timeout
    with path.open("rb") as file:
        try:
            with _connected(address, timeout) as line:
                line.sendall(b"zINSTREAM\0")
                while piece := file.read(PIECE):
                    _wait_until(ends, line)
                    line.sendall(struct.pack("!I", len(piece)) + piece)
                line.sendall(struct.pack("!I", 0))
                answer = _answer(line, ends)
        except (OSError, ValueError) as error:
            raise ScannerAway(type(error).__name__) from error
    if answer == CLEAN:
        return None
    if answer.startswith("stream: ") and answer.endswith(FOUND):
        return answer.removeprefix("stream: ").removesuffix(FOUND)
    raise ScannerAway(answer[:100] or "no answer")


def _connected(address: str, timeout: float) -> socket.socket:
    """Raises `OSError`, `ValueError` for no address."""
    if address.startswith("unix:"):
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(timeout)
        line.connect(address.removeprefix("unix:"))
        return line
    host, colon, port = address.removeprefix("tcp://").rpartition(":")
    if not colon or not address.startswith("tcp://"):
        raise ValueError("no address of a scanner")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=timeout)


def _answer(line: socket.socket, ends: float) -> str:
    said = b""
    while b"\0" not in said and len(said) < LONGEST_ANSWER:
        _wait_until(ends, line)
        piece = line.recv(LONGEST_ANSWER)
        if not piece:
            break
        said += piece
    return said.partition(b"\0")[0].decode("utf-8", "replace").strip()


def _wait_until(ends: float, line: socket.socket) -> None:
    """Let the next step take what is left of the time. Raises `TimeoutError`."""
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    line.settimeout(left)
