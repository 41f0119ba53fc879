"""Whose files are whose: those who may read a message or a note may have what was sent with it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from conversations.models import Message
from conversations.reads import find_readable
from conversations.services import name_last_message
from ondi.accounts.actors import Actor
from ondi.common.prepared import insert_rows
from ondi.files.models import Parent, StoredFile
from ondi.files.rule import Rule, register
from support import policies
from support.models import Ticket, TicketNote
from support.publishing import ATTACHMENT_CHECKED, of_ticket
from support.services.shared import save_ticket


def may_read(actor: Actor, kind: str, parent_id: UUID) -> bool:
    if kind == Parent.NOTE:
        return _may_read_note(actor, parent_id)
    messages = Message.objects.visible_to(actor).filter(id=parent_id)
    conversation_id = messages.values_list("conversation_id", flat=True).first()
    return conversation_id is not None and find_readable(actor, conversation_id) is not None


def _may_read_note(actor: Actor, note_id: UUID) -> bool:
    """As notes are listed: to support users, of tickets that are not their own; to the operator; to no program."""
    if actor.is_program:
        return False
    notes = TicketNote.objects.visible_to(actor).filter(id=note_id)
    ticket = Ticket.objects.visible_to(actor).filter(id__in=notes.values("ticket")).first()
    return ticket is not None and (actor.is_operator or policies.handling_refusal(ticket, actor) is None)


def lock_ticket_of(file: StoredFile) -> None:
    """Before the file itself: so is the order in which they are locked."""
    _ticket_of(file)


def note_checked(file: StoredFile, at: datetime) -> None:
    """Publish that a file of a ticket is ready, or refused; silent where its ticket is gone.

    Where it stands for a message without words, so does the name that it has by now.
    """
    ticket = _ticket_of(file)
    if ticket is None:
        return
    if file.parent_kind == Parent.MESSAGE and file.place == 0:
        name_last_message(tenant_id=file.tenant_id, message_id=file.parent_id, name=file.file_name)
    save_ticket(ticket, at)
    sent_with: dict[str, Any] = {"note_id" if file.parent_kind == Parent.NOTE else "message_id": file.parent_id}
    insert_rows(of_ticket(ATTACHMENT_CHECKED, ticket, Actor.system(file.tenant_id, "files"), at, **sent_with))


def _ticket_of(file: StoredFile) -> Ticket | None:
    parent_id = file.parent_id
    assert parent_id, "it was sent"
    tickets = Ticket.objects.in_tenants([file.tenant_id])
    if file.parent_kind == Parent.NOTE:
        notes = TicketNote.objects.in_tenants([file.tenant_id]).filter(id=parent_id)
        return tickets.filter(id__in=notes.values("ticket")).locked().first()
    messages = Message.objects.in_tenants([file.tenant_id]).filter(id=parent_id)
    return tickets.filter(conversation_id__in=messages.values("conversation")).locked().first()


register(Rule(may_read=may_read, lock=lock_ticket_of, checked=note_checked))
