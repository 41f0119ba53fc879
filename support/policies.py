"""Who may do what with a ticket: pure questions about loaded rows.

The API's `can_*` flags, the views, the admin and the services ask these same functions. A refusal is
returned, not raised, so that a flag and an error can come from one rule.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.common.errors import DomainError, PermissionDenied
from support.errors import CustomerCloseDisabled, CustomerReopenDisabled, NotASupportUser, SupportChatDisabled
from support.settings.portal import Portal
from support.vocabulary import Priority, TicketSource, TicketStatus, WaitingOn


class TicketFacts(Protocol):
    """What the rules look at; a `Ticket` has it, and so has a row of a list."""

    @property
    def status(self) -> str: ...
    @property
    def requester_id(self) -> UUID: ...
    @property
    def closed_at(self) -> datetime | None: ...


class TicketRow(TicketFacts, Protocol):
    """A row of a list, which knows as well which open ticket has the item of a closed one."""

    @property
    def item_held_by(self) -> UUID | None: ...


class Awaited(Protocol):
    @property
    def waiting_on(self) -> str | None: ...
    @property
    def reply_due_at(self) -> datetime | None: ...


class TicketState(TicketFacts, Protocol):
    @property
    def assignee_id(self) -> UUID | None: ...


def opening_refusal(actor: Actor) -> DomainError | None:
    """Why this person may not open a ticket now."""
    if actor.membership_id is None:
        return PermissionDenied()
    return None if Portal.of(actor).support_chat_enabled else SupportChatDisabled()


def customers_refusal(actor: Actor) -> DomainError | None:
    """Why this person may not make callers customers, nor correct what is known of customers."""
    return None if actor.is_support_user else NotASupportUser()


def closing_refusal(ticket: TicketFacts, actor: Actor) -> DomainError | None:
    """Why this person may not close this ticket, whatever its state.

    The person who opened it is its customer, also a support user, and bound by the tenant's `allow_customer_close`.
    """
    if is_customer_of(ticket, actor):
        return None if Portal.of(actor).allow_customer_close else CustomerCloseDisabled()
    return None if actor.is_support_user or actor.is_system else NotASupportUser()


def reopening_refusal(ticket: TicketFacts, actor: Actor, at: datetime | None = None) -> DomainError | None:
    """Why this person may not open this ticket again at this moment; now when left out.

    Its customer may within the tenant's `customer_reopen_days` after its closing; 0 says never, whatever its state.
    """
    if not is_customer_of(ticket, actor):
        return handling_refusal(ticket, actor)
    days = Portal.of(actor).customer_reopen_days
    is_late = ticket.closed_at is not None and (at or timezone.now()) > ticket.closed_at + timedelta(days=days)
    return CustomerReopenDisabled() if days == 0 or is_late else None


def handling_refusal(ticket: TicketFacts, actor: Actor) -> DomainError | None:
    """Why this person may not work on this ticket as staff: claim, take over, release."""
    if actor.is_system:
        return None
    if not actor.is_support_user:
        return NotASupportUser()
    return PermissionDenied() if is_customer_of(ticket, actor) else None


def assigning_refusal(ticket: "TicketState", actor: Actor, assignee_id: UUID) -> DomainError | None:
    """Why this person may not hand this ticket to that colleague; a colleague's is taken over, with a reason."""
    if refusal := handling_refusal(ticket, actor):
        return refusal
    if ticket.requester_id == assignee_id:
        return PermissionDenied()
    is_theirs = ticket.assignee_id in (None, actor.membership_id)
    return None if actor.is_lead or actor.is_system or is_theirs else PermissionDenied()


def needs_reason(ticket: "TicketState", actor: Actor) -> bool:
    """Whether handing this ticket on has to be explained: it is taken from a colleague."""
    return ticket.assignee_id not in (None, actor.membership_id) and not actor.is_system


def redaction_refusal(ticket: TicketFacts, actor: Actor) -> DomainError | None:
    """Why this person may not take a message of this ticket back: leads and admins who are support users may."""
    if refusal := handling_refusal(ticket, actor):
        return refusal
    return None if actor.is_lead else PermissionDenied()


def participants_refusal(ticket: "TicketState", actor: Actor) -> DomainError | None:
    """Why this person may not change who takes part: the assigned agent may, and support users who lead."""
    if is_customer_of(ticket, actor):
        return PermissionDenied()
    return None if actor.is_lead or ticket.assignee_id == actor.membership_id else PermissionDenied()


def can_close(ticket: TicketFacts, actor: Actor) -> bool:
    """Would this person's close close it now?"""
    return ticket.status == TicketStatus.OPEN and closing_refusal(ticket, actor) is None


def expected_reply_by(ticket: "Awaited", actor: Actor, now: datetime) -> datetime | None:
    """By when an answer is promised; None where none is owed, it is late already, or the tenant does not say it."""
    due_at = ticket.reply_due_at
    is_ahead = due_at is not None and due_at > now and ticket.waiting_on == WaitingOn.AGENT
    return due_at if is_ahead and Portal.of(actor).show_expected_reply else None


def can_reopen(ticket: TicketRow, actor: Actor) -> bool:
    """Would this person's reopening open it now?"""
    is_free = ticket.status == TicketStatus.CLOSED and ticket.item_held_by is None
    return is_free and reopening_refusal(ticket, actor) is None


def reopens_by_message(ticket: TicketRow, actor: Actor) -> bool:
    """Would this person's message open it now? Its customer's does, staff reopen it first."""
    return is_customer_of(ticket, actor) and can_reopen(ticket, actor)


def is_customer_of(ticket: TicketFacts, actor: Actor) -> bool:
    return actor.membership_id is not None and ticket.requester_id == actor.membership_id


def priorities_open_to(actor: Actor) -> Collection[str]:
    """The priorities a customer of this tenant may ask for."""
    highest = Priority(Portal.of(actor).max_customer_priority).rank
    return [priority.value for priority in Priority if priority.rank <= highest]


def misplaced_links(source: str, delivery_id: UUID | None, order_id: UUID | None) -> dict[str, list[str]]:
    """Which links do not go with this source: field to codes. A storefront ticket has an order, a
    customer portal's may have a delivery, and neither has the other's; one by phone may have either."""
    if source == TicketSource.STOREFRONT:
        faults = {"related_delivery_id": ["not_allowed"]} if delivery_id else {}
        return faults if order_id else {**faults, "related_order_id": ["required"]}
    may_have_order = source == TicketSource.PHONE and not delivery_id
    return {"related_order_id": ["not_allowed"]} if order_id and not may_have_order else {}
