"""Making an entry: what may be said of each kind of event, and checking that nothing else is.

`insert_rows(…, entry)` writes it with the change it tells of, while that is locked: then ids, which the database
draws, stand in the order of what happened to one subject.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from ondi.common.times import iso
from ondi.outbox.models import Entry

_CODE = re.compile(r"[a-z0-9_.:-]{1,64}")
_KINDS: dict[str, frozenset[str]] = {}


class NotPublishable(AssertionError):
    """An entry that says what its kind does not say: a fault of ours, found when it is made."""


def register(kind: str, names: Iterable[str] = ()) -> None:
    """Let events of this kind be published. `names`: what their `data` may hold, also within a mapping of it."""
    if not _CODE.fullmatch(kind) or kind in _KINDS:
        raise NotPublishable(f"{kind} is no name for an event, or is taken")
    _KINDS[kind] = frozenset(names)


def kinds() -> frozenset[str]:
    """Every kind that is registered."""
    return frozenset(_KINDS)


def entry(
    kind: str,
    *,
    tenant_id: UUID,
    at: datetime,
    subject_id: UUID | None = None,
    version: int | None = None,
    person_id: UUID | None = None,
    actor_id: UUID | None = None,
    is_silent: bool = False,
    cause: str = "",
    data: Mapping[str, Any] | None = None,
) -> Entry:
    """An unsaved row that says what happened; see `Happening` for the arguments.

    Raises `NotPublishable` for an unknown kind, a name its kind does not list, and a value that is no id, number,
    moment or code.
    """
    if kind not in _KINDS:
        raise NotPublishable(f"{kind} is not registered")
    if cause and not _CODE.fullmatch(cause):
        raise NotPublishable("a cause is a code")
    return Entry(
        tenant_id=tenant_id,
        kind=kind,
        subject_id=subject_id,
        version=version,
        person_id=person_id,
        actor_id=actor_id,
        data=_mapping(kind, data or {}),
        is_silent=is_silent,
        cause=cause,
        at=at,
    )


def _mapping(kind: str, said: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := said.keys() - _KINDS[kind]:
        raise NotPublishable(f"{kind} does not say {', '.join(sorted(unknown))}")
    return {name: _plain(kind, name, value) for name, value in said.items()}


def _plain(kind: str, name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Mapping):
        return _mapping(kind, value)
    if isinstance(value, list | tuple):
        return [_plain(kind, name, one) for one in value]
    if isinstance(value, str) and _CODE.fullmatch(value):
        return str(value)
    raise NotPublishable(f"{kind}: {name} is no id, number, moment or code")
