"""What the stream process answers besides streams: requests of a bare ASGI application, and the one envelope."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson
import structlog
from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.utils import translation

from ondi.api.errors import InternalError, as_domain_error, status_of
from ondi.api.language import answer_language
from ondi.api.middleware import request_id_of
from ondi.api.responses import error_body, error_headers

LONGEST_QUERY = 10_000
Header = tuple[bytes, bytes]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
log = structlog.get_logger("ondi.request")


class Request:
    """What a client asks for. Nothing of its query is ever logged.

    `route`: what the log calls it; `methods`: with which pages of other origins may ask.
    """

    def __init__(self, scope: Mapping[str, Any], *, route: str = "", methods: str = "GET, OPTIONS") -> None:
        self.method, self.path = scope["method"], scope["path"]
        self.route, self._methods = route, methods
        self._query_text = scope["query_string"][:LONGEST_QUERY].decode("latin-1")
        self.query = parse_qs(self._query_text, keep_blank_values=True)
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self.id = request_id_of(self.headers.get("x-request-id", ""))

    def own_headers(self) -> list[Header]:
        """Those of every answer, and what a page of another origin may read: nobody keeps it for another one."""
        own = [("X-Request-ID", self.id), ("Vary", "origin")]
        origin = self.headers.get("origin", "")
        if origin and origin in settings.STREAM_ORIGINS:
            own += [
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Expose-Headers", ", ".join(settings.CORS_EXPOSE_HEADERS)),
            ]  # fmt: skip
            if self.method == "OPTIONS":
                own += [
                    ("Access-Control-Allow-Headers", ", ".join(settings.CORS_ALLOW_HEADERS)),
                    ("Access-Control-Allow-Methods", self._methods), ("Access-Control-Max-Age", "86400"),
                ]  # fmt: skip
        return [(name.lower().encode(), value.encode()) for name, value in own]

    @property
    def language(self) -> str:
        asked = HttpRequest()
        asked.GET = QueryDict(self._query_text)
        asked.META["HTTP_ACCEPT_LANGUAGE"] = self.headers.get("accept-language", "")
        return answer_language(asked)


async def refuse(request: Request, send: Send, error: Exception) -> None:
    """Whatever was raised, as the envelope."""
    known = as_domain_error(error)
    if known is None:
        log.error("unhandled_error", exc_info=error)
        known = InternalError()
    with translation.override(request.language):
        body = error_body(known)
    await answer(request, send, status_of(known), body, error_headers(known))


async def answer(
    request: Request, send: Send, status: int, body: Mapping[str, Any] | None, more: Mapping[str, str] | None = None
) -> None:
    """A whole answer, and its line in the log; what has no route writes none."""
    text = b"" if body is None else orjson.dumps(body)
    headers = [
        (b"content-type", b"application/json"), (b"content-length", str(len(text)).encode()),
        (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"),
        *((name.lower().encode(), value.encode()) for name, value in (more or {}).items()), *request.own_headers(),
    ]  # fmt: skip
    note(request, status)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else text, "more_body": False})


def note(request: Request, status: int) -> None:
    if request.route != HEALTH:
        log.info("request", method=request.method[:10], route=request.route, status=status)


HEALTH = "/health/live"
