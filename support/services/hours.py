"""Bringing a calendar's new hours to what runs: from the clocks as they stand, and where those do not say all, anew."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from ondi.common.prepared import insert_many
from support.models import CalendarVersion, Ticket, TicketClock, TicketTerms
from support.services.clocks import History, Kept, Pair, computed, hold_clocks, known_terms, write_kept
from support.sla.clock import Clock, Clocks, Happening, Terms, What
from support.vocabulary import Cause, Metric, Outcome, WaitingOn

_READ_OF_TICKET = (
    "tenant_id", "number", "status", "waiting_on", "snoozed_until", "due_at", "reply_due_at", "attend_at",
    "delivery__promised_at",
)  # fmt: skip


def bring_hours(*, tenant_id: UUID, ticket_ids: Collection[UUID], hours: CalendarVersion, at: datetime) -> int:
    """Let what runs for these open tickets by other versions of this calendar go on by `hours`; how many they are.

    The time used so far stays. Goes on from the clocks as they stand, and from the history where time or somebody has
    moved them meanwhile. Holds and locks as `keep_clocks`.
    """
    hold_clocks(tenant_id)
    newest = TicketTerms.objects.in_tenants([tenant_id]).newest_of(ticket_ids)
    read = newest.only("ticket_id", "policy_version_id", "calendar_version_id", "created_at")
    held = {one.ticket_id: one for one in read}
    former = set(hours.calendar.versions.exclude(id=hours.id).values_list("id", flat=True))
    moved = {key: one for key, one in held.items() if one.calendar_version_id in former}
    made = [
        TicketTerms(
            tenant_id=tenant_id, ticket_id=key, policy_version_id=one.policy_version_id, calendar_version=hours,
            cause=Cause.CALENDAR, created_at=max(at, one.created_at),
        )
        for key, one in moved.items()
    ]  # fmt: skip
    insert_many(made)
    standing = _standing(tenant_id, moved, hours, at)
    write_kept(standing)
    write_kept(computed(tenant_id, moved.keys() - {one.ticket.id for one in standing}, at))
    return len(moved)


def _standing(tenant_id: UUID, held: Mapping[UUID, TicketTerms], hours: CalendarVersion, at: datetime) -> "list[Kept]":
    """Those of these whose clocks tell all there is to know, by `hours` from now; `held`: their terms until now."""
    rows: dict[UUID, list[TicketClock]] = defaultdict(list)
    for row in TicketClock.objects.in_tenants([tenant_id]).of_tickets(held).filter(ended_at=None):
        rows[row.ticket_id].append(row)
    pairs = {(one.policy_version_id, one.calendar_version_id) for one in held.values()}
    pairs |= {(row.policy_version_id, row.calendar_version_id) for many in rows.values() for row in many}
    known = known_terms(tenant_id, pairs | {(policy, hours.id) for policy, _calendar in pairs if policy})
    tickets = Ticket.objects.in_tenants([tenant_id]).open().filter(id__in=list(held)).select_related("delivery")
    found = []
    for ticket in tickets.only(*_READ_OF_TICKET):
        terms = held[ticket.id]
        clocks = _clocks_of_rows(
            ticket, rows[ticket.id], known, known[terms.policy_version_id, terms.calendar_version_id]
        )
        if not _is_quiet(clocks, rows[ticket.id], at):
            continue
        by_hours = known[terms.policy_version_id, hours.id]
        clocks.happen(Happening(max(at, terms.created_at), What.TERMS, terms=by_hours, cause=Cause.CALENDAR))
        own = {(row.metric, row.number): row for row in rows[ticket.id]}
        found.append(Kept(History(ticket, [], [], [], own), clocks, at))
    return found


def _clocks_of_rows(
    ticket: Ticket, rows: Iterable[TicketClock], known: Mapping[Pair, Terms | None], terms: Terms | None
) -> Clocks:
    clocks = [
        Clock(
            Metric(row.metric), row.number, row.started_at, known[row.policy_version_id, row.calendar_version_id],
            row.consumed, row.running_since, row.due_at, True, row.spoiled_by, None,
            Outcome(row.outcome) if row.outcome else None,
        )
        for row in rows
    ]  # fmt: skip
    waits_on_agent = ticket.waiting_on == WaitingOn.AGENT
    return Clocks(clocks, {one.metric: one for one in clocks}, terms, True, waits_on_agent, ticket.snoozed_until)


def _is_quiet(clocks: Clocks, rows: Iterable[TicketClock], at: datetime) -> bool:
    """Whether nothing is due by now, and what should run runs: what happened to the ticket is taken up."""
    due = [clocks.snoozed_until, *(row.warn_at for row in rows)]
    due += [one.due_at for one in clocks.clocks if one.outcome is None]
    return all(one is None or one > at for one in due) and all(
        clocks.runs(one) == (one.since is not None) for one in clocks.clocks
    )
