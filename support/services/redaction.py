"""Taking back what should never have been written into a chat."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from conversations.services import redact_message
from ondi.accounts.actors import Actor
from ondi.api.idempotency import forget_texts_of
from ondi.files.models import Parent, StoredFile
from ondi.files.services import remove_files_of
from support import policies
from support.errors import NoteNotFound
from support.models import Ticket, TicketNote
from support.services.shared import locked_ticket, record_note_redaction, record_redaction, save_ticket


@transaction.atomic
def redact_ticket_message(*, actor: Actor, ticket_id: UUID, message_id: UUID, at: datetime | None = None) -> Ticket:
    """Replace one message of a ticket for everybody, for good: thread, preview, search and kept answers.

    The event says who and which, never what stood there. For leads and admins who are support users. Locks the ticket,
    then the conversation. Raises `TicketNotFound`, `NotASupportUser`, `PermissionDenied`, `MessageNotFound`.
    """
    ticket = locked_ticket(actor, ticket_id)
    if refusal := policies.redaction_refusal(ticket, actor):
        raise refusal
    at = at or timezone.now()
    if not redact_and_forget(tenant_id=ticket.tenant_id, conversation_id=ticket.conversation_id, message_id=message_id):
        return ticket
    save_ticket(ticket, at)
    record_redaction(ticket, actor, message_id, at)
    return ticket


@transaction.atomic
def redact_ticket_note(*, actor: Actor, ticket_id: UUID, note_id: UUID, at: datetime | None = None) -> Ticket:
    """Empty one internal note of a ticket for everybody, for good, with its files; one that was emptied: unchanged.

    As `redact_ticket_message` in who may and what is recorded. Locks the ticket, then the files. Raises
    `TicketNotFound`, `NotASupportUser`, `PermissionDenied`, `NoteNotFound`.
    """
    ticket = locked_ticket(actor, ticket_id)
    if refusal := policies.redaction_refusal(ticket, actor):
        raise refusal
    note = TicketNote.objects.of(ticket).filter(id=note_id).first()
    if note is None:
        raise NoteNotFound
    if note.is_redacted:
        return ticket
    at = at or timezone.now()
    files = list(StoredFile.objects.in_tenants([ticket.tenant_id]).of(Parent.NOTE, [note_id]))
    if files:
        remove_files_of(ticket.tenant_id, Parent.NOTE, [note_id])
    note.content, note.attachment_count = "", 0
    note.save(update_fields=["content", "attachment_count"])
    _forget(ticket.tenant_id, [file.id for file in files])
    save_ticket(ticket, at)
    record_note_redaction(ticket, actor, note_id, at)
    return ticket


def redact_and_forget(*, tenant_id: UUID, conversation_id: UUID, message_id: UUID) -> bool:
    """As `redact_message`; its words and its files' names go from kept answers as well."""
    files = list(StoredFile.objects.in_tenants([tenant_id]).of(Parent.MESSAGE, [message_id]))
    if not redact_message(conversation_id=conversation_id, message_id=message_id):
        return False
    _forget(tenant_id, [message_id, *(file.id for file in files)])
    return True


def _forget(tenant_id: UUID, row_ids: Collection[UUID]) -> None:
    for row_id in row_ids:
        forget_texts_of(tenant_id=tenant_id, row_id=row_id, keys=("content", "preview", "file_name"))
