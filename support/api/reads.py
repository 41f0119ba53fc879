"""The hot reads of tickets, compiled once. What they read is said by the querysets' own words."""

from typing import Any

from ondi.accounts.actors import Actor
from ondi.api.pagination import Page
from ondi.common.compiled import CompiledQuery
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


OWN, OWN_PAGE, OWN_DETAIL = CompiledQuery(_own), CompiledQuery(_own_page), CompiledQuery(_own_detail)
HOT = {"own": OWN, "own page": OWN_PAGE, "own detail": OWN_DETAIL}


def own_page(actor: Actor, page: Page, filters: dict[str, Any]) -> tuple[list[Any], int]:
    """Rows of a page of the actor's own tickets, and how many there are in all."""
    rows = OWN_PAGE.rows(actor, start=page.start, limit=page.limit, **filters)
    return rows, OWN.count(actor, **filters)


def own_detail(actor: Actor, ticket_id: Any) -> Any | None:
    """The row of one of the actor's own tickets; None for any other."""
    rows = OWN_DETAIL.rows(actor, ticket=ticket_id)
    return rows[0] if rows else None
