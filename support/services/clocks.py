"""Keeping the clocks of tickets: which promise holds for each, and how far it is.

The truth is what is recorded: messages, history, `TicketTerms`. From it `support/sla/clock.py` says all there is to say
of a ticket; rows of `TicketClock`, and the due times on the ticket, are a copy, written here (`write_kept`) and
nowhere else. Who writes them holds the tenant's clocks (`hold_clocks`), which comes before every other lock.
"""

import functools
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from conversations.models import Message, SenderRole
from ondi.accounts.actors import Actor
from ondi.common.prepared import fetch_prepared, insert_many, update_rows
from ondi.outbox.models import Entry
from support.criteria import first_fitting
from support.models import CalendarVersion, PolicyVersion, Ticket, TicketClock, TicketEvent, TicketTerms
from support.publishing import SLA_BREACHED, SLA_MET, SLA_WARNING, of_ticket
from support.sla.clock import Clock, Clocks, Happening, Pause, Terms, What, clocks_after
from support.sla.hours import Hours, Week, Window
from support.vocabulary import SNOOZED_UNTIL, Cause, EventKind, Metric, Outcome, TicketStatus, WaitingOn

TICK = timedelta(microseconds=1)
_RESPONSES = {Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE}
_SAID = {SenderRole.CUSTOMER: What.CUSTOMER_SAID, SenderRole.AGENT: What.AGENT_SAID}
_KINDS = {
    EventKind.OPENED: What.OPENED, EventKind.CLOSED: What.CLOSED, EventKind.REOPENED: What.REOPENED,
    EventKind.SNOOZED: What.SNOOZED, EventKind.FIX_UNDONE: What.REOPENED,
}  # fmt: skip
# Of what happened at one moment: what is promised stands before what is said, and all that is said before a closing.
_ORDER = {
    What.OPENED: 0, What.REOPENED: 1, What.TERMS: 2, What.CUSTOMER_SAID: 3, What.AGENT_SAID: 3, What.SNOOZED: 4,
    What.CLOSED: 5,
}  # fmt: skip


Pair = tuple[UUID | None, UUID | None]  # of a policy's version and a calendar's


@dataclass(frozen=True, slots=True)
class Moment:
    """When something changed after which another promise may hold, and what."""

    at: datetime
    cause: Cause


def hold_clocks(tenant_id: UUID) -> None:
    """Until the transaction ends, nobody else keeps this tenant's clocks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"clocks {tenant_id}"])


def keep_clocks(*, tenant_id: UUID, tickets: Mapping[UUID, Moment | None], at: datetime) -> None:
    """Bring the promises for these tickets, and their clocks, up to what happened to them; `at`: now.

    With a moment: by which promise that is, is asked anew. What is warned of, missed or met with this is published.
    Does nothing where the tenant never promised anything. Holds the tenant's clocks, then locks what changes of the
    tickets' rows. Needs the tenant in scope.
    """
    hold_clocks(tenant_id)
    policies = PolicyVersion.objects.in_tenants([tenant_id]).in_force()
    if not policies and not TicketTerms.objects.in_tenants([tenant_id]).of_tickets(list(tickets)).exists():
        return
    _make_promises(tenant_id, policies, {key: moment for key, moment in tickets.items() if moment}, at)
    write_kept(computed(tenant_id, list(tickets), at))


def recompute_clocks(*, tenant_id: UUID, ticket_ids: Collection[UUID], at: datetime) -> None:
    """Write what the history says into clocks and due times, and tell nobody. Holds and locks as `keep_clocks`."""
    hold_clocks(tenant_id)
    write_kept(computed(tenant_id, ticket_ids, at), is_told=False)


def wrong_clocks(*, tenant_id: UUID, ticket_ids: Collection[UUID], at: datetime) -> list[Ticket]:
    """Those of these tickets whose clocks or due times are not what their history says. Writes nothing."""
    return [one.ticket for one in computed(tenant_id, ticket_ids, at) if one.is_wrong]


def computed(tenant_id: UUID, ticket_ids: Collection[UUID], at: datetime) -> "list[Kept]":
    """What the history says of these tickets\' clocks, beside their rows; of those that were ever promised anything."""
    return [Kept(one, clocks_after(one.happenings(), at), at) for one in _histories(tenant_id, ticket_ids)]


