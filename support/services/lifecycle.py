"""Closing and reopening tickets."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from conversations.models import Conversation, SenderRole
from conversations.services import set_conversation_status
from ondi.accounts.actors import Actor
from ondi.common.errors import ServiceUnavailable
from ondi.files.services import drafts_to_send
from support import policies
from support.events import TICKET_CLOSED, TICKET_CLOSING, TICKET_REOPENED
from support.models import Ticket
from support.querysets import TicketQuerySet
from support.services.messages import post_as
from support.services.shared import (
    hold_support_role,
    is_item_taken,
    locked_ticket,
    record_event,
    refuse_if_changed,
    refuse_if_item_is_held,
    save_ticket,
    say,
)
from support.turns import closed_fields, mark_reopened
from support.vocabulary import EventKind, TicketStatus

REOPEN_ATTEMPTS = 3


@transaction.atomic
def close_ticket(
    *,
    actor: Actor,
    ticket_id: UUID,
    among: TicketQuerySet | None = None,
    version: int | None = None,
    announce: bool = True,
    at: datetime | None = None,
) -> Ticket:
    """Close a ticket and its conversation; a closed one stays as it is.

    `among`: the tickets the calling door shows, where these are fewer than the actor may see. `announce`: off, its
    conversation says nothing of it, nobody is told, and it is no activity; data fixes do so. Locks the ticket, then
    the conversation. Raises `TicketNotFound`, `CustomerCloseDisabled`, `NotASupportUser`,
    `TicketChanged` (see `changes.py`).
    """
    ticket = locked_ticket(actor, ticket_id, among)
    if refusal := policies.closing_refusal(ticket, actor):
        raise refusal
    if not ticket.is_open:
        return ticket
    refuse_if_changed(ticket, version)
    at = at or timezone.now()
    for name, value in closed_fields(at, by=actor.membership_id).items():
        setattr(ticket, name, value)
    if announce:
        ticket.last_activity_at = at
    save_ticket(ticket, at)
    was, becomes = {"status": TicketStatus.OPEN.value}, {"status": TicketStatus.CLOSED.value}
    record_event(ticket, EventKind.CLOSED, actor, at, was, becomes, is_silent=not announce)
    _turn_conversation(ticket, Conversation.Status.CLOSED, TICKET_CLOSED if announce else None, actor, at)
    return ticket


def _turn_conversation(ticket: Ticket, status: str, code: str | None, actor: Actor, at: datetime) -> None:
    """Give its conversation this state, with a system message of this code in it, or without a word."""
    if code:
        say(ticket, code, actor, at, status=status)
    else:
        set_conversation_status(tenant_id=ticket.tenant_id, conversation_ids=[ticket.conversation_id], status=status)


@transaction.atomic
def reopen_ticket(
    *,
    actor: Actor,
    ticket_id: UUID,
    among: TicketQuerySet | None = None,
    message: str = "",
    attachment_ids: Collection[UUID] = (),
    announce: bool = True,
    at: datetime | None = None,
) -> Ticket:
    """Open a closed ticket again; an open one stays as it is. It waits on the agent from now.

    It keeps its agent if they still are a support user. `message`, `attachment_ids`: what its customer says to it, one
    of them or neither; nothing is said in one that is open. `among`, `announce`: see `close_ticket`. Locks that agent's
    membership, the ticket, the conversation, then the files. Raises `TicketNotFound`, `NotASupportUser`,
    `CustomerReopenDisabled`, `TicketAlreadyOpenForRelated` where another open ticket holds the item, and as
    `drafts_to_send`.
    """
    agent_id = Ticket.objects.visible_to(actor).filter(id=ticket_id).values_list("assignee_id", flat=True).first()
    agent_stays = agent_id is not None and hold_support_role(agent_id)
    ticket = locked_ticket(actor, ticket_id, among)
    at = at or timezone.now()
    if refusal := policies.reopening_refusal(ticket, actor, at):
        raise refusal
    if ticket.is_open:
        return ticket
    files = drafts_to_send(actor, attachment_ids)
    mark_reopened(ticket, at)
    if announce:
        ticket.last_activity_at = at
    if not agent_stays or ticket.assignee_id != agent_id:
        ticket.assignee = None
    _save_where_item_is_free(ticket, actor, at)
    was, becomes = {"status": TicketStatus.CLOSED.value}, {"status": TicketStatus.OPEN.value}
    record_event(ticket, EventKind.REOPENED, actor, at, was, becomes, is_silent=not announce)
    _turn_conversation(ticket, Conversation.Status.ACTIVE, TICKET_REOPENED if announce else None, actor, at)
    if message or files:
        chat = ticket.conversation_id
        post_as(SenderRole.CUSTOMER, actor=actor, conversation_id=chat, content=message, files=files, at=at)
    return ticket


@transaction.atomic
def warn_of_closing(*, actor: Actor, ticket_id: UUID, among: TicketQuerySet, at: datetime) -> bool:
    """Say in its conversation that a ticket will be closed unless its customer writes; nobody's turn changes.

    False, and nothing is said, where it is not `among` these any more, or somebody works on it just now. Locks the
    ticket, then the conversation. Raises `NotASupportUser`, `PermissionDenied`.
    """
    ticket = Ticket.objects.visible_to(actor).filter(id=ticket_id).free_in_order().first()
    if ticket is None:
        return False
    if refusal := policies.handling_refusal(ticket, actor):
        raise refusal
    if not among.filter(id=ticket_id).exists():
        return False
    ticket.last_activity_at = at
    save_ticket(ticket, at)
    say(ticket, TICKET_CLOSING, actor, at)
    return True


def _save_where_item_is_free(ticket: Ticket, actor: Actor, at: datetime) -> None:
    """Raises `TicketAlreadyOpenForRelated`, `ServiceUnavailable`."""
    version = ticket.version
    for _attempt in range(REOPEN_ATTEMPTS):
        ticket.version = version
        try:
            with transaction.atomic():
                return save_ticket(ticket, at)
        except IntegrityError as error:
            if not is_item_taken(error):
                raise
        refuse_if_item_is_held(ticket, actor)
    raise ServiceUnavailable
