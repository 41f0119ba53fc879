"""The hot reads of tickets, compiled once. What they read is said by the querysets' own words."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import F

from ondi.accounts.actors import Actor
from ondi.api.pagination import Page
from ondi.common.compiled import AnyOf, CompiledQuery
from support.models import Ticket

# Which page first, by key, and only its rows joined: a late page costs little more than the first.


def _own_page(viewer: Any, *, page: slice, **filters: Any) -> Any:
    own = Ticket.objects.requested_by(viewer)
    keys = own.filter(**filters).newest_activity_first().values("id")[page]
    return own.filter(id__in=keys).newest_activity_first().for_list(viewer)


def _own_detail(viewer: Any, *, page: slice, ticket: Any) -> Any:
    return Ticket.objects.requested_by(viewer).filter(id=ticket).for_detail(viewer)


def _own(viewer: Any, *, page: slice, **filters: Any) -> Any:
    return Ticket.objects.requested_by(viewer).filter(**filters).values_list("id", named=True)


def _queued(viewer: Any, *, page: slice, tickets: Any) -> Any:
    return Ticket.objects.visible_to(viewer).filter(AnyOf(F("id"), tickets)).for_queue(viewer)


OWN, OWN_PAGE, OWN_DETAIL = CompiledQuery(_own), CompiledQuery(_own_page), CompiledQuery(_own_detail)
QUEUED = CompiledQuery(_queued)
HOT = {"own": OWN, "own page": OWN_PAGE, "own detail": OWN_DETAIL, "queued": QUEUED}


def own_page(actor: Actor, page: Page, filters: dict[str, Any]) -> tuple[list[Any], int]:
    """Rows of a page of the actor's own tickets, and how many there are in all."""
    rows = OWN_PAGE.rows(actor, start=page.start, limit=page.limit, **filters)
    return rows, OWN.count(actor, **filters)


def queued(actor: Actor, ticket_ids: Sequence[UUID]) -> list[Any]:
    """Rows of the queue for these tickets, in their order."""
    found = {row.id: row for row in QUEUED.rows(actor, tickets=list(ticket_ids))}
    return [found[ticket_id] for ticket_id in ticket_ids if ticket_id in found]


def own_detail(actor: Actor, ticket_id: Any) -> Any | None:
    """The row of one of the actor's own tickets; None for any other."""
    rows = OWN_DETAIL.rows(actor, ticket=ticket_id)
    return rows[0] if rows else None
