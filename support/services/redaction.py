"""Taking back what should never have been written into a chat."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from conversations.services import redact_message
from ondi.accounts.actors import Actor
from ondi.api.idempotency import forget_texts_of
from ondi.files.models import Parent, StoredFile
from support import policies
from support.models import Ticket
from support.services.shared import locked_ticket, record_redaction, save_ticket


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


def redact_and_forget(*, tenant_id: UUID, conversation_id: UUID, message_id: UUID) -> bool:
    """As `redact_message`; its words and its files' names go from kept answers as well."""
    files = list(StoredFile.objects.in_tenants([tenant_id]).of(Parent.MESSAGE, [message_id]))
    if not redact_message(conversation_id=conversation_id, message_id=message_id):
        return False
    for row_id in (message_id, *(file.id for file in files)):
        forget_texts_of(tenant_id=tenant_id, row_id=row_id, keys=("content", "preview", "file_name"))
    return True
