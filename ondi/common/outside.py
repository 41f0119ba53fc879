"""What has to be done outside of any transaction before a unit of work can go on: asking another server."""

from collections.abc import Callable, Hashable, Mapping
from contextvars import ContextVar

Do = Callable[[], None]
_DONE: ContextVar[Mapping[Hashable, Exception | None]] = ContextVar("done_outside")


class DoOutside(Exception):
    """Raised within a unit, which is undone: `do` comes first, and the unit is worked on once more."""

    def __init__(self, key: Hashable, do: Do) -> None:
        super().__init__(str(key))
        self._key, self._do = key, do

    def do(self) -> None:
        """Do it; what it raises is raised within the unit, where it asks again."""
        try:
            self._do()
            failed = None
        except Exception as error:  # noqa: BLE001 - raised where somebody can answer it
            failed = error
        _DONE.set({**_DONE.get({}), self._key: failed})


def begin_unit() -> None:
    """Nothing was done for this one yet."""
    _DONE.set({})


def once_outside(key: Hashable, do: Do) -> None:
    """Have this done before the unit goes on, once. Raises `DoOutside` until then, and afterwards what it raised."""
    done = _DONE.get({})
    if key not in done:
        raise DoOutside(key, do)
    if (failed := done[key]) is not None:
        raise failed