def _make_promises(
    tenant_id: UUID, policies: Sequence[PolicyVersion], moments: Mapping[UUID, Moment], at: datetime
) -> None:
    """Record which promise holds from each moment on, where that is another one.

    None is recorded where a delivery's getting late may bring one: its ticket is looked at then.
    """
    if not moments:
        return
    newest = {one.calendar_id: one for one in CalendarVersion.objects.in_tenants([tenant_id]).newest()}
    last = {one.ticket_id: one for one in TicketTerms.objects.in_tenants([tenant_id]).of_tickets(list(moments))}
    open_ones = Ticket.objects.in_tenants([tenant_id]).open().filter(id__in=moments)
    promised = open_ones.annotate(promised=first_fitting(policies, at)).values_list("id", "delivery_id", "promised")
    by_id = {one.id: one for one in policies}
    lateness_counts = any("is_late" in one.match for one in policies)
    made = []
    for ticket_id, delivery_id, version_id in promised:
        before, moment = last.get(ticket_id), moments[ticket_id]
        waits_for_lateness = before is None and delivery_id is not None and lateness_counts
        if version_id == (before.policy_version_id if before else None) and not waits_for_lateness:
            continue
        made.append(
            TicketTerms(
                tenant_id=tenant_id,
                ticket_id=ticket_id,
                policy_version_id=version_id,
                calendar_version=newest[by_id[version_id].calendar_id] if version_id else None,
                cause=moment.cause,
                created_at=max(moment.at, before.created_at) if before else moment.at,
            )
        )
    insert_many(made)


@dataclass(slots=True)
class History:
    """What is recorded of a ticket, and its clocks as they stand."""

    ticket: Ticket
    events: list[TicketEvent]
    said: list[tuple[str, datetime]]
    terms: list[tuple[TicketTerms, Terms | None]]
    rows: dict[tuple[str, int], TicketClock]

    def happenings(self) -> list[Happening]:
        found = [one for event in self.events if (one := _happening(event))]
        latest = self.ticket.created_at
        for role, at in self.said:  # in the order in which they stand, whatever the clocks of two servers said
            latest = max(latest, at)
            found.append(Happening(latest, _SAID[SenderRole(role)]))
        found += [Happening(row.created_at, What.TERMS, terms=terms, cause=row.cause) for row, terms in self.terms]
        return sorted(found, key=lambda one: (one.at, _ORDER[one.what]))


def _happening(event: TicketEvent) -> Happening | None:
    what = _KINDS[EventKind(event.kind)]
    if event.kind == EventKind.SNOOZED:
        until = event.after.get(SNOOZED_UNTIL)
        return Happening(event.created_at, what, until=datetime.fromisoformat(until) if until else None)
    if event.kind == EventKind.FIX_UNDONE:
        if "status" not in event.after:
            return None
        if event.after["status"] == TicketStatus.CLOSED:
            return Happening(event.created_at, What.CLOSED)
        return Happening(event.created_at, what, waits_on_agent=event.after["waiting_on"] == WaitingOn.AGENT)
    return Happening(event.created_at, what)


def _histories(tenant_id: UUID, ticket_ids: Collection[UUID]) -> list[History]:
    """Of those that were ever promised anything. Six statements."""
    of_tenant = [tenant_id]
    terms: dict[UUID, list[TicketTerms]] = defaultdict(list)
    for row in TicketTerms.objects.in_tenants(of_tenant).of_tickets(ticket_ids):
        terms[row.ticket_id].append(row)
    if not terms:
        return []
    pairs = {(row.policy_version_id, row.calendar_version_id) for rows in terms.values() for row in rows}
    known = known_terms(tenant_id, pairs)
    events: dict[UUID, list[TicketEvent]] = defaultdict(list)
    for event in TicketEvent.objects.in_tenants(of_tenant).filter(ticket__in=list(terms), kind__in=list(_KINDS)):
        events[event.ticket_id].append(event)
    clocks: dict[UUID, dict[tuple[str, int], TicketClock]] = defaultdict(dict)
    for clock in TicketClock.objects.in_tenants(of_tenant).of_tickets(list(terms)):
        clocks[clock.ticket_id][clock.metric, clock.number] = clock
    tickets = list(Ticket.objects.in_tenants(of_tenant).filter(id__in=list(terms)).select_related("delivery"))
    said: dict[UUID, list[tuple[str, datetime]]] = defaultdict(list)
    spoken = Message.objects.in_tenants(of_tenant).filter(conversation__in=[one.conversation_id for one in tickets])
    for conversation_id, role, when in (
        spoken.filter(sender_role__in=list(_SAID))
        .order_by("conversation_id", "sequence")
        .values_list("conversation_id", "sender_role", "created_at")
    ):
        said[conversation_id].append((role, when))
    return [
        History(
            one,
            events[one.id],
            said[one.conversation_id],
            [(row, known[row.policy_version_id, row.calendar_version_id]) for row in terms[one.id]],
            clocks[one.id],
        )
        for one in tickets
    ]


