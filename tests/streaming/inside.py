"""The application in this process, for what only shows with its pauses made short, or with a wall taken away."""

import asyncio
import contextlib

from ondi.streaming.app import Stream


class Heard:
    """One connection to it. `text`: what came; it takes nothing more while it is not `free`."""

    def __init__(self, stream, token, query=""):
        self.status, self.text, self.is_over, self.free = None, "", False, asyncio.Event()
        self.free.set()
        headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
        scope = {
            "type": "http", "method": "GET", "path": "/messaging/stream", "query_string": query.encode(),
            "headers": headers,
        }  # fmt: skip
        self.task = asyncio.create_task(stream(scope, self._receive, self._send))

    async def _receive(self):
        await asyncio.Event().wait()

    async def _send(self, message):
        await self.free.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.text += message["body"].decode()
            self.is_over = not message["more_body"]

    async def until(self, holds, seconds=30):
        async with asyncio.timeout(seconds):
            while not holds(self):
                await asyncio.sleep(0.01)


def run(scenario):
    """Run `scenario(stream)` beside a stream that follows what happens."""

    async def whole():
        stream = Stream()
        following = asyncio.create_task(stream.hub.run())
        try:
            return await scenario(stream)
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following

    return asyncio.run(whole())
