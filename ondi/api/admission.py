"""How many requests are worked on at once: what a process cannot do soon it refuses at once, and so never drowns."""

import threading
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from ondi.api.errors import ServiceUnavailable
from ondi.api.responses import error_response

ALWAYS_LET_IN = "/health/"


class AdmissionMiddleware:
    """Lets in `WEB_THREADS` requests; `WEB_WAITING` more wait up to `WEB_WAIT_SECONDS`, all others get a 503 at once.

    Without a bound every request beyond capacity waits longer than the one before, until all answers come too
    late for their callers. The server needs more threads than these, for the refusals (`ondi.serve`).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.working = threading.BoundedSemaphore(settings.WEB_THREADS)
        self.waiting = threading.BoundedSemaphore(settings.WEB_WAITING)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(ALWAYS_LET_IN):
            return self.get_response(request)
        if not self._is_let_in():
            return error_response(ServiceUnavailable())
        try:
            return self.get_response(request)
        finally:
            self.working.release()

    def _is_let_in(self) -> bool:
        if self.working.acquire(blocking=False):
            return True
        if not self.waiting.acquire(blocking=False):
            return False
        try:
            return self.working.acquire(timeout=settings.WEB_WAIT_SECONDS)
        finally:
            self.waiting.release()