def known_terms(tenant_id: UUID, pairs: Collection[Pair]) -> dict[Pair, Terms | None]:
    """What is promised by these versions."""
    policies = PolicyVersion.objects.in_tenants([tenant_id]).in_bulk([one for one, _other in pairs if one])
    calendars = CalendarVersion.objects.in_tenants([tenant_id]).in_bulk([one for _other, one in pairs if one])
    return {
        (policy, calendar): terms_of(policies[policy], calendars[calendar]) if policy and calendar else None
        for policy, calendar in pairs
    }


def terms_of(policy: PolicyVersion, calendar: CalendarVersion) -> Terms:
    pauses = {Pause.CUSTOMER: policy.pauses_on_customer, Pause.SNOOZED: policy.pauses_while_snoozed}
    return Terms(
        key=(policy.id, calendar.id, policy.warn_percent),
        hours=hours_of(calendar),
        targets=policy.targets,
        pauses=frozenset(one for one, does in pauses.items() if does),
    )


@functools.lru_cache(maxsize=500)  # a version never changes
def hours_of(version: CalendarVersion) -> Hours:
    return Hours(week_of(version.time_zone, version.days, version.exceptions))


def week_of(zone: str, days: Sequence[Any], exceptions: Mapping[str, Any]) -> Week:
    """As stored, for `Hours`."""
    return Week(
        zone,
        tuple(_windows(day) for day in days),
        {date.fromisoformat(day): _windows(one["windows"]) for day, one in exceptions.items()},
    )


def _windows(stored: Iterable[Sequence[int]]) -> tuple[Window, ...]:
    return tuple(Window(start, end) for start, end in stored)


class Kept:
    """A ticket's clocks now, beside their rows: what has to be written, and what that tells."""

    def __init__(self, history: History, clocks: Clocks, at: datetime) -> None:
        self.history, self.ticket, self.clocks, self.at = history, history.ticket, clocks, at
        self.new: list[TicketClock] = []
        self.changed: list[TicketClock] = []
        self.columns: set[str] = set()
        self.entries: list[Entry] = []
        for clock in clocks.clocks:
            if clock.was_promised:
                self._keep(clock)
        told = {(one.metric, one.number) for one in clocks.clocks if one.was_promised}
        self.extra = [row for key, row in history.rows.items() if key not in told]
        live = [one for one in clocks.live.values() if one.since and one.due_at]
        owed = [one.due_at for one in live if one.outcome is None and one.metric in _RESPONSES]
        self.due_at = min((one.due_at for one in live if one.due_at), default=None)
        self.reply_due_at = min((one for one in owed if one), default=None)
        self.attend_at = min(self._wants_a_look(), default=None)

    @property
    def is_wrong(self) -> bool:
        due = (self.due_at, self.reply_due_at, self.attend_at)
        on_ticket = (self.ticket.due_at, self.ticket.reply_due_at, self.ticket.attend_at)
        return bool(self.new or self.changed or self.extra) or due != on_ticket

    def _keep(self, clock: Clock) -> None:
        row = self.history.rows.get((clock.metric, clock.number))
        is_new = row is None
        if row is None:
            row = TicketClock(
                tenant_id=self.ticket.tenant_id, ticket_id=self.ticket.id, metric=clock.metric, number=clock.number
            )
        before = _values(row)
        was = row.outcome
        _set(row, clock, self.at)
        if row.warn_at is not None and row.warn_at <= self.at and row.outcome == "":
            row.warned_at, row.warn_at = self.at, None
            self._tell(SLA_WARNING, row)
        if row.outcome != was and (kind := _TOLD.get(row.outcome)):
            self._tell(kind, row)
        columns = {name for name, old, new in zip(_WRITTEN, before, _values(row), strict=True) if old != new}
        if is_new:
            self.new.append(row)
        elif columns:
            self.changed.append(row)
            self.columns |= columns

    def _tell(self, kind: str, row: TicketClock) -> None:
        said = {"metric": row.metric, "due_at": row.due_at, "cause": row.spoiled_by or None}
        system = Actor.system(self.ticket.tenant_id, "sla")
        self.entries.append(of_ticket(kind, self.ticket, system, self.at, {}, said))

    def _wants_a_look(self) -> Iterable[datetime]:
        """When time alone will change something: a warning, a miss, a snooze that ends, a delivery that gets late."""
        if not self.clocks.is_open:
            return
        for row in (*self.history.rows.values(), *self.new):
            if row.ended_at is None and row.warn_at is not None:
                yield row.warn_at
        for clock in self.clocks.live.values():
            if clock.outcome is None and clock.due_at is not None:
                yield clock.due_at + TICK
        if self.clocks.snoozed_until is not None:
            yield self.clocks.snoozed_until
        promised = self.ticket.delivery.promised_at if self.ticket.delivery else None
        if promised is not None and promised >= self.at:
            yield promised + TICK


