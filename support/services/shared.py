"""What the services share: locking a ticket, saving it, writing its history."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection
from django.db.models import F

from conversations.services import post_system_message
from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership
from ondi.accounts.querysets import MembershipQuerySet
from ondi.common.database import broken_constraint
from ondi.common.ids import new_id
from ondi.common.prepared import insert_rows, update_row
from ondi.files.models import Parent
from ondi.files.services import NO_FILES, Attaching, attach
from ondi.outbox.models import Entry
from support import policies
from support.errors import NotASupportUser, TicketAlreadyOpenForRelated, TicketChanged, TicketClosed, TicketNotFound
from support.mentions import MARK, mentioned_in
from support.models import ONE_OPEN_PER_DELIVERY, ONE_OPEN_PER_ORDER, Ticket, TicketEvent, TicketNote
from support.publishing import (
    MESSAGE_CREATED,
    MESSAGE_REDACTED,
    NOTE_CREATED,
    NOTE_REDACTED,
    PARTICIPANTS_CHANGED,
    PUBLISHED,
    of_ticket,
)
from support.querysets import TicketQuerySet
from support.vocabulary import EventKind

INSERTED_AT_ONCE = 500


def locked_ticket(actor: Actor, ticket_id: UUID, among: TicketQuerySet | None = None) -> Ticket:
    tickets = Ticket.objects.visible_to(actor) if among is None else among
    ticket = tickets.locked().filter(id=ticket_id).first()
    if ticket is None:
        raise TicketNotFound
    return ticket


def ticket_to_handle(actor: Actor, ticket_id: UUID, version: int | None = None, *, closed_too: bool = False) -> Ticket:
    """The locked ticket, if the actor may work on it, it is open, and still what the form was made from.

    `closed_too`: a closed one as well.
    """
    ticket = locked_ticket(actor, ticket_id)
    if refusal := policies.handling_refusal(ticket, actor):
        raise refusal
    refuse_if_changed(ticket, version)
    if not (ticket.is_open or closed_too):
        raise TicketClosed
    return ticket


def refuse_if_changed(ticket: Ticket, version: int | None) -> None:
    """Raises `TicketChanged` where somebody else changed the ticket since `version` was shown."""
    if version is not None and version != ticket.version:
        raise TicketChanged


def hold_role_of(actor: Actor) -> None:
    """Raises `NotASupportUser` where the role ended after the actor came in; the policy refuses others."""
    if actor.is_support_user and not hold_support_role(person_of(actor)):
        raise NotASupportUser


def hold_support_role(membership_id: UUID) -> bool:
    """Keep somebody the support user they are until the transaction ends; False if they are not one (any more).

    A person who is given a ticket is held first, so that ending their role waits and then finds the ticket to
    release. Locks the membership, which comes before every other lock.
    """
    hold_people(Membership.objects.filter(pk=membership_id))
    # Asked anew, for the lock may have been waited for: the login, joined, would be as it was before.
    return Membership.objects.support_users().filter(pk=membership_id).exists()


def hold_people(people: MembershipQuerySet) -> None:
    """Keep these people what they are until the transaction ends; to be asked anew what that is. Locks them."""
    list(people.locked().values_list("pk"))


def hold_writing(membership_id: UUID, ticket_id: UUID, kind: str) -> None:
    """Until the transaction ends, nobody else touches this person's drafts of this kind there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"draft {membership_id} {ticket_id} {kind}"]
        )


def save_ticket(ticket: Ticket, at: datetime) -> None:
    ticket.version += 1
    ticket.updated_at = at
    update_row(ticket)


def raise_versions(tickets: Sequence[Ticket], at: datetime) -> None:
    """Count on what locked tickets were changed in beside their own rows, all in one statement."""
    if not tickets:
        return
    found = Ticket.objects.in_tenants([tickets[0].tenant_id]).filter(id__in=[ticket.id for ticket in tickets])
    found.update(version=F("version") + 1, updated_at=at)
    for ticket in tickets:
        ticket.version += 1


def record_event(
    ticket: Ticket,
    kind: EventKind,
    actor: Actor,
    at: datetime,
    before: Mapping[str, str | None],
    after: Mapping[str, str | None],
    *,
    is_silent: bool = False,
) -> None:
    """Insert what happened to a ticket, and publish it; the ticket is saved, and locked still."""
    insert_rows(
        event_of(ticket, kind, actor, at, before, after),
        of_ticket(PUBLISHED[kind], ticket, actor, at, before, after, is_silent=is_silent),
    )


