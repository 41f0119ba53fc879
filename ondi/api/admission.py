"""How many requests are worked on at once: what a process cannot do soon it refuses at once, and so never drowns.

Stands before Django, for a refusal must cost next to nothing when there are many of them.
"""

import functools
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import translation

from ondi.api.errors import ServiceUnavailable
from ondi.api.language import answer_language
from ondi.api.middleware import HEALTH, answers_html, request_id_of
from ondi.api.pages import busy_page
from ondi.api.places import held
from ondi.api.responses import error_response

logger = structlog.get_logger("ondi.request")

Environment = dict[str, Any]
Application = Callable[[Environment, Any], Iterable[bytes]]

BURST_SECONDS, FEW_FOR_A_THREAD = 0.5, 4
SECONDS_OF_A_LINE = 1.0
READ_AT_MOST = 64 * 1024


class Admission:
    """Lets in `WEB_THREADS` requests; `WEB_WAITING` more wait up to `WEB_WAIT_SECONDS`, all others get a 503 at once.

    So many may wait in a burst. Where somebody has been waiting all the time for `BURST_SECONDS`, more is coming
    than can be done: then only a few may, for else every answer comes too late for its caller. The server needs
    more threads than these, for the refusals and for those that stand `aside` (`ondi.serve`).
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self.working = threading.BoundedSemaphore(settings.WEB_THREADS)
        self.lock, self.waiting, self.calm_at = threading.Lock(), 0, time.monotonic()
        self.refused, self.told_at = 0, 0.0

    def __call__(self, environ: Environment, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(HEALTH):
            return self.application(environ, start_response)
        if not self._is_let_in():
            return self._refuse(environ, start_response)
        with held(self.working):
            return self.application(environ, start_response)

    def _is_let_in(self) -> bool:
        with self.lock:
            now = time.monotonic()
            if not self.waiting and self.working.acquire(blocking=False):
                self.calm_at = now
                return True
            is_burst = now - self.calm_at < BURST_SECONDS
            if self.waiting >= (settings.WEB_WAITING if is_burst else FEW_FOR_A_THREAD * settings.WEB_THREADS):
                return False
            self.waiting += 1
        try:
            return self.working.acquire(timeout=settings.WEB_WAIT_SECONDS)
        finally:
            with self.lock:
                self.waiting -= 1

    def _refuse(self, environ: Environment, start_response: Any) -> Iterable[bytes]:
        self._log()
        environ["wsgi.input"].read(READ_AT_MOST)  # an answer before a body is read breaks the caller's pipe
        is_admin = environ["PATH_INFO"].startswith("/admin")
        headers, body = _refusal(
            is_admin, environ.get("QUERY_STRING", "")[:200], environ.get("HTTP_ACCEPT_LANGUAGE", "")
        )
        own = [("X-Request-ID", request_id_of(environ.get("HTTP_X_REQUEST_ID", "")))]
        if not is_admin and environ.get("HTTP_ORIGIN") in settings.CORS_ALLOWED_ORIGINS:
            own += [
                ("Access-Control-Allow-Origin", environ["HTTP_ORIGIN"]), ("Vary", "origin"),
                ("Access-Control-Expose-Headers", ", ".join(settings.CORS_EXPOSE_HEADERS)),
            ]  # fmt: skip
        start_response("503 Service Unavailable", [*headers, *own])
        return [body]

    def _log(self) -> None:
        """One line a second, with how many were refused since the last."""
        self.refused += 1
        now = time.monotonic()
        if now - self.told_at >= SECONDS_OF_A_LINE:
            logger.warning("requests_refused", number=self.refused)
            self.refused, self.told_at = 0, now


@functools.lru_cache(maxsize=500)
def _refusal(is_admin: bool, query: str, languages: str) -> tuple[list[tuple[str, str]], bytes]:
    request = HttpRequest()
    request.path, request.GET = "/admin/" if is_admin else "/", QueryDict(query)
    request.META["HTTP_ACCEPT_LANGUAGE"] = languages
    with translation.override(answer_language(request)):
        answer: HttpResponse = busy_page() if answers_html(request) else error_response(ServiceUnavailable())
    more = {"Content-Length": len(answer.content), "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    for name, value in more.items():
        answer[name] = str(value)
    return list(answer.items()), answer.content
