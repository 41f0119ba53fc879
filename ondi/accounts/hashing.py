"""The line before password hashing: each takes a core for a third of a second, by design.

So a process hashes `PASSWORDS_AT_ONCE`, some more callers wait, and the rest are refused at once. Who waits or hashes
gives back their place among the requests that are worked on, so that a flood of sign-ins delays sign-ins alone.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import connection

from ondi.accounts.errors import SignInThrottled
from ondi.api.places import aside
from ondi.common.errors import ServiceUnavailable

RETRY_AFTER = 2  # seconds, in which the line has moved


class HashingLine:
    """Of one network at most half of the places to wait are taken, so that others find one."""

    def __init__(self) -> None:
        self._moved, self._hashing, self._inside = threading.Condition(), 0, Counter[str]()
        self._mine = threading.local()

    @contextmanager
    def turn(self, network: str = "") -> Iterator[None]:
        """Hash in here; a turn inside a turn is the same. Without a network: for calls of people who are known.

        Raises `SignInThrottled` where this network has enough in the line, and `ServiceUnavailable` where the line
        is full or one's turn does not come within `WEB_WAIT_SECONDS`.
        """
        if getattr(self._mine, "turn", False):
            yield
            return
        with self._place_of(network), aside(), self._hashing_now():
            yield

    @contextmanager
    def _place_of(self, network: str) -> Iterator[None]:
        places = settings.PASSWORDS_AT_ONCE + settings.PASSWORDS_WAITING
        with self._moved:
            if self._inside.total() >= places:
                raise ServiceUnavailable
            if network and self._inside[network] >= places - settings.PASSWORDS_WAITING // 2:
                raise SignInThrottled(RETRY_AFTER)
            self._inside[network] += 1
        try:
            yield
        finally:
            with self._moved:
                self._inside[network] -= 1
                self._inside += Counter()  # drops who is gone

    @contextmanager
    def _hashing_now(self) -> Iterator[None]:
        with self._moved:
            is_free = lambda: self._hashing < settings.PASSWORDS_AT_ONCE  # noqa: E731
            if not self._moved.wait_for(is_free, timeout=settings.WEB_WAIT_SECONDS):
                raise ServiceUnavailable
            self._hashing += 1
        self._mine.turn = True
        try:
            yield
        finally:
            self._mine.turn = False
            with self._moved:
                self._hashing -= 1
                self._moved.notify()


line = HashingLine()


def hash_of(password: str) -> str:
    """The password hashed in its turn, nothing of the database held. Raises `ServiceUnavailable`."""
    give_back_connection()
    with line.turn():
        return make_password(password)


def give_back_connection() -> None:
    """Let others have this thread's connection to the database while it hashes; the next statement takes a new one."""
    if not connection.in_atomic_block:  # as it is in tests of one transaction, and in commands
        connection.close()