def event_of(
    ticket: Ticket,
    kind: EventKind,
    actor: Actor,
    at: datetime,
    before: Mapping[str, str | None],
    after: Mapping[str, str | None],
) -> TicketEvent:
    """What happened to a ticket, unsaved."""
    return TicketEvent(
        tenant_id=ticket.tenant_id,
        ticket=ticket,
        kind=kind,
        actor_id=actor.membership_id,
        cause=actor.cause,
        before=before,
        after=after,
        created_at=at,
    )


def record_events(
    tickets: Sequence[Ticket],
    kind: EventKind,
    published: str,
    actor: Actor,
    at: datetime,
    before: Mapping[str, str | None],
    after: Mapping[str, str | None],
    *,
    is_silent: bool = False,
) -> None:
    """The same for each of these tickets, saved and locked; `published` as this kind, without what is for history."""
    is_for_history = kind == EventKind.FIX_UNDONE or published == PARTICIPANTS_CHANGED
    said = ({}, {}) if is_for_history else (before, after)
    for start in range(0, len(tickets), INSERTED_AT_ONCE):
        piece = tickets[start : start + INSERTED_AT_ONCE]
        insert_rows(
            *(event_of(ticket, kind, actor, at, before, after) for ticket in piece),
            *(of_ticket(published, ticket, actor, at, *said, is_silent=is_silent) for ticket in piece),
        )


def say(ticket: Ticket, code: str, actor: Actor, at: datetime, *, status: str | None = None) -> None:
    """Note in the ticket's conversation what happened; the ticket is saved. Locks the conversation.

    `status`: the state the conversation has from now on.
    """
    message_id = new_id()
    post_system_message(
        conversation_id=ticket.conversation_id,
        message_id=message_id,
        code=code,
        status=status,
        caused_by=actor.membership_id,
        at=at,
        entry=message_entry(ticket, message_id, actor, at),
    )


def insert_note(ticket: Ticket, actor: Actor, content: str, at: datetime, files: Attaching = NO_FILES) -> TicketNote:
    """An internal note with its files, published with whom it mentions; the ticket is saved. Locks the files."""
    note = TicketNote(
        tenant_id=ticket.tenant_id, ticket=ticket, author_id=person_of(actor), content=content,
        attachment_count=len(files), created_at=at,
    )  # fmt: skip
    insert_rows(note, of_ticket(NOTE_CREATED, ticket, actor, at, note_id=note.id, mentioned=_mentioned(actor, content)))
    attach(files, Parent.NOTE, note.id)
    return note


def _mentioned(actor: Actor, content: str) -> list[UUID]:
    """Asks nothing of the database where nobody is."""
    if MARK not in content:
        return []
    return mentioned_in(content, list(Membership.objects.in_tenants(actor.tenant_ids).support_users()))


def record_redaction(ticket: Ticket, actor: Actor, message_id: UUID, at: datetime, *, is_silent: bool = False) -> None:
    """That a message was taken back, recorded and published; the ticket is saved."""
    insert_rows(
        event_of(ticket, EventKind.MESSAGE_REDACTED, actor, at, {}, {"message": str(message_id)}),
        of_ticket(MESSAGE_REDACTED, ticket, actor, at, is_silent=is_silent, message_id=message_id),
    )


def record_note_redaction(ticket: Ticket, actor: Actor, note_id: UUID, at: datetime) -> None:
    """As `record_redaction`, of a note."""
    insert_rows(
        event_of(ticket, EventKind.NOTE_REDACTED, actor, at, {}, {"note": str(note_id)}),
        of_ticket(NOTE_REDACTED, ticket, actor, at, note_id=note_id),
    )


def message_entry(ticket: Ticket, message_id: UUID, actor: Actor, at: datetime) -> Entry:
    return of_ticket(MESSAGE_CREATED, ticket, actor, at, message_id=message_id)


def person_of(actor: Actor) -> UUID:
    if actor.membership_id is None:
        raise AssertionError("policies let nobody without a membership write")
    return actor.membership_id


def id_text(value: UUID | None) -> str | None:
    return str(value) if value else None


def is_item_taken(error: IntegrityError) -> bool:
    return broken_constraint(error) in (ONE_OPEN_PER_DELIVERY, ONE_OPEN_PER_ORDER)


def refuse_if_item_is_held(ticket: Ticket, actor: Actor) -> None:
    """Raise the conflict that names the open ticket on this item; return where it was closed meanwhile."""
    holder = Ticket.objects.holding_item_of(ticket).first()
    if holder is None:
        return
    if actor.is_system or policies.is_customer_of(holder, actor) or actor.is_support_user:
        raise TicketAlreadyOpenForRelated(holder.id, holder.conversation_id)
    raise TicketAlreadyOpenForRelated
