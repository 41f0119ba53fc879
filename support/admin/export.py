"""The filtered list as a CSV file, streamed, and safe to open in a spreadsheet."""

import csv
from collections.abc import Collection, Iterator
from uuid import UUID

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone, translation

from ondi.common.times import iso
from ondi.tenants.scope import tenant_scope
from support.models import Ticket

ROWS_AT_ONCE = 1_000
COLUMNS = (
    "number", "subject", "status", "priority", "source", "customer", "customer_email", "assignee", "delivery_code",
    "order_number", "waiting_on", "waiting_since", "opened_at", "first_response_at", "last_activity_at", "closed_at",
    "tenant",
)  # fmt: skip
# A spreadsheet takes a text that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class _Echo:
    """A file whose lines are handed on as they are written."""

    def write(self, line: str) -> str:
        return line


def csv_of(tickets: QuerySet[Ticket], tenant_ids: Collection[UUID]) -> StreamingHttpResponse:
    """These tickets as a download. It opens its own scope, for it runs after the page's transaction is over."""
    language = translation.get_language()
    response = StreamingHttpResponse(_lines(tickets, tenant_ids, language), content_type="text/csv; charset=utf-8")
    name = f"tickets-{timezone.now():%Y-%m-%d}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _lines(tickets: QuerySet[Ticket], tenant_ids: Collection[UUID], language: str | None) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff"  # or spreadsheets take it for Latin-1
    yield str(writer.writerow(COLUMNS))
    rows = tickets.order_by("id").select_related("tenant", "requester", "assignee", "delivery", "order")
    last: UUID | None = None
    while True:
        with tenant_scope(*tenant_ids), translation.override(language):
            found = list((rows.filter(id__gt=last) if last else rows)[:ROWS_AT_ONCE])
            lines = [str(writer.writerow([_cell(value) for value in _values(ticket)])) for ticket in found]
        yield from lines
        if len(found) < ROWS_AT_ONCE:
            return
        last = found[-1].id


def _values(ticket: Ticket) -> tuple[object, ...]:
    return (
        ticket.number, ticket.subject, ticket.status, ticket.priority, ticket.source,
        ticket.requester.full_name, ticket.requester.email,
        ticket.assignee.full_name if ticket.assignee else "",
        ticket.delivery.delivery_code if ticket.delivery else "", ticket.order.number if ticket.order else "",
        ticket.waiting_on, iso(ticket.waiting_since), iso(ticket.created_at), iso(ticket.first_response_at),
        iso(ticket.last_activity_at), iso(ticket.closed_at), ticket.tenant.slug,
    )  # fmt: skip


def _cell(value: object) -> object:
    """Text that would be a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA) else value
