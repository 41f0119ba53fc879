"""Work that repeats: by name, so often, begun by one process at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import connection
from django.utils import timezone

from ondi.outbox.models import Chore, Process

Done = TypeVar("Done")
EVENTS_KEPT = timedelta(days=30)
FORGOTTEN_AT_ONCE = 5_000
PROCESSES_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Repeated:
    name: str
    every: timedelta
    do: Callable[[], object]


_CHORES: dict[str, Repeated] = {}


def every(pause: timedelta, name: str) -> Callable[[Callable[[], Done]], Callable[[], Done]]:
    """Register work that is begun so often, whichever process is free; in an app's `chores.py`, found by itself.

    It must bear to be cut off and begun again.
    """

    def register(do: Callable[[], Done]) -> Callable[[], Done]:
        _CHORES[name] = Repeated(name, pause, do)
        return do

    return register


def next_due(*, at: datetime | None = None) -> Repeated | None:
    """A chore that is due, and from now this process's; None where there is none."""
    at = at or timezone.now()
    for chore in _CHORES.values():
        first = Chore(name=chore.name, last_at=at - chore.every)
        Chore.objects.bulk_create([first], ignore_conflicts=True)
        if Chore.objects.filter(name=chore.name, last_at__lte=at - chore.every).update(last_at=at):
            return chore
    return None


@every(timedelta(hours=1), "forget_events")
def forget_events() -> int:
    """Delete events older than `EVENTS_KEPT`, in pieces; how many."""
    before, total = timezone.now() - EVENTS_KEPT, 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT ondi_forget_events(%s, %s)", [before, FORGOTTEN_AT_ONCE])
            (gone,) = cursor.fetchone() or (0,)
        total += gone
        if gone < FORGOTTEN_AT_ONCE:
            return total


@every(timedelta(hours=1), "forget_processes")
def forget_processes() -> int:
    """Delete the processes that were killed, and so said no word at their end; how many."""
    return Process.objects.filter(beat_at__lt=timezone.now() - PROCESSES_KEPT).delete()[0]
