"""Changing tickets as the system, for data fixes: the same marks and events as the desk's services, and no message.

No actor, so no policy is asked; who may run commands is the machine's matter. Nobody is told, in no chat. Each locks
tickets and then their conversations, and says where there was nothing (left) to do.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from conversations.models import Conversation, Participant
from conversations.services import join_conversation, set_conversation_status
from ondi.accounts.models import Membership
from ondi.common.errors import InvalidInput
from support import policies
from support.errors import AssigneeNotASupportUser, TicketNotFound
from support.models import Ticket, TicketEvent
from support.publishing import PUBLISHED
from support.services.desk import end_part_of_assignee, leave_desk
from support.services.shared import (
    closed_fields,
    hold_people,
    hold_support_role,
    id_text,
    is_item_taken,
    mark_reopened,
    raise_versions,
    record_event,
    record_events,
    refuse_if_item_is_held,
    save_ticket,
)


@transaction.atomic
def close_quietly(*, tenant_id: UUID, ticket_ids: Collection[UUID], at: datetime) -> int:
    """Close these, all at once, in a fixed number of statements; how many were open still."""
    tickets = list(Ticket.objects.locked().open().filter(tenant_id=tenant_id, id__in=ticket_ids))
    raise_versions(tickets, at)
    closing = Ticket.objects.filter(tenant_id=tenant_id, id__in=[ticket.id for ticket in tickets])
    closing.update(**closed_fields(at, by=None))
    set_conversation_status(
        tenant_id=tenant_id,
        conversation_ids=[ticket.conversation_id for ticket in tickets],
        status=Conversation.Status.CLOSED,
    )
    kind = TicketEvent.Kind.CLOSED
    record_events(tickets, kind, PUBLISHED[kind], at, {"status": "open"}, {"status": "closed"}, is_silent=True)
    return len(tickets)


@transaction.atomic
def reopen_quietly(*, tenant_id: UUID, ticket_id: UUID, at: datetime) -> bool:
    """It keeps its agent as `reopen_ticket` says. Raises `TicketAlreadyOpenForRelated`."""
    found = Ticket.objects.in_tenants([tenant_id]).filter(id=ticket_id)
    agent_id = found.values_list("assignee_id", flat=True).first()
    agent_stays = agent_id is not None and hold_support_role(agent_id)
    ticket = _locked(tenant_id, ticket_id)
    if ticket.is_open:
        return False
    if not agent_stays or ticket.assignee_id != agent_id:
        ticket.assignee = None
    mark_reopened(ticket, at)
    _save_with_item(ticket, at)
    set_conversation_status(
        tenant_id=tenant_id, conversation_ids=[ticket.conversation_id], status=Conversation.Status.ACTIVE
    )
    kind = TicketEvent.Kind.REOPENED
    record_event(ticket, kind, None, at, {"status": "closed"}, {"status": "open"}, is_silent=True)
    return True


@transaction.atomic
def reassign_quietly(
    *, tenant_id: UUID, ticket_id: UUID, giver_id: UUID, assignee_id: UUID | None, at: datetime
) -> bool:
    """Give somebody's open ticket to somebody else, or with None to the queue. Raises `AssigneeNotASupportUser`."""
    if assignee_id is not None and not hold_support_role(assignee_id):
        raise AssigneeNotASupportUser
    ticket = _locked(tenant_id, ticket_id)
    before = ticket.assignee_id
    if not ticket.is_open or before != giver_id or before == assignee_id:
        return False
    end_part_of_assignee(ticket, at)
    ticket.assignee_id = assignee_id
    save_ticket(ticket, at)
    if assignee_id is not None:
        join_conversation(tenant_id=tenant_id, conversation_id=ticket.conversation_id, membership_id=assignee_id, at=at)
    kind = TicketEvent.Kind.ASSIGNED if assignee_id else TicketEvent.Kind.RELEASED
    was, becomes = {"assignee": id_text(before)}, {"assignee": id_text(assignee_id)}
    record_event(ticket, kind, None, at, was, becomes, is_silent=True)
    return True


@transaction.atomic
def relink_quietly(
    *, tenant_id: UUID, ticket_id: UUID, delivery_id: UUID | None, order_id: UUID | None, at: datetime
) -> bool:
    """Tie a ticket, open or closed, to another item. Raises `InvalidInput`, `TicketAlreadyOpenForRelated`."""
    ticket = _locked(tenant_id, ticket_id)
    if faults := policies.misplaced_links(ticket.source, delivery_id, order_id):
        raise InvalidInput(faults)
    before = {"delivery": id_text(ticket.delivery_id), "order": id_text(ticket.order_id)}
    after = {"delivery": id_text(delivery_id), "order": id_text(order_id)}
    if before == after:
        return False
    ticket.delivery_id, ticket.order_id = delivery_id, order_id
    _save_with_item(ticket, at)
    record_event(ticket, TicketEvent.Kind.LINK_CHANGED, None, at, before, after, is_silent=True)
    return True


def hold_for_undo(*, tenant_id: UUID, rows: Collection[Mapping[str, Any]]) -> None:
    """Keep the people who get a ticket or a part back with these rows what they are. Locks them, before all rows."""
    people = {row[name] for row in rows for name in ("assignee_id", "membership_id") if row.get(name)}
    hold_people(Membership.objects.in_tenants([tenant_id]).filter(id__in=people))


@transaction.atomic
def note_undo(*, tenant_id: UUID, ticket_ids: list[UUID], kind: TicketEvent.Kind, at: datetime) -> None:
    """An event for each ticket that a data fix had changed and that is put back; published as this kind.

    Whoever of those that have or take part in these tickets lost the support role meanwhile leaves the desk again, as
    when it ended: what was theirs then is not theirs now. Who gets something back is held already
    (`hold_for_undo`). Locks as `leave_desk`.
    """
    tickets = Ticket.objects.in_tenants([tenant_id]).filter(id__in=ticket_ids)
    back = list(tickets.locked())
    raise_versions(back, at)
    freed = [ticket for ticket in back if kind == TicketEvent.Kind.ASSIGNED and ticket.assignee_id is None]
    for put_back, published in ((freed, TicketEvent.Kind.RELEASED), ([one for one in back if one not in freed], kind)):
        record_events(put_back, TicketEvent.Kind.FIX_UNDONE, PUBLISHED[published], at, {}, {}, is_silent=True)
    parts = Participant.objects.in_tenants([tenant_id]).present().exclude(role=Participant.Role.CUSTOMER)
    parts = parts.filter(conversation_id__in=tickets.values("conversation_id"))
    people = Membership.objects.in_tenants([tenant_id]).filter(
        Q(id__in=tickets.open().values("assignee_id")) | Q(id__in=parts.values("membership_id"))
    )
    for person in people.exclude(id__in=Membership.objects.in_tenants([tenant_id]).support_users().values("id")):
        leave_desk(membership=person, at=at)


def _locked(tenant_id: UUID, ticket_id: UUID) -> Ticket:
    ticket = Ticket.objects.locked().filter(tenant_id=tenant_id, id=ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    return ticket


def _save_with_item(ticket: Ticket, at: datetime) -> None:
    try:
        with transaction.atomic():
            save_ticket(ticket, at)
    except IntegrityError as error:
        if is_item_taken(error):
            refuse_if_item_is_held(ticket, None)
        raise
