"""What of tickets is published, and making the entries that say it. API.md, section 12, has the kinds."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from ondi.accounts.actors import Actor
from ondi.outbox.models import Entry
from ondi.outbox.publishing import entry, register
from support.models import Ticket
from support.vocabulary import EventKind

MESSAGE_CREATED, MESSAGE_REDACTED, NOTE_CREATED = "message.created", "message.redacted", "note.created"
PARTICIPANTS_CHANGED, TAGS_CHANGED = "ticket.participants_changed", "ticket.tags_changed"
ATTACHMENT_CHECKED, NOTE_REDACTED = "attachment.checked", "note.redacted"
SLA_WARNING, SLA_BREACHED, SLA_MET = "sla.warning", "sla.breached", "sla.met"
SNOOZED, UNSNOOZED, PERSON_ERASED = "ticket.snoozed", "ticket.unsnoozed", "person.erased"

_OF_TICKET = ("ticket_number", "conversation_id", "before", "after")
_KINDS: Mapping[str, tuple[str, ...]] = {
    "ticket.opened": ("status", "source"),
    "ticket.claimed": ("assignee",),
    "ticket.assigned": ("assignee",),
    "ticket.taken_over": ("assignee",),
    "ticket.released": ("assignee",),
    "ticket.priority_changed": ("priority",),
    "ticket.link_changed": ("delivery", "order"),
    "ticket.closed": ("status",),
    "ticket.reopened": ("status",),
    SNOOZED: ("snoozed_until",),
    UNSNOOZED: ("snoozed_until",),
    TAGS_CHANGED: ("tags",),
    PARTICIPANTS_CHANGED: ("participants",),
    MESSAGE_CREATED: ("message_id",),
    MESSAGE_REDACTED: ("message_id",),
    NOTE_CREATED: ("note_id", "mentioned"),
    NOTE_REDACTED: ("note_id",),
    ATTACHMENT_CHECKED: ("message_id", "note_id"),
    **dict.fromkeys((SLA_WARNING, SLA_BREACHED, SLA_MET), ("metric", "due_at", "cause")),
}
for _kind, _names in _KINDS.items():
    register(_kind, (*_OF_TICKET, *_names))
register(PERSON_ERASED)

# What is recorded of a ticket and published as one event each; the others are gathered by their services.
PUBLISHED = {
    kind: f"ticket.{kind.value}"
    for kind in (
        EventKind.OPENED,
        EventKind.CLAIMED,
        EventKind.ASSIGNED,
        EventKind.TAKEN_OVER,
        EventKind.RELEASED,
        EventKind.PRIORITY_CHANGED,
        EventKind.LINK_CHANGED,
        EventKind.CLOSED,
        EventKind.REOPENED,
    )
}


def of_ticket(
    kind: str,
    ticket: Ticket,
    actor: Actor,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    *,
    is_silent: bool = False,
    **ids: UUID | Sequence[UUID],
) -> Entry:
    """An entry about a ticket as it is after the change, which its transaction holds locked."""
    return entry(
        kind,
        tenant_id=ticket.tenant_id,
        subject_id=ticket.id,
        version=ticket.version,
        person_id=ticket.requester_id,
        actor_id=actor.membership_id,
        at=at,
        is_silent=is_silent,
        cause=actor.cause,
        data={
            "ticket_number": ticket.number,
            "conversation_id": ticket.conversation_id,
            "before": before or {},
            "after": after or {},
            **ids,
        },
    )
