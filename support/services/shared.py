"""What the services share: locking a ticket, saving it, writing its history."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Model

from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.accounts.querysets import MembershipQuerySet
from ondi.common.database import broken_constraint
from ondi.common.prepared import insert_rows, update_row
from support import policies
from support.errors import NotASupportUser, TicketAlreadyOpenForRelated, TicketChanged, TicketClosed, TicketNotFound
from support.models import (
    ONE_OPEN_PER_DELIVERY,
    ONE_OPEN_PER_ORDER,
    Ticket,
    TicketEvent,
    TicketStatus,
    WaitingOn,
)
from support.querysets import TicketQuerySet


def locked_ticket(actor: Actor, ticket_id: UUID, among: TicketQuerySet | None = None) -> Ticket:
    tickets = Ticket.objects.visible_to(actor) if among is None else among
    ticket = tickets.locked().filter(id=ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    return ticket


def ticket_to_handle(actor: Actor, ticket_id: UUID, version: int | None = None) -> Ticket:
    """The locked ticket, if the actor may work on it, it is open, and still what the form was made from."""
    ticket = locked_ticket(actor, ticket_id)
    if refusal := policies.handling_refusal(ticket, actor):
        raise refusal
    refuse_if_changed(ticket, version)
    if not ticket.is_open:
        raise TicketClosed
    return ticket


def refuse_if_changed(ticket: Ticket, version: int | None) -> None:
    """Raises `TicketChanged` where somebody else changed the ticket since `version` was shown."""
    if version is not None and version != ticket.version:
        raise TicketChanged


def hold_role_of(actor: Actor) -> None:
    """Raises `NotASupportUser` where the role ended after the actor came in; who never had it is told by the policy."""
    if actor.is_support_user and not hold_support_role(person_of(actor)):
        raise NotASupportUser


def hold_support_role(membership_id: UUID) -> bool:
    """Keep somebody the support user they are until the transaction ends; False for who is none (any more).

    Whoever is given a ticket is held first, so that ending their role waits and then finds the ticket to
    release. Locks the membership, which comes before every other lock.
    """
    hold_people(Membership.objects.filter(pk=membership_id))
    # Asked anew, for the lock may have been waited for: the login, joined, would be as it was before.
    return Membership.objects.support_users().filter(pk=membership_id).exists()


def hold_people(people: MembershipQuerySet) -> None:
    """Keep these people what they are until the transaction ends; to be asked anew what that is. Locks them."""
    list(people.locked().values_list("pk"))


def save_ticket(ticket: Ticket, at: datetime) -> None:
    ticket.version += 1
    ticket.updated_at = at
    update_row(ticket)


def closed_fields(at: datetime, *, by: UUID | None) -> dict[str, Any]:
    """What a closed ticket is. `by`: a membership; None for the system."""
    waits_no_more = dict.fromkeys(("waiting_on", "waiting_since", "follow_up_at"))
    return {"status": TicketStatus.CLOSED, "closed_at": at, "closed_by_id": by, **waits_no_more}


def mark_reopened(ticket: Ticket, at: datetime) -> None:
    """What a reopened ticket is, but for saving it: it waits on an agent from now."""
    ticket.status = TicketStatus.OPEN
    ticket.closed_at = ticket.closed_by_id = None
    ticket.waiting_on, ticket.waiting_since = WaitingOn.AGENT, at


def record_event(
    ticket: Ticket,
    kind: TicketEvent.Kind,
    actor: Actor | None,
    at: datetime,
    before: Mapping[str, str | None],
    after: Mapping[str, str | None],
    *,
    new: Sequence[Model] = (),
) -> None:
    """Insert what happened to a ticket; with it, in the same statement, `new` rows."""
    event = TicketEvent(
        tenant_id=ticket.tenant_id,
        ticket=ticket,
        kind=kind,
        actor_id=actor.membership_id if actor else None,
        before=before,
        after=after,
        created_at=at,
    )
    insert_rows(*new, event)


def record_events(
    tenant_id: UUID,
    ticket_ids: Collection[UUID],
    kind: TicketEvent.Kind,
    at: datetime,
    before: Mapping[str, str | None],
    after: Mapping[str, str | None],
) -> None:
    """The same event for each of these tickets, by the system, in one statement."""
    TicketEvent.objects.bulk_create(
        TicketEvent(tenant_id=tenant_id, ticket_id=ticket_id, kind=kind, before=before, after=after, created_at=at)
        for ticket_id in ticket_ids
    )


def person_of(actor: Actor) -> UUID:
    if actor.membership_id is None:
        raise AssertionError("policies let nobody without a membership write")
    return actor.membership_id


def id_text(value: UUID | None) -> str | None:
    return str(value) if value else None


def is_item_taken(error: IntegrityError) -> bool:
    return broken_constraint(error) in (ONE_OPEN_PER_DELIVERY, ONE_OPEN_PER_ORDER)


def refuse_if_item_is_held(ticket: Ticket, actor: Actor | None) -> None:
    """Raise the conflict that names the open ticket on this item; return where it was closed meanwhile."""
    holder = Ticket.objects.holding_item_of(ticket).first()
    if holder is None:
        return
    if actor is None or policies.is_customer_of(holder, actor) or actor.is_support_user:
        raise TicketAlreadyOpenForRelated(holder.id, holder.conversation_id)
    raise TicketAlreadyOpenForRelated
