"""What changed, as readers of the feeds see it (API.md, section 13)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from deliveries.models import Delivery
from deliveries.services import DELIVERY_CHANGED
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.common.times import iso
from ondi.notifications.dispatches import DUE
from ondi.outbox.chores import EVENTS_KEPT
from ondi.outbox.feed import Changes, changes_after
from ondi.outbox.models import Event
from ondi.streaming.rule import Reader, Rule, register
from support.models import Ticket
from support.notices import PUSHED, pushes_of
from support.publishing import ATTACHMENT_CHECKED, MESSAGE_CREATED, MESSAGE_REDACTED, PERSON_ERASED

LIVE_KEPT = timedelta(hours=24)
# Whose ticket it is learns that somebody works on it, not how it came to them.
_TOLD_TO_CUSTOMERS = {
    "ticket.opened": "ticket.opened",
    **dict.fromkeys(("ticket.claimed", "ticket.assigned", "ticket.taken_over", "ticket.released"), "ticket.assigned"),
    **{name: name for name in ("ticket.priority_changed", "ticket.link_changed", "ticket.closed", "ticket.reopened")},
    **{name: name for name in (MESSAGE_CREATED, MESSAGE_REDACTED, ATTACHMENT_CHECKED, DELIVERY_CHANGED)},
}


def own_changes(actor: Actor | Reader, after: int | None, limit: int) -> Changes:
    """Of a person: support users see all of the tenant's, but of their own tickets what every customer sees of theirs.

    The stream tells the same (`is_told`). Raises as `changes_after`.
    """
    of_notes = Q(kind=ATTACHMENT_CHECKED, data__has_key="note_id")
    as_customer = Q(person_id=actor.membership_id, kind__in=_TOLD_TO_CUSTOMERS) & ~of_notes
    seen = as_customer | ~Q(person_id=actor.membership_id) if actor.is_support_user else as_customer

    def narrow(events: "QuerySet[Event, Event]") -> "QuerySet[Event, Event]":
        return events.filter(seen).exclude(kind=DUE)  # of programs that reach people's devices

    return changes_after(after, tenant_id=actor.tenant_id, limit=limit, kept=LIVE_KEPT, narrow=narrow)


def is_told(event: Event, reader: Actor | Reader) -> bool:
    """The same of one event at hand."""
    if event.kind == DUE:
        return False
    if _is_own(event, reader):
        return event.kind in _TOLD_TO_CUSTOMERS and "note_id" not in event.data
    return reader.is_support_user


def tenant_changes(tenant_id: UUID, after: int | None, limit: int) -> Changes:
    """All of a tenant's, for its own programs. Raises as `changes_after`."""
    return changes_after(after, tenant_id=tenant_id, limit=limit, kept=EVENTS_KEPT)


def live_data(event: Event, reader: Actor | Reader) -> dict[str, Any]:
    """What a portal or an agent's tool is told: what to read again."""
    return {
        "position": event.position,
        "event": _TOLD_TO_CUSTOMERS[event.kind] if _is_own(event, reader) else event.kind,
        "data": {**_ids(event), "version": event.version},
    }


def _is_own(event: Event, reader: Actor | Reader) -> bool:
    return reader.membership_id is not None and event.person_id == reader.membership_id


def webhook_data(events: Sequence[Event]) -> list[dict[str, Any]]:
    """What their tenants' own programs are told: ids and codes, and the outside's ids as they are now.

    With the tenants in scope. Three statements, and four more for each tenant where a push is due.
    """
    people = _people(events)
    items = _items(events)
    pushes = _pushes(events)
    return [
        _push_data(event, pushes[event.tenant_id])
        if event.kind == DUE
        else _webhook_data(event, people[event.tenant_id], items[event.tenant_id])
        for event in events
    ]


