"""Work that is due: by name, each asked again and again for what is, in a thread of its own of every work process."""

from collections.abc import Callable
from dataclasses import dataclass

Do = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Worker:
    """`do`: does some of what is due by now, and says how much; 0 where nothing is. It may be cut off anywhere."""

    name: str
    do: Do


_WORKERS: dict[str, Worker] = {}


def worker(name: str) -> Callable[[Do], Do]:
    """Register a worker; in an app's `workers.py`, which is found by itself."""

    def register(do: Do) -> Do:
        _WORKERS[name] = Worker(name, do)
        return do

    return register


def workers() -> list[Worker]:
    return list(_WORKERS.values())
