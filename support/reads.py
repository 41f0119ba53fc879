"""The hot reads of tickets, compiled once. What they read is said by the querysets' own words."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import F

from ondi.accounts.actors import Actor
from ondi.api.pagination import LAST_ROW, Page
from ondi.common.compiled import AnyOf, CompiledQuery
from ondi.tenants.models import Tenant
from support.models import Ticket
from support.querysets import RowCount

COUNTED_AT_MOST = 1_000

# Which page first, by key, and only its rows joined: a late page costs little more than the first.


def _own_page(viewer: Any, *, page: slice, **filters: Any) -> Any:
    own = Ticket.objects.requested_by(viewer)
    wanted = own.filter(**filters)
    keys = wanted.newest_activity_first().values("id")[page]
    listed = own.filter(id__in=keys).newest_activity_first().annotate(total=RowCount(wanted))
    return listed.for_list(viewer, "total")


def _own_detail(viewer: Any, *, page: slice, ticket: Any) -> Any:
    return Ticket.objects.requested_by(viewer).filter(id=ticket).for_detail(viewer)


def _own(viewer: Any, *, page: slice, **filters: Any) -> Any:
    return Ticket.objects.requested_by(viewer).filter(**filters).values_list("id", named=True)


def _queued(viewer: Any, *, page: slice, tickets: Any) -> Any:
    return Ticket.objects.visible_to(viewer).filter(AnyOf(F("id"), tickets)).for_queue(viewer)


def _queue(viewer: Any, *, page: slice, **wanted: Any) -> Any:
    found = Ticket.objects.visible_to(viewer).narrowed(**wanted).queue_order()
    return found.values_list("id", named=True)[page]


def _queue_by_due(viewer: Any, *, page: slice, **wanted: Any) -> Any:
    return Ticket.objects.visible_to(viewer).narrowed(**wanted).due_order().values_list("id", named=True)[page]


def _found_by_due(viewer: Any, *, page: slice, **wanted: Any) -> Any:
    return Ticket.objects.visible_to(viewer).narrowed(**wanted).due_order().keys_and_total()[page]


def _found(viewer: Any, *, page: slice, **wanted: Any) -> Any:
    return Ticket.objects.visible_to(viewer).narrowed(**wanted).queue_order().keys_and_total()[page]


def _counts(viewer: Any, *, page: slice, **more: Any) -> Any:
    tickets = Ticket.objects.visible_to(viewer).open()
    mine = tickets.filter(assignee=viewer.membership_id)
    counted = {"unassigned": tickets.unassigned(), "mine": mine, "all": tickets}
    counts = {name: RowCount(found, COUNTED_AT_MOST) for name, found in counted.items()} | more
    return Tenant.objects.filter(id=viewer.tenant_id).annotate(**counts).values_list(*counts, named=True)


def _totals(viewer: Any, *, page: slice, **wanted: Any) -> Any:
    found = Ticket.objects.visible_to(viewer).narrowed(**wanted)
    return _counts(viewer, page=page, total=RowCount(found, LAST_ROW))


OWN, OWN_PAGE = CompiledQuery(_own, written=["status"]), CompiledQuery(_own_page, written=["status"])
OWN_DETAIL, QUEUED, COUNTS = CompiledQuery(_own_detail), CompiledQuery(_queued), CompiledQuery(_counts)
QUEUE, FOUND = CompiledQuery(_queue, written=["status"]), CompiledQuery(_found, written=["status"])
QUEUE_BY_DUE, FOUND_BY_DUE = (CompiledQuery(one, written=["status"]) for one in (_queue_by_due, _found_by_due))
TOTALS = CompiledQuery(_totals, written=["status"])
HOT = {
    "own": OWN, "own page": OWN_PAGE, "own detail": OWN_DETAIL, "queue": QUEUE, "found": FOUND, "queued": QUEUED,
    "queue by due": QUEUE_BY_DUE, "found by due": FOUND_BY_DUE, "counts": COUNTS, "totals": TOTALS,
}  # fmt: skip


def own_page(actor: Actor, page: Page, filters: dict[str, Any]) -> tuple[list[Any], int]:
    """Rows of a page of the actor's own tickets, and how many there are in all."""
    rows = OWN_PAGE.rows(actor, start=page.start, limit=page.limit, **filters)
    if rows:
        return rows, rows[0].total
    return [], OWN.count(actor, **filters) if page.start else 0


def own_detail(actor: Actor, ticket_id: Any) -> Any | None:
    """The row of one of the actor's own tickets; None for any other."""
    rows = OWN_DETAIL.rows(actor, ticket=ticket_id)
    return rows[0] if rows else None


def queue_page(
    actor: Actor, page: Page, wanted: dict[str, Any], *, by_due: bool = False
) -> tuple[list[Any], int, dict[str, int]]:
    """Rows of a page of the queue, how many there are in all, and how many are open by whose they are.

    `by_due`: what is due first comes first, in place of the queue's own order.
    Counted a little beyond `LAST_ROW` and `COUNTED_AT_MOST`, but what a search finds to its end.
    """
    found, queued = (FOUND_BY_DUE, QUEUE_BY_DUE) if by_due else (FOUND, QUEUE)
    query = found if "search" in wanted else queued
    keys = query.rows(actor, start=page.start, limit=page.limit, **wanted)
    if "search" in wanted and (keys or not page.start):
        total, counts = keys[0].total if keys else 0, COUNTS.rows(actor)[0]._asdict()
    else:
        counts = TOTALS.rows(actor, **wanted)[0]._asdict()
        total = counts.pop("total")
    return _in_order(actor, [key.id for key in keys]), total, counts


def _in_order(actor: Actor, ticket_ids: Sequence[UUID]) -> list[Any]:
    found = {row.id: row for row in QUEUED.rows(actor, tickets=list(ticket_ids))}
    return [found[ticket_id] for ticket_id in ticket_ids if ticket_id in found]
