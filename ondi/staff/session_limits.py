"""A staff session ends after some time without a click, and after a working day in any case."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

BEGAN, SEEN = "began_at", "seen_at"
POLL_HEADER = "X-Workbench-Poll"  # a page that asks for news by itself is no click
NOTED_EVERY = 60  # seconds, so that not every click writes the session


class SessionLimitsMiddleware:
    """Signs out anybody who was idle for `STAFF_IDLE_LIMIT` or came in longer ago than `STAFF_SESSION_LIMIT`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith("/admin/") and SESSION_KEY in request.session:
            self._judge(request)
        return self.get_response(request)

    def _judge(self, request: HttpRequest) -> None:
        now = timezone.now().timestamp()
        session = request.session
        if session.get(SEEN, 0) > now + settings.CLOCKS_APART.total_seconds():  # the clock was set back
            session[BEGAN], session[SEEN] = min(session.get(BEGAN, 0), now), now
        if is_over(session, now):
            logout(request)
        elif now - session.get(SEEN, 0) > NOTED_EVERY and POLL_HEADER not in request.headers:
            session[SEEN] = now


def is_over(session: Mapping[str, Any], now: float) -> bool:
    idle, age = now - session.get(SEEN, 0), now - session.get(BEGAN, 0)
    return bool(idle > settings.STAFF_IDLE_LIMIT.total_seconds() or age > settings.STAFF_SESSION_LIMIT.total_seconds())


def note_beginning(request: HttpRequest, **_others: Any) -> None:
    request.session[BEGAN] = request.session[SEEN] = timezone.now().timestamp()
