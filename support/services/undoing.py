"""What follows when a data fix of tickets is undone."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from conversations.models import Conversation, Participant
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from support.events import TICKET_REOPENED
from support.models import Ticket
from support.publishing import PUBLISHED
from support.services.assignment import offboard_agent
from support.services.shared import raise_versions, record_events, say
from support.vocabulary import EventKind


@transaction.atomic
def note_undo(*, actor: Actor, ticket_ids: list[UUID], kind: EventKind, at: datetime, announce: bool = False) -> None:
    """An event for each ticket that a data fix had changed and that is put back; published as this kind.

    `announce`: their customers had been told that they were closed, and are told that they are open again.

    Of those that have or take part in these tickets, people who lost the support role meanwhile give up their work
    again, as when it ended: what was theirs then is not theirs now. Who gets something back is held already. Locks the
    tickets, their conversations where it is announced, and as `offboard_agent`.
    """
    tenants = actor.tenant_ids
    tickets = Ticket.objects.in_tenants(tenants).filter(id__in=ticket_ids)
    back = list(tickets.locked())
    raise_versions(back, at)
    freed = [ticket for ticket in back if kind == EventKind.ASSIGNED and ticket.assignee_id is None]
    for put_back, published in ((freed, EventKind.RELEASED), ([one for one in back if one not in freed], kind)):
        for state in sorted({_state_of(ticket) for ticket in put_back}, key=str):
            same = [ticket for ticket in put_back if _state_of(ticket) == state]
            after = dict(zip(("status", "waiting_on"), state, strict=True))
            record_events(
                same, EventKind.FIX_UNDONE, PUBLISHED[published], actor, at, {}, after, is_silent=not announce
            )
    if announce:
        tickets.update(last_activity_at=at)
        for ticket in back:
            say(ticket, TICKET_REOPENED, actor, at, status=Conversation.Status.ACTIVE)
    parts = Participant.objects.in_tenants(tenants).present().exclude(role=Participant.Role.CUSTOMER)
    parts = parts.filter(conversation_id__in=tickets.values("conversation_id"))
    people = Membership.objects.in_tenants(tenants).filter(
        Q(id__in=tickets.open().values("assignee_id")) | Q(id__in=parts.values("membership_id"))
    )
    for person in people.exclude(id__in=Membership.objects.in_tenants(tenants).support_users().values("id")):
        offboard_agent(membership=person, at=at)


def _state_of(ticket: Ticket) -> tuple[str, str | None]:
    """What its clocks go by from then on."""
    return ticket.status, ticket.waiting_on
