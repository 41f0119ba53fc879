"""The filtered list as a CSV file, streamed, and safe to open in a spreadsheet."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone, translation

from ondi.common.times import in_words
from ondi.staff.entry import Staff
from ondi.tenants.scope import tenant_scope
from support.models import Ticket, TicketClock
from support.vocabulary import Metric

ROWS_AT_ONCE = 1_000
COLUMNS = (
    "number", "subject", "status", "priority", "source", "customer", "customer_email", "assignee", "delivery_code",
    "order_number", "waiting_on", "waiting_since", "opened_at", "first_response_at", "last_activity_at", "closed_at",
    *(f"{metric}_{what}" for metric in Metric.values for what in ("due_at", "outcome")), "tenant", "time_zone",
)  # fmt: skip
TIMES = {"waiting_since", "opened_at", "first_response_at", "last_activity_at", "closed_at",
         *(f"{metric}_due_at" for metric in Metric.values)}  # fmt: skip
FORM = "Y-m-d H:i:s"  # what spreadsheets take for a time
# A spreadsheet takes a text that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class _Echo:
    """A file whose lines are handed on as they are written."""

    def write(self, line: str) -> str:
        return line


def csv_of(tickets: QuerySet[Ticket], staff: Staff) -> StreamingHttpResponse:
    """These tickets as a download, times in the zone of their tenant, and the file named by that zone's day.

    It opens its own scope, for it runs after the page's transaction is over.
    """
    language = translation.get_language()
    response = StreamingHttpResponse(_lines(tickets, staff, language), content_type="text/csv; charset=utf-8")
    zone = staff.zone_in(*staff.support_tenant_ids)
    name = f"tickets-{timezone.localtime(timezone=zone):%Y-%m-%d}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _lines(tickets: QuerySet[Ticket], staff: Staff, language: str | None) -> Iterator[str]:
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield "\ufeff"  # or spreadsheets take it for Latin-1
    yield str(writer.writerow(_headings(staff)))
    rows = tickets.order_by("id").select_related("tenant", "requester", "assignee", "delivery", "order")
    last: UUID | None = None
    while True:
        with tenant_scope(*staff.support_tenant_ids), translation.override(language):
            found = list((rows.filter(id__gt=last) if last else rows)[:ROWS_AT_ONCE])
            clocks = _clocks_of(found)
            lines = [str(writer.writerow([_cell(one) for one in _values(row, clocks[row.id])])) for row in found]
        yield from lines
        if len(found) < ROWS_AT_ONCE:
            return
        last = found[-1].id


def _headings(staff: Staff) -> list[str]:
    """Columns with times name their zone; where tenants have several, it stands in each row."""
    zone = str(staff.zone_in(*staff.support_tenant_ids)) if staff.shares_one_zone else "time_zone"
    return [f"{name} ({zone})" if name in TIMES else name for name in COLUMNS]


def _clocks_of(tickets: Sequence[Ticket]) -> dict[UUID, dict[str, TicketClock]]:
    """Of each ticket the newest clock of each kind."""
    found: dict[UUID, dict[str, TicketClock]] = defaultdict(dict)
    tenants = {ticket.tenant_id for ticket in tickets}
    for clock in TicketClock.objects.in_tenants(tenants).of_tickets([ticket.id for ticket in tickets]):
        found[clock.ticket_id][clock.metric] = clock
    return found


def _values(ticket: Ticket, clocks: Mapping[str, TicketClock]) -> tuple[object, ...]:
    zone = ZoneInfo(ticket.tenant.time_zone)

    def local(moment: datetime | None) -> str:
        return in_words(moment, FORM, zone=zone) if moment else ""

    promised = [
        value
        for metric in Metric.values
        for clock in [clocks.get(metric)]
        for value in (local(clock.due_at) if clock else "", clock.outcome if clock else "")
    ]
    return (
        ticket.number, ticket.subject, ticket.status, ticket.priority, ticket.source,
        ticket.requester.full_name, ticket.requester.email,
        ticket.assignee.full_name if ticket.assignee else "",
        ticket.delivery.delivery_code if ticket.delivery else "", ticket.order.number if ticket.order else "",
        ticket.waiting_on, local(ticket.waiting_since), local(ticket.created_at), local(ticket.first_response_at),
        local(ticket.last_activity_at), local(ticket.closed_at), *promised, ticket.tenant.slug, ticket.tenant.time_zone,
    )  # fmt: skip


def _cell(value: object) -> object:
    """Text that would be a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA) else value
