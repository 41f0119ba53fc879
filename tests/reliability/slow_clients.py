"""Slow clients at the proxy's door: the product behind `deploy/nginx.conf`, on Debian's nginx."""

import contextlib
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.reliability.product import ROOT, Product, beside, free_port, product
from tests.reliability.work import TICKETS

SLOW, SECONDS = 150, 12
SHIPPED = ROOT / "deploy" / "nginx.conf"
FRAME = """
daemon off;
error_log {folder}/error.log;
pid {folder}/nginx.pid;
worker_processes auto;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    {shipped}
}}
"""


@contextmanager
def nginx(target: str, stream: str = "127.0.0.1:1") -> Iterator[str]:
    """The shipped configuration, with another port and other places of the product in it; gives its address."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        sys.exit("error: nginx is needed for the slow clients; on Debian: make chaos-deps")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        shipped = SHIPPED.read_text().replace("127.0.0.1:8000", target).replace("127.0.0.1:8001", stream)
        shipped = shipped.replace("listen 80;", f"listen 127.0.0.1:{port};")
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(FRAME.format(folder=folder, shipped=shipped))
        with beside([program, "-c", str(configuration), "-p", folder], port, "nginx"):
            yield f"http://127.0.0.1:{port}"


def through_the_proxy(slow: int = SLOW, seconds: float = SECONDS) -> tuple[dict[str, Any], list[str]]:
    """So many clients dribble their bodies or headers, or do not read; others go on as if they were not there."""
    with product(TRUSTED_PROXY_COUNT="1") as running, nginx(running.url.removeprefix("http://")) as url:
        alone = times_of_others(running, url, 3)
        deadline = time.monotonic() + seconds
        kinds = (dribble_body, dribble_headers, never_read)
        crowd = [
            threading.Thread(target=kinds[number % 3], args=(url, running.customers()[0][1], deadline), daemon=True)
            for number in range(slow)
        ]
        for client in crowd:
            client.start()
        time.sleep(1)  # until all of them are at it
        meanwhile = times_of_others(running, url, max(1.0, seconds - 2))
        faults = [*alone.faults, *meanwhile.faults, *refusals(running, url)]
        if meanwhile.slowest > 5:
            faults.append(f"an ordinary answer took {meanwhile.slowest:.1f} s")
        for client in crowd:
            client.join(timeout=seconds + 5)
        return {
            "slow clients": slow, "ordinary answers": len(meanwhile.seconds),
            "median alone (ms)": round(statistics.median(alone.seconds) * 1000, 1),
            "median beside them (ms)": round(statistics.median(meanwhile.seconds) * 1000, 1),
            "slowest (ms)": round(meanwhile.slowest * 1000),
        }, faults  # fmt: skip


class Times:
    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.faults: list[str] = []

    @property
    def slowest(self) -> float:
        return max(self.seconds)


def times_of_others(running: Product, url: str, seconds: float) -> Times:
    """An ordinary client through the proxy: reads and writes, each of which succeeds."""
    caller, times = running.caller(running.customers()[1][1]), Times()
    caller.url = url
    caller.connection = caller._connect()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for method, path, body in (
            ("GET", TICKETS, None), ("POST", TICKETS, {"subject": "x", "message": "x"}), ("GET", "/users/me", None),
        ):  # fmt: skip
            answer = caller.call(method, path, body)
            times.seconds.append(answer.seconds)
            if answer.status not in (200, 201):
                times.faults.append(f"{method} {path}: {answer.status}")
    times.faults += caller.faults
    return times


def refusals(running: Product, url: str) -> list[str]:
    """What the proxy refuses itself comes in the envelope; what it passes on is the product's own."""
    caller, faults = running.caller(running.customers()[1][1]), []
    direct = caller.call("POST", TICKETS, {"subject": "x" * 140_000})
    caller.url = url
    for expected, body in ((413, "x" * (200 * 1024)), (413, "x" * (4 * 1024 * 1024)), (400, "short")):
        caller.connection = caller._connect()
        answer = caller.call("POST", TICKETS, {"subject": body})
        if answer.status != expected or answer.body.get("success") is not False or "error" not in answer.body:
            faults.append(f"a body of {len(body)}: {answer.status} {answer.body}")
    for raw, expected in (
        (b"GET /customer/\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b" 400 "),
        (b"GET /users/me?x=\xc3\xa9\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b" 400 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n", b" 400 "),
        (b"POST /customer/support/tickets HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\n\r\n", b" 400 "),
    ):  # fmt: skip
        said = raw_answer(url, raw)
        if expected not in said.split(b"\r\n")[0] or b'"success":false' not in said:
            faults.append(f"{raw[:40]!r}: {said[:200]!r}")
    if direct.status != 413:
        faults.append(f"without the proxy: {direct.status}")
    return faults + caller.faults


def raw_answer(url: str, raw: bytes) -> bytes:
    with connect(url) as client:
        client.sendall(raw)
        client.settimeout(10)
        said = b""
        with contextlib.suppress(OSError):
            while piece := client.recv(65536):
                said += piece
        return said


def connect(url: str) -> socket.socket:
    host, _colon, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def dribble_body(url: str, token: str, deadline: float) -> None:
    head = f"POST {TICKETS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    dribble(url, f"{head}Content-Length: 100000\r\n\r\n".encode(), deadline)


def dribble_headers(url: str, _token: str, deadline: float) -> None:
    dribble(url, b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", deadline)


def dribble(url: str, start: bytes, deadline: float) -> None:
    with contextlib.suppress(OSError), connect(url) as client:
        client.sendall(start)
        while time.monotonic() < deadline:
            client.sendall(b"x")
            time.sleep(0.5)  # slowness itself


def never_read(url: str, token: str, deadline: float) -> None:
    request = f"GET {TICKETS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    with contextlib.suppress(OSError), connect(url) as client:
        while time.monotonic() < deadline:
            client.sendall(request)
            time.sleep(0.5)  # slowness itself
