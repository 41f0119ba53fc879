"""Signed links followed as a client does, through the application of the stream process."""

import asyncio
import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from django.db import connections

from ondi.files.serving import FileServer
from ondi.streaming.app import Stream


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes = b""

    def json(self):
        return json.loads(self.body)


@dataclass
class Wire:
    """What goes over one connection. `pieces`: of the body; `gone`: the client leaves after them."""

    pieces: list
    gone: bool = False
    answer: Answer | None = None
    sent: list = field(default_factory=list)

    async def receive(self):
        if self.pieces:
            piece = self.pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self.pieces) or self.gone}
        return {"type": "http.disconnect"}

    async def send(self, message):
        if message["type"] == "http.response.start":
            headers = {name.decode(): value.decode() for name, value in message["headers"]}
            self.answer = Answer(message["status"], headers)
        else:
            self.answer.body += message["body"]


def follow(url, method="GET", body=b"", *, pieces=None, gone=False, **headers):
    """The answer to this request. Underscores of a header's name stand for dashes."""
    wire = Wire(pieces or [body], gone=gone)

    async def whole():
        stream = Stream()
        try:
            await stream(_scope(url, method, body, headers), wire.receive, wire.send)
        finally:
            with contextlib.suppress(RuntimeError):
                stream.hub.shut()

    asyncio.run(whole())
    return wire.answer


def follow_all(urls, method="GET", body=b"", **headers):
    """As `follow`, one after the other over one connection to the database: many in little time."""
    wires = [Wire([body]) for _url in urls]

    async def whole():
        with ThreadPoolExecutor(1) as thread:
            stream, do = Stream(), partial(asyncio.get_running_loop().run_in_executor, thread)
            stream.files = FileServer(do)
            for url, wire in zip(urls, wires, strict=True):
                await stream(_scope(url, method, body, headers), wire.receive, wire.send)
            await do(connections.close_all)

    asyncio.run(whole())
    return [wire.answer for wire in wires]


def _scope(url, method, body, headers):
    parts = urlsplit(url)
    given = {"content-length": str(len(body))} if method == "PUT" else {}
    given |= {name.lower().replace("_", "-"): value for name, value in headers.items()}
    return {
        "type": "http", "method": method, "path": parts.path, "query_string": parts.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value is not None],
    }  # fmt: skip


def put(upload, body, **headers):
    """Send bytes as `upload` says."""
    return follow(
        upload["url"], "PUT", body, **{**{k.replace("-", "_"): v for k, v in upload["headers"].items()}, **headers}
    )
