"""The places of requests that are worked on (`admission`), and how one is left for a while."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from ondi.common.errors import ServiceUnavailable

_of_this_thread = threading.local()


class Place:
    """One of the `WEB_THREADS` of a process, held by the request that this thread works on."""

    def __init__(self, working: threading.Semaphore) -> None:
        self.working, self.is_held = working, True

    def leave(self) -> None:
        if self.is_held:
            self.is_held = False
            self.working.release()

    def take_again(self) -> None:
        """Raises `ServiceUnavailable` where none is free within `WEB_WAIT_SECONDS`."""
        self.is_held = self.working.acquire(timeout=settings.WEB_WAIT_SECONDS)
        if not self.is_held:
            raise ServiceUnavailable


@contextmanager
def held(working: threading.Semaphore) -> Iterator[None]:
    """This thread's request has a place, and leaves it at the end."""
    place = _of_this_thread.place = Place(working)
    try:
        yield
    finally:
        _of_this_thread.place = None
        place.leave()


@contextmanager
def aside() -> Iterator[None]:
    """Leave this request's place to others for something that takes long and is bounded by itself.

    Nothing where there is no place to leave: in commands, and beside the front door. Raises `ServiceUnavailable`
    where none is free afterwards.
    """
    place: Place | None = getattr(_of_this_thread, "place", None)
    if place is None:
        yield
        return
    place.leave()
    try:
        yield
    finally:
        place.take_again()
