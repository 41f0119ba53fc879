"""Reading a tenant's events in order, from a position on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from ondi.common.errors import InvalidInput
from ondi.outbox.errors import PositionExpired
from ondi.outbox.models import Event, Position

Narrow = Callable[["QuerySet[Event, Event]"], "QuerySet[Event, Event]"]


@dataclass(frozen=True, slots=True)
class Changes:
    """`next_position`: where to go on; `has_more`: whether something stands there already."""

    events: Sequence[Event]
    next_position: int
    has_more: bool


def position_now(tenant_id: UUID) -> int:
    """The last position given in a tenant; 0 before the first. Needs the tenant in scope."""
    return Position.objects.in_tenants([tenant_id]).values_list("position", flat=True).first() or 0


def changes_after(
    after: int | None,
    *,
    tenant_id: UUID,
    limit: int,
    kept: timedelta,
    narrow: Narrow = lambda events: events,
    now: datetime | None = None,
) -> Changes:
    """At most `limit` events of a tenant after a position, in order; without one, none, and the position now.

    `narrow`: which of them the caller may see. None is skipped, and where there is nothing the position stays.
    Needs the tenant in scope. Raises `InvalidInput` for a position that is negative or ahead, `PositionExpired`
    where the next one was numbered longer than `kept` ago.
    """
    current = position_now(tenant_id)
    if after is None:
        return Changes((), current, has_more=False)
    if not 0 <= after <= current:
        raise InvalidInput({"after": ["min_value" if after < 0 else "max_value"]})
    events = Event.objects.in_tenants([tenant_id])
    if after < current:
        first = events.filter(position=after + 1).values_list("relayed_at", flat=True).first()
        if first is None or first < (now or timezone.now()) - kept:
            raise PositionExpired
    found = list(narrow(events.filter(position__gt=after)).order_by("position")[: limit + 1])
    shown = found[:limit]
    return Changes(shown, shown[-1].position if shown else after, has_more=len(found) > limit)
