"""Whose events are whose: the app above says it once, for feed and stream alike."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ondi.outbox.feed import Changes
from ondi.outbox.models import Event


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is told of a tenant's events. `membership_id`: None for who is nobody's customer there."""

    tenant_id: UUID
    membership_id: UUID | None
    is_support_user: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """`changes(reader, after, limit)`: from the table, raising as `changes_after`; `is_told`: the same of one event.

    `form`: what is said of it (position, event, data). `ends_access`: kinds after which rights are asked again at once.
    """

    changes: Callable[[Reader, int, int], Changes]
    is_told: Callable[[Event, Reader], bool]
    form: Callable[[Event, Reader], dict[str, Any]]
    ends_access: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sitting:
    """A session of the admin that is in force: whose, and whose events its pages are told."""

    user_id: UUID
    readers: tuple[Reader, ...]


Subject = tuple[UUID, UUID]  # its tenant, and which of the tenant's


@dataclass(frozen=True, slots=True)
class Viewing:
    """A subject that an open page shows, and to whom. `membership_id`: None for who is nobody of its tenant."""

    tenant_id: UUID
    subject_id: UUID
    membership_id: UUID | None

    @property
    def subject(self) -> Subject:
        return self.tenant_id, self.subject_id


# Those of these sessions of the admin that are in force, by their keys.
Sittings = Callable[[Collection[str]], dict[str, Sitting]]

# Note these pages as open, and those that closed as left, unless somebody noted them after that moment; who has the
# subjects of the first open then.
KeepPresence = Callable[[Collection[Viewing], Mapping[Viewing, datetime]], Mapping[Subject, frozenset[UUID]]]
# What `KeepPresence` notifies of each change, as `tenant subject membership here|gone`.
PRESENCE_CHANNEL = "ondi_presence"

_rules: list[Rule] = []
_presence: list[KeepPresence] = []
_sittings: list[Sittings] = []


def register(rule: Rule) -> None:
    """Let this rule decide, in place of one that was registered before."""
    _rules[:] = [rule]


def register_sittings(find: Sittings) -> None:
    """Let the admin say which of its sessions are in force, in place of what was registered before."""
    _sittings[:] = [find]


def register_presence(keep: KeepPresence) -> None:
    """Let the app above keep who has what open, in place of what was registered before."""
    _presence[:] = [keep]


def keep_presence(opened: Collection[Viewing], left: Mapping[Viewing, datetime]) -> Mapping[Subject, frozenset[UUID]]:
    (keep,) = _presence
    return keep(opened, left)


def sittings(keys: Collection[str]) -> dict[str, Sitting]:
    (find,) = _sittings
    return find(keys)


def rule() -> Rule:
    """The rule that decides. Raises `ValueError` where no app registered one."""
    (found,) = _rules
    return found
