"""Token buckets a caller and a tenant draw from, kept in this worker's memory.

Each worker grants its share of the configured rate, and each a whole burst, so that a burst is good on
whichever worker it lands. The limits cost no statement and may be off by a worker's share, as API.md
allows. Sign-in has its own, exact limit in the database.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ondi.api.client import client_network

if TYPE_CHECKING:
    from rest_framework.views import APIView  # at run time it imports this module

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
BUCKETS_KEPT = 20_000


class TokenBuckets:
    """Many buckets by key; the least recently used are forgotten, which only ever gives tokens back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable, *, per_second: float, burst: float) -> float:
        """Take one token. Returns 0.0 when there was one, else the seconds until there is."""
        with self._lock:
            now = self._clock()
            tokens, seen = self._buckets.pop(key, (burst, now))
            tokens = min(burst, tokens + (now - seen) * per_second)
            wait = 0.0 if tokens >= 1 else (1 - tokens) / per_second
            self._buckets[key] = (tokens - 1 if not wait else tokens, now)
            if len(self._buckets) > BUCKETS_KEPT:
                self._buckets.popitem(last=False)
            return wait

    def clear(self) -> None:
        with self._lock:
            self._buckets.clear()


buckets = TokenBuckets()


class CallerThrottle(BaseThrottle):
    factor = 1

    def __init__(self) -> None:
        self._wait = 0.0

    def allow_request(self, request: Request, view: "APIView") -> bool:
        reading = request.method in SAFE_METHODS
        per_minute = settings.READS_PER_MINUTE if reading else settings.WRITES_PER_MINUTE
        self._wait = buckets.take(
            (type(self).__name__, self.key_of(request), reading),
            per_second=per_minute * self.factor / settings.WEB_WORKERS / 60,
            burst=settings.THROTTLE_BURST * self.factor,
        )
        return not self._wait

    def wait(self) -> float:
        return math.ceil(self._wait)

    def key_of(self, request: Request) -> Hashable:
        return getattr(request.user, "user_id", None) or client_network(request)


class TenantThrottle(CallerThrottle):
    factor = settings.TENANT_THROTTLE_FACTOR

    def key_of(self, request: Request) -> Hashable:
        return getattr(request.user, "tenant_id", None) or client_network(request)