_TOLD: Mapping[str, str] = {Outcome.MET.value: SLA_MET, Outcome.MISSED.value: SLA_BREACHED}
_STAY = {"id", "tenant", "ticket", "metric", "number", "started_at"}
_FIELDS = [one for one in TicketClock._meta.concrete_fields if one.name not in _STAY]
_WRITTEN = [one.name for one in _FIELDS]


def _values(row: TicketClock) -> list[Any]:
    return [getattr(row, one.attname) for one in _FIELDS]


def _set(row: TicketClock, clock: Clock, at: datetime) -> None:
    """Write what the engine says into a row."""
    terms = clock.terms
    row.policy_version_id, row.calendar_version_id = terms.key[:2] if terms else (None, None)
    row.target, row.started_at, row.consumed = clock.target, clock.started_at, clock.consumed
    row.running_since, row.due_at, row.ended_at = clock.since, clock.due_at, clock.ended_at
    row.outcome = clock.outcome or ""
    row.decided_at = {Outcome.MET: clock.ended_at, Outcome.MISSED: clock.due_at}.get(clock.outcome or Outcome.CANCELLED)
    row.spoiled_by = clock.spoiled_by
    row.warn_at = None if row.warned_at else _warning_of(clock)


def _warning_of(clock: Clock) -> datetime | None:
    """When the share of the time is used up at which its agent is warned; None where that is never, or not now."""
    if clock.since is None or clock.outcome is not None or clock.terms is None or clock.target is None:
        return None
    percent = clock.terms.key[2]
    return clock.terms.hours.after(clock.since, clock.target * percent / 100 - clock.consumed) if percent else None


# Locked in the order of their keys, as everybody locks several.
_ON_TICKETS = """
    WITH kept AS (
        SELECT * FROM
            unnest(%(ids)s::uuid[], %(due)s::timestamptz[], %(reply)s::timestamptz[], %(attend)s::timestamptz[])
            AS kept (id, due_at, reply_due_at, attend_at)
    ), held AS (
        SELECT kept.* FROM support_ticket AS t JOIN kept USING (id)
        WHERE t.tenant_id = %(tenant)s AND (t.due_at, t.reply_due_at, t.attend_at)
            IS DISTINCT FROM (kept.due_at, kept.reply_due_at, kept.attend_at)
        ORDER BY t.id FOR NO KEY UPDATE OF t
    )
    UPDATE support_ticket AS t SET due_at = held.due_at, reply_due_at = held.reply_due_at, attend_at = held.attend_at
    FROM held WHERE t.tenant_id = %(tenant)s AND t.id = held.id
"""


def write_kept(kept: Sequence[Kept], *, is_told: bool = True) -> None:
    """Write what differs and, unless `is_told` is off, publish what that says. Locks the tickets that change."""
    if not kept:
        return
    insert_many([row for one in kept for row in one.new])
    insert_many([entry for one in kept for entry in one.entries if is_told])
    update_rows([row for one in kept for row in one.changed], sorted(set().union(*(one.columns for one in kept))))
    if extra := [row.id for one in kept for row in one.extra]:
        TicketClock.objects.in_tenants([kept[0].ticket.tenant_id]).filter(id__in=extra).delete()
    on_tickets = {
        "tenant": kept[0].ticket.tenant_id,
        "ids": [one.ticket.id for one in kept],
        "due": [one.due_at for one in kept],
        "reply": [one.reply_due_at for one in kept],
        "attend": [one.attend_at for one in kept],
    }
    fetch_prepared(_ON_TICKETS, on_tickets)
