"""Whose ticket it is: claim, take over, assign, release, the next one of the queue, and what an agent leaves behind."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from conversations.services import (
    join_conversation,
    leave_all_conversations,
    leave_conversation,
)
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.common.errors import InvalidInput, ServiceUnavailable
from support import policies
from support.errors import (
    AssigneeNotASupportUser,
    NotASupportUser,
    QueueEmpty,
    TicketAlreadyAssigned,
    TicketNotAssignedToYou,
)
from support.models import Ticket
from support.publishing import PARTICIPANTS_CHANGED
from support.querysets import TicketQuerySet
from support.services.shared import (
    hold_role_of,
    hold_support_role,
    id_text,
    insert_note,
    person_of,
    raise_versions,
    record_event,
    record_events,
    save_ticket,
    ticket_to_handle,
)
from support.vocabulary import EventKind

NEXT_ATTEMPTS = 100


@transaction.atomic
def claim_ticket(*, actor: Actor, ticket_id: UUID, at: datetime | None = None) -> Ticket:
    """Take an unassigned ticket and join its conversation; mine already: unchanged.

    Locks the actor's membership, then the ticket. Raises `TicketNotFound`, `NotASupportUser`,
    `PermissionDenied` (own ticket), `TicketClosed`, `TicketAlreadyAssigned` (names the colleague).
    """
    hold_role_of(actor)
    ticket = ticket_to_handle(actor, ticket_id)
    if ticket.assignee_id == actor.membership_id:
        return ticket
    if ticket.assignee is not None:  # read after the lock: a row joined to a locked one may be stale
        raise TicketAlreadyAssigned(ticket.assignee.user_id, ticket.assignee.full_name)
    return take_unassigned(ticket, actor, at or timezone.now())


@transaction.atomic
def take_over_ticket(*, actor: Actor, ticket_id: UUID, reason: str, at: datetime | None = None) -> Ticket:
    """Take a ticket from a colleague, who takes part no longer; the reason is kept as an internal note.

    An unassigned ticket is claimed, one's own stays unchanged. Locks and raises as `claim_ticket`.
    """
    hold_role_of(actor)
    ticket = ticket_to_handle(actor, ticket_id)
    if ticket.assignee_id == actor.membership_id:
        return ticket
    at = at or timezone.now()
    if ticket.assignee_id is None:
        return take_unassigned(ticket, actor, at)
    end_part_of_assignee(ticket, at)
    _assign(ticket, actor, person_of(actor), EventKind.TAKEN_OVER, at)
    insert_note(ticket, actor, reason, at)
    return ticket


@transaction.atomic
def assign_ticket(
    *,
    actor: Actor,
    ticket_id: UUID,
    assignee_id: UUID,
    reason: str = "",
    version: int | None = None,
    announce: bool = True,
    at: datetime | None = None,
) -> Ticket:
    """Hand a ticket to a colleague, who takes part from now on; who had it takes part no longer.

    Any support user hands on what is theirs or nobody's; leads and admins also what is a colleague's, with a
    `reason`, which is kept as an internal note.
    `assignee_id`: a membership. `announce`: see `close_ticket`. Locks that membership, then the ticket. Raises as
    `claim_ticket`, `TicketChanged` (see `changes.py`), `AssigneeNotASupportUser`, and `InvalidInput` without a reason
    where one is needed.
    """
    if not hold_support_role(assignee_id):
        raise AssigneeNotASupportUser
    ticket = ticket_to_handle(actor, ticket_id, version)
    if refusal := policies.assigning_refusal(ticket, actor, assignee_id):
        raise refusal
    if ticket.assignee_id == assignee_id:
        return ticket
    if not reason and policies.needs_reason(ticket, actor):
        raise InvalidInput({"reason": ["required"]})
    at = at or timezone.now()
    end_part_of_assignee(ticket, at)
    _assign(ticket, actor, assignee_id, EventKind.ASSIGNED, at, announce=announce)
    if reason:
        insert_note(ticket, actor, reason, at)
    return ticket


@transaction.atomic
def release_ticket(*, actor: Actor, ticket_id: UUID, announce: bool = True, at: datetime | None = None) -> Ticket:
    """Give my ticket back to the queue; I take part no longer. The system gives back anybody's.

    `announce`: see `close_ticket`. Locks the ticket. Raises as `claim_ticket`, and `TicketNotAssignedToYou`.
    """
    ticket = ticket_to_handle(actor, ticket_id)
    if ticket.assignee_id is None and actor.is_system:
        return ticket
    if ticket.assignee_id != actor.membership_id and not actor.is_system:
        raise TicketNotAssignedToYou
    return _unassign(ticket, actor, at or timezone.now(), announce=announce)


@transaction.atomic
def claim_next_ticket(*, actor: Actor, at: datetime | None = None) -> Ticket:
    """Claim the open, unassigned ticket that waits on an agent at the highest priority for longest.

    Not the actor's own, and none that is snoozed. Tickets others hold right now are passed over; when
    nothing else is left we wait for them one by one, so that a ticket somebody merely touches is not lost.
    Locks the actor's membership, then the ticket. Raises `NotASupportUser`, `QueueEmpty`, `ServiceUnavailable`.
    """
    if not actor.is_support_user:
        raise NotASupportUser
    hold_role_of(actor)
    at = at or timezone.now()
    queue = Ticket.objects.visible_to(actor).next_for(actor, at)
    for _attempt in range(NEXT_ATTEMPTS):
        ticket = queue.free_in_order().first() or _wait_for_first(queue)
        if ticket is not None:
            return take_unassigned(ticket, actor, at)
    raise ServiceUnavailable


def _wait_for_first(queue: TicketQuerySet) -> Ticket | None:
    """The first of the queue once its lock is released; None if it was gone by then.

    One row by its key, and let go again if it is gone: a query that waits for rows in turn keeps the
    locks of those it then passes over, and two of them deadlock. Raises `QueueEmpty`.
    """
    first = queue.values_list("id", flat=True).first()
    if first is None:
        raise QueueEmpty
    savepoint = transaction.savepoint()
    ticket = queue.locked().filter(id=first).first()
    if ticket is None:
        transaction.savepoint_rollback(savepoint)
    else:
        transaction.savepoint_commit(savepoint)
    return ticket


@transaction.atomic
def offboard_agent(*, membership: Membership, at: datetime | None = None) -> None:
    """What follows when somebody is no support user any more: their open tickets go back to the queue, and they take
    part as staff in no conversation, whatever its state. What they said stays.

    Locks the tickets that they have or take part in, in the order of their keys, so that who is speaking there now
    is done before; then their parts.
    """
    at, actor = at or timezone.now(), Actor.system(membership.tenant_id, "role_ended")
    tickets = {ticket.conversation_id: ticket for ticket in Ticket.objects.worked_on_by(membership).locked()}
    for ticket in tickets.values():
        if ticket.is_open and ticket.assignee_id == membership.id:
            _unassign(ticket, actor, at)
    left = leave_all_conversations(tenant_id=membership.tenant_id, membership_id=membership.id, at=at)
    for role in sorted({role for _conversation, role in left}):
        left_as = [tickets[conversation] for conversation, held in left if held == role and conversation in tickets]
        raise_versions(left_as, at)
        record_events(
            left_as, EventKind.PARTICIPANT_REMOVED, PARTICIPANTS_CHANGED, actor, at,
            {}, {"participant": str(membership.id), "role": role},
        )  # fmt: skip


def take_unassigned(ticket: Ticket, actor: Actor, at: datetime) -> Ticket:
    """Make a locked ticket that is nobody's the actor's; they take part from now on."""
    return _assign(ticket, actor, person_of(actor), EventKind.CLAIMED, at)


def _assign(
    ticket: Ticket, actor: Actor, assignee_id: UUID, kind: EventKind, at: datetime, *, announce: bool = True
) -> Ticket:
    before = ticket.assignee_id
    ticket.assignee_id = assignee_id
    save_ticket(ticket, at)
    join_conversation(
        tenant_id=ticket.tenant_id, conversation_id=ticket.conversation_id, membership_id=assignee_id, at=at
    )
    was, becomes = {"assignee": id_text(before)}, {"assignee": id_text(ticket.assignee_id)}
    record_event(ticket, kind, actor, at, was, becomes, is_silent=not announce)
    return ticket


def _unassign(ticket: Ticket, actor: Actor, at: datetime, *, announce: bool = True) -> Ticket:
    before = ticket.assignee_id
    end_part_of_assignee(ticket, at)
    ticket.assignee = None
    save_ticket(ticket, at)
    was = {"assignee": id_text(before)}
    record_event(ticket, EventKind.RELEASED, actor, at, was, {"assignee": None}, is_silent=not announce)
    return ticket


def end_part_of_assignee(ticket: Ticket, at: datetime) -> None:
    if ticket.assignee_id is not None:
        leave_conversation(
            tenant_id=ticket.tenant_id,
            conversation_id=ticket.conversation_id,
            membership_id=ticket.assignee_id,
            at=at,
        )
