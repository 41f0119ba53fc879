"""The stream as a bare ASGI application: `GET /messaging/stream` (API.md, section 13), files, and a health page."""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from django.conf import settings

from ondi.accounts.errors import TokenInvalid
from ondi.accounts.tokens import read_access_token
from ondi.api.asgi import HEALTH, Receive, Request, Send, answer, log, refuse
from ondi.api.errors import MethodNotAllowed, NotAuthenticated
from ondi.api.parameters import whole_number
from ondi.common.errors import InvalidInput, NotFound, ServiceUnavailable
from ondi.files.links import PREFIX as FILES
from ondi.files.serving import FileServer
from ondi.streaming import news
from ondi.streaming.hub import Hub, Listener
from ondi.streaming.news import Access

PATH = "/messaging/stream"
RETRY_MS = (1_000, 6_000)
STREAMED = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class Stream:
    """The application. One a process."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.files = FileServer(self.hub.ask)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path.startswith(FILES):
            request = Request(scope, route=FILES, methods="GET, PUT, OPTIONS")
        else:
            request = Request(scope, route=path if path in (PATH, HEALTH) else "")
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.id)
        try:
            if path == HEALTH and request.method in ("GET", "HEAD"):
                await answer(request, send, 200, {"success": True, "message": "OK", "data": {}})
            elif path.startswith(FILES):
                await self.files.serve(request, receive, send)
            elif path != PATH:
                raise NotFound
            elif request.method == "OPTIONS":
                await answer(request, send, 200, None)
            elif request.method != "GET":
                raise MethodNotAllowed
            else:
                await self._stream(request, receive, send)
        except Exception as error:  # noqa: BLE001 - the outermost: every refusal is the envelope
            await refuse(request, send, error)

    async def _stream(self, request: Request, receive: Receive, send: Send) -> None:
        """Raises `DomainError` before the first byte; afterwards it only ends."""
        if self.hub.is_over or self.hub.connections >= settings.STREAM_CONNECTIONS:
            raise ServiceUnavailable
        self.hub.connections += 1
        try:
            access, after = await self._enter(request), _position(request)
            ours = {"", *(str(one.tenant_id) for one in access.readers)}
            if any(one.lower() not in ours for one in request.query.get("tenant_id", [])):
                raise NotFound
            listener = await self.hub.listen(access)
            leaving = asyncio.create_task(_leaving(receive, listener))
            begun = time.monotonic()
            try:
                await self._send_all(request, listener, after, send)
            except asyncio.CancelledError:  # by the timer: its client takes nothing
                listener.end("canceled")
            except Exception:  # noqa: BLE001 - no answer can be made of it any more: the client asks again
                log.warning("stream broke", exc_info=True)
                listener.reason = "failed"
            finally:
                leaving.cancel()
                self.hub.forget(listener)
                log.info(
                    "stream ended", tenant_id=str(access.readers[0].tenant_id), user_id=str(access.user_id),
                    reason=listener.reason or "left", seconds=round(time.monotonic() - begun),
                )  # fmt: skip
        finally:
            self.hub.connections -= 1

    async def _enter(self, request: Request) -> Access:
        """Raises `NotAuthenticated`, `TokenExpired`, `TokenInvalid`, or what the database raises."""
        scheme, _space, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self.hub.ask(news.enter_by_token, read_access_token(token.strip()))
        if tickets := request.query.get("ticket"):
            if len(tickets) > 1:
                raise TokenInvalid
            return await self.hub.ask(news.enter_by_ticket, tickets[0])
        raise NotAuthenticated

    async def _send_all(self, request: Request, listener: Listener, after: int | None, send: Send) -> None:
        async def give(text: bytes, more: bool = True) -> None:
            listener.sending_since = time.monotonic()
            await send({"type": "http.response.body", "body": text, "more_body": more})
            listener.sending_since = None

        await send({"type": "http.response.start", "status": 200, "headers": [*STREAMED, *request.own_headers()]})
        await give(await self._greeting(listener, after))
        while not listener.is_gone:
            if listener.reason:
                await give(_said("end", {"reason": listener.reason}), more=False)
                return
            if text := await self._next(listener):
                await give(text)
            elif listener.viewers_due:
                listener.viewers_due = False
                await give(_viewers_changed(listener))
            elif listener.beat_due:
                listener.beat_due = False
                await give(_said("beat", {}) if listener.is_page else b":\n\n")
            elif not listener.reason:
                await listener.something()

    async def _greeting(self, listener: Listener, after: int | None) -> bytes:
        """`hello`, with the position from which nothing is missed: for who goes on, the one that they named.

        (An EventSource that is cut off right behind it would else come back with the position now.)
        """
        retry = b"retry: %d\n" % random.randint(*RETRY_MS)  # noqa: S311 - so that not all come back at once
        if listener.is_page:
            return retry + _said("hello", {})
        (place,) = listener.places
        now, is_ahead = place.position, False
        if after is not None:
            place.position = after
            if after > now:  # or only ahead of this process, which may be a moment late
                is_ahead = await self.hub.ask(news.page_after, place.reader, after) is None
        if not is_ahead:
            return retry + _said("hello", {}, place.position)
        place.position = now
        return retry + _said("hello", {}, now) + _said("reset", {}, now)

    async def _next(self, listener: Listener) -> bytes:
        """What comes next for it, and moves it on; empty where there is nothing."""
        if listener.is_lost:
            return _from_now(listener)
        if listener.is_page:  # behind its ring it has been told enough to look
            return b"".join(place.told(is_page=True) for place in listener.places)
        (place,) = listener.places
        while not place.ring.reaches(place.position):
            page = await self.hub.ask(news.page_after, place.reader, place.position)
            if page is None:
                return _from_now(listener)
            place.position = page.position
            if page.text:
                return page.text
        return place.told(is_page=False)


def _position(request: Request) -> int | None:
    """The greater of the two positions it names. Raises `InvalidInput` on the one that is none."""
    header = request.headers.get("last-event-id")
    given = {
        "after": whole_number(request.query.get("after", []), "after"),
        "Last-Event-ID": whole_number([header] if header else [], "Last-Event-ID"),
    }
    for name, position in given.items():
        if position is not None and position < 0:
            raise InvalidInput({name: ["min_value"]})
    return max((position for position in given.values() if position is not None), default=None)


def _from_now(listener: Listener) -> bytes:
    """To read the lists again, which a page does at every `hello`."""
    listener.is_lost = False
    for place in listener.places:
        place.position = place.ring.last or 0
    return _said("hello", {}) if listener.is_page else _said("reset", {}, listener.places[0].position)


def _viewers_changed(page: Listener) -> bytes:
    """That somebody else came to what the page shows, or went; who, the page asks by itself."""
    shown = page.access.viewing
    return _said("viewers", {"tenant_id": shown.tenant_id, "subject_id": shown.subject_id} if shown else {})


async def _leaving(receive: Receive, listener: Listener) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    listener.leave()


def _said(event: str, data: Mapping[str, Any], position: int | None = None) -> bytes:
    number = b"" if position is None else b"id: %d\n" % position
    return b"%sevent: %s\ndata: %s\n\n" % (number, event.encode(), orjson.dumps(data))
