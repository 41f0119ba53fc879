"""Which tickets a promise is for: what a version of a policy says, as a condition of the database."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, F, OuterRef, Q, UUIDField, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from deliveries.timing import late
from support.models import PolicyVersion, TicketTag
from support.querysets import TicketQuerySet
from support.vocabulary import ItemKind

_ITEMS = {
    ItemKind.DELIVERY: Q(delivery__isnull=False),
    ItemKind.ORDER: Q(delivery=None, order__isnull=False),
    ItemKind.NONE: Q(delivery=None, order=None),
}


def fitting(match: Mapping[str, Any], now: datetime) -> Q:
    """Tickets that are all that `match` asks for; what it does not name may be anything.

    `priority`, `source`, `item`, `delivery_status`, `store`: words, one of which it has to be; `tag`: ids, one of which
    it has to have; `is_late`: whether its delivery came, or will come, after the promised moment.
    """
    found = Q(pk__isnull=False)  # of nothing Django makes no condition
    for name in ("priority", "source"):
        if wanted := match.get(name):
            found &= Q(**{f"{name}__in": wanted})
    if tags := match.get("tag"):
        held = TicketTag.objects.filter(tenant_id=OuterRef("tenant_id"), ticket_id=OuterRef("pk"), tag_id__in=tags)
        found &= Q(Exists(held))
    if items := match.get("item"):
        found &= _any_of(_ITEMS[ItemKind(one)] for one in items)
    if statuses := match.get("delivery_status"):
        found &= Q(delivery__status__in=statuses)
    if stores := match.get("store"):
        found &= Q(delivery__store__in=stores) | Q(order__store__in=stores)
    if (is_late := match.get("is_late")) is not None:
        found &= late(now, "delivery__") if is_late else Q(delivery__isnull=False) & ~late(now, "delivery__")
    return found


def first_fitting(policies: Collection[PolicyVersion], now: datetime) -> Combinable:
    """The id of the first of these, in their order, that a ticket fits; null where it fits none."""
    cases = (When(fitting(one.match, now), then=Value(one.id, output_field=UUIDField())) for one in policies)
    return Case(*cases, default=None, output_field=UUIDField())


def touched_by(
    tickets: TicketQuerySet, before: Collection[PolicyVersion], after: Collection[PolicyVersion], now: datetime
) -> TicketQuerySet:
    """Those of these tickets for which another promise holds once the policies in force are others."""
    nothing = Value(UUID(int=0), output_field=UUIDField())
    was, becomes = (Coalesce(first_fitting(policies, now), nothing) for policies in (before, after))
    return tickets.annotate(was=was, becomes=becomes).exclude(was=F("becomes"))


def _any_of(conditions: Any) -> Q:
    found = Q(pk__in=[])
    for one in conditions:
        found |= one
    return found
