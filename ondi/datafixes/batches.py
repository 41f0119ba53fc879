"""Working off many items in short transactions: as many at once as go quickly, and what fails fails alone."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db import OperationalError, connection

from ondi.datafixes.fixes import Batch, DatabaseGone, reason

T = TypeVar("T")
SHORT = 0.5  # seconds a batch may take
LOCK_WAIT = "2s"
LOCK_TRIES = 3


@dataclass(slots=True)
class Pace:
    """How many items go into a transaction; by how long the last one took, and never more than `most`.

    `rests`: how many times as long as one took nothing is done after it.
    """

    size: int
    most: int
    rests: float = 0


def is_lost() -> bool:
    """Whether the connection is gone, and with it the locks that are the connection's."""
    return connection.connection is None or bool(connection.connection.closed)


def was_lost_with(error: Exception) -> bool:
    """Whether this error says, or left, that the connection is gone; closes it then."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    if state.startswith(("57P", "08")):  # the server ends it; nothing came through
        connection.close()
        return True
    return is_lost()


def wait_briefly() -> None:
    """In this transaction, wait for a lock so long and no longer."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")


def work_off(
    items: Sequence[T], do: Callable[[Sequence[T]], Batch], *, name: Callable[[T], str], pace: Pace
) -> Iterator[tuple[int, Batch]]:
    """`do` all of them, piece by piece, each in a transaction of its own; yields how many and what became of them.

    A piece that fails, for whatever reason, is done again in halves, down to the one item that is at fault: that is
    named with the reason, and the others are done. A lock that is held too long is asked for three times. Raises
    `DatabaseGone`.
    """
    waiting = list(items)
    while waiting:
        piece, start = waiting[: pace.size], time.monotonic()
        try:
            batch = _alone(piece[0], do, name) if len(piece) == 1 else do(piece)
        except Exception as error:  # noqa: BLE001 - one item is to blame, and is named
            _refuse_without_connection(error)
            pace.size = len(piece) // 2
            continue
        waiting = waiting[len(piece) :]
        took = time.monotonic() - start
        pace.size = max(1, pace.size // 2) if took > SHORT else min(pace.most, pace.size * 2)
        yield len(piece), batch
        time.sleep(took * pace.rests)  # nothing is held now, and the machine is theirs who wait for an answer


def _alone(item: T, do: Callable[[Sequence[T]], Batch], name: Callable[[T], str]) -> Batch:
    for attempt in range(1, LOCK_TRIES + 1):
        try:
            return do([item])
        except Exception as error:  # noqa: BLE001 - named in the report, with its type where it is a fault of ours
            _refuse_without_connection(error)
            if attempt == LOCK_TRIES or not isinstance(error, OperationalError):
                return Batch(faults=[(name(item), reason(error))])
    raise AssertionError("unreachable")


def _refuse_without_connection(error: Exception) -> None:
    if was_lost_with(error):
        raise DatabaseGone from error