def _pushes(events: Sequence[Event]) -> Mapping[UUID, Mapping[str, Mapping[str, Any]]]:
    due: dict[UUID, list[str]] = defaultdict(list)
    for event in events:
        if event.kind == DUE:
            due[event.tenant_id].append(event.data["notification_id"])
    return {tenant_id: pushes_of(tenant_id, keys) for tenant_id, keys in due.items()}


def _push_data(event: Event, pushes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The event holds the notification's id alone: what is gone or erased by now says nothing."""
    key = event.data["notification_id"]
    told = {"notification_id": key, **dict.fromkeys(PUSHED), **pushes.get(key, {})}
    return {"event": event.kind, "timestamp": iso(event.at), "data": {"position": event.position, **told}}


def _webhook_data(
    event: Event, people: Mapping[str, Membership], items: Mapping[UUID, Mapping[str, str | None]]
) -> dict[str, Any]:
    requester, actor = people.get(str(event.person_id)), people.get(str(event.actor_id))
    outside = items.get(event.subject_id, {}) if event.subject_id else {}
    return {
        "event": event.kind,
        "timestamp": iso(event.at),
        "data": {
            "position": event.position,
            **_ids(event),
            "actor_id": actor and str(actor.user_id),
            "requester_id": requester and str(requester.user_id),
            "requester_external_id": requester and requester.external_id,
            "order_external_id": outside.get("order"),
            "delivery_external_id": outside.get("delivery"),
            "version": event.version,
            "before": _with_users(event.data.get("before", {}), people),
            "after": _with_users(event.data.get("after", {}), people),
        },
    }


def _ids(event: Event) -> dict[str, Any]:
    is_of_ticket = "ticket_number" in event.data
    return {
        "ticket_id": str(event.subject_id) if is_of_ticket else None,
        "ticket_number": event.data.get("ticket_number"),
        "conversation_id": event.data.get("conversation_id"),
        "message_id": event.data.get("message_id"),
    }


def _people_in(event: Event) -> Iterable[str]:
    yield from (str(key) for key in (event.person_id, event.actor_id) if key)
    for side in ("before", "after"):
        if assignee := event.data.get(side, {}).get("assignee"):
            yield assignee


def _people(events: Sequence[Event]) -> Mapping[UUID, Mapping[str, Membership]]:
    """By tenant, so that no event names another's."""
    found: dict[UUID, dict[str, Membership]] = defaultdict(dict)
    keys = {key for event in events for key in _people_in(event)}
    for person in Membership.objects.in_tenants(_tenants_of(events)).filter(id__in=keys):
        found[person.tenant_id][str(person.id)] = person
    return found


def _items(events: Sequence[Event]) -> Mapping[UUID, Mapping[UUID, Mapping[str, str | None]]]:
    """The outside's ids of what these tickets and deliveries are about, by tenant."""
    tenant_ids, subjects = _tenants_of(events), {event.subject_id for event in events if event.subject_id}
    of_tickets = Ticket.objects.in_tenants(tenant_ids).filter(id__in=subjects)
    of_deliveries = Delivery.objects.in_tenants(tenant_ids).filter(id__in=subjects)
    found: dict[UUID, dict[UUID, dict[str, str | None]]] = defaultdict(dict)
    for tenant_id, key, order, delivery in [
        *of_tickets.values_list("tenant_id", "id", "order__external_id", "delivery__external_id"),
        *of_deliveries.values_list("tenant_id", "id", "order__external_id", "external_id"),
    ]:
        found[tenant_id][key] = {"order": order, "delivery": delivery}
    return found


def _tenants_of(events: Sequence[Event]) -> set[UUID]:
    return {event.tenant_id for event in events}


def _with_users(said: Mapping[str, Any], people: Mapping[str, Membership]) -> dict[str, Any]:
    """The same with people as the API knows them: by their user."""
    if not said.get("assignee"):
        return dict(said)
    person = people.get(said["assignee"])
    return {**said, "assignee": person and str(person.user_id)}


register(Rule(changes=own_changes, is_told=is_told, form=live_data, ends_access=frozenset({PERSON_ERASED})))
