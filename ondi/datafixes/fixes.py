"""What a data fix is: which rows, what becomes of each, and which tables it touches."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError, transaction

from ondi.accounts.actors import Actor
from ondi.common.database import broken_constraint
from ondi.common.errors import DomainError


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to fix. `key` orders and names it; `before` and `after` are what people are shown of it.

    `fault`: why it cannot be fixed at all, known beforehand; `is_right`: there is nothing to fix in it;
    `data`: what the fix itself needs.
    """

    key: str
    label: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""
    is_right: bool = False
    data: Any = None


@dataclass(frozen=True, slots=True)
class Footprint:
    """The rows of one table that fixing these items may touch: its key column, and a condition over `%(keys)s`.

    `but`: columns that no image has, for what follows an undo writes them itself.
    """

    table: str
    item: str
    condition: str
    key: str = "id"
    but: Sequence[str] = ()


@dataclass(slots=True)
class Batch:
    """What became of some items; `faults`: item and reason."""

    changed: int = 0
    unchanged: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)


class DatabaseGone(Exception):
    """The connection is lost, and the lock against a second run with it: nothing can go on."""

    def __str__(self) -> str:
        return "the connection to the database is lost; run it again, and it goes on where it was"


class FixRefused(Exception):
    """The run does not begin, or does not go on; the text says why. `run_id`: its record, where it has one."""

    def __init__(self, text: str, run_id: UUID | None = None) -> None:
        super().__init__(text)
        self.run_id = run_id


def reason(error: Exception) -> str:
    """In words; of PostgreSQL's own text the first line only, for the rest may name what people wrote."""
    if constraint := broken_constraint(error):
        return f"something else stands on it ({constraint})"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    said = (str(error).splitlines() or [""])[0]
    return said if said and is_foreseen(error) else f"{type(error).__name__}: {said}".removesuffix(": ")


def is_foreseen(error: Exception) -> bool:
    """Whether its own words say enough; else it is a fault of ours."""
    return isinstance(
        error, DomainError | DatabaseError | ValueError | OSError | FixRefused | CommandError | DatabaseGone
    )


class Fix(ABC):
    """Derive one for each command, where not one statement fixes many, from `FixOneByOne`.

    `footprint` names tables in the order they are written, parents first.
    `is_final`: it keeps no images and cannot be undone. `at_once`: how many go into a transaction at the most.
    `rests`: how many times as long as one took nothing is done after it, where there is no hurry.
    """

    is_final = False
    at_once = 100
    rests = 0.0
    footprint: Sequence[Footprint] = ()
    cause = "fix"  # why the system acts; while it runs the harness adds the run

    def __init__(self, tenant_id: UUID) -> None:
        self.tenant_id = tenant_id

    @property
    def actor(self) -> Actor:
        """In whose name services do what it asks."""
        return Actor.system(self.tenant_id, self.cause)

    @abstractmethod
    def items(self) -> Iterator[Item]:
        """Everything that has to be fixed, in the order of keys, read in pieces; what is right is not among it."""

    def hold(self, items: Sequence[Item]) -> None:  # noqa: B027 - most have nothing to add
        """Lock what comes before the rows of the footprint in the order of locks; they are locked next."""

    @abstractmethod
    def apply_all(self, items: Sequence[Item], *, at: datetime) -> Batch:
        """Fix these, in the batch's transaction, whatever the plan said: it may be old.

        The rows of the footprint are locked. What else it changes it locks, and comes later in the order of locks.
        """

    def parameters(self, items: Sequence[Item]) -> dict[str, Any]:
        """What the footprint's conditions are asked about, beside `%(tenant)s`."""
        return {"keys": [UUID(item.key) for item in items]}


class FixOneByOne(Fix):
    """What one item refuses does not hold up the others."""

    @abstractmethod
    def apply(self, item: Item, *, at: datetime) -> bool:
        """Fix one; False where there was nothing left to do. Raises to fail it. Locks as `apply_all`."""

    def apply_all(self, items: Sequence[Item], *, at: datetime) -> Batch:
        """Fix these, each by itself."""
        batch = Batch()
        for item in items:
            try:
                with transaction.atomic():
                    if self.apply(item, at=at):
                        batch.changed += 1
                    else:
                        batch.unchanged += 1
            except OperationalError:
                raise  # a lock that was waited for too long: the harness tries again with fewer
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this item's
                batch.faults.append((item.label, reason(error)))
        return batch


# What is left to do when rows of a fix were put back, in whose name: by command, told the items.
Undone = Callable[[Actor, Sequence[str], datetime], None]
UNDONE: dict[str, Undone] = {}
# What is held before anything is looked at: by command, told the rows as they will be.
Hold = Callable[[UUID, Sequence[Mapping[str, Any]]], None]
HELD: dict[str, Hold] = {}


def after_undo(command: str) -> Callable[[Undone], Undone]:
    """Register what follows an undo of this command, as leaving an event."""

    def register(function: Undone) -> Undone:
        UNDONE[command] = function
        return function

    return register


def before_undo(command: str) -> Callable[[Hold], Hold]:
    """Register what an undo of this command holds first, as people before their tickets."""

    def register(function: Hold) -> Hold:
        HELD[command] = function
        return function

    return register
