"""Writing conversations. A message and the conversation's summary of it are one transaction."""

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import nh3
from django.db import transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from conversations.errors import MessageNotFound
from conversations.events import MESSAGE_REDACTED, event_code
from conversations.models import Conversation, Message, MessageType, Participant, SenderRole
from ondi.common.ids import new_id
from ondi.common.prepared import fetch_prepared, insert_columns, insert_rows, insert_values
from ondi.common.text import preview
from ondi.files.models import Parent
from ondi.files.services import NO_FILES, Attaching, attach, remove_files_of
from ondi.outbox.models import Entry


@dataclass(frozen=True, slots=True)
class Opening:
    """What a conversation begins with: the starter's words and files, and perhaps the house's answer in html."""

    title: str
    message: str
    files: Attaching = NO_FILES
    acknowledgement_html: str | None = None


@transaction.atomic(savepoint=False)  # refuses nothing: what fails here fails the caller
def start_conversation(
    *, tenant_id: UUID, starter_id: UUID, opening: Opening, at: datetime
) -> tuple[Conversation, list[Message]]:
    """Begin a conversation with its first messages; the starter (a membership) takes part as its customer."""
    conversation = Conversation(id=new_id(), tenant_id=tenant_id, title=opening.title, created_at=at)
    messages = [
        _next_message(
            conversation, sender_id=starter_id, role=SenderRole.CUSTOMER, content=opening.message, at=at,
            attachment_count=len(opening.files),
        )
    ]  # fmt: skip
    if opening.acknowledgement_html:
        html = nh3.clean(opening.acknowledgement_html)
        messages.append(_next_message(conversation, message_type=MessageType.HTML, content=html, at=at))
    starter = Participant(
        tenant_id=tenant_id,
        conversation=conversation,
        membership_id=starter_id,
        role=Participant.Role.CUSTOMER,
        last_read_sequence=1,
        joined_at=at,
    )
    insert_rows(conversation, *messages, starter)
    attach(opening.files, Parent.MESSAGE, messages[0].id)
    return conversation, messages


@transaction.atomic(savepoint=False)  # refuses nothing
def post_system_message(
    *,
    conversation_id: UUID,
    code: str,
    at: datetime,
    params: Mapping[str, Any] | None = None,
    status: str | None = None,
    caused_by: UUID | None = None,
    message_id: UUID | None = None,
    entry: Entry | None = None,
) -> Message:
    """Note in the conversation what happened, told to each reader in their language.

    Locks the conversation. `status`: the state it has from now on. `caused_by`: the membership that did
    it; they have read it. `entry` publishes it, and names `message_id`.
    """
    message = Message(
        id=message_id or new_id(),
        conversation_id=conversation_id,
        sender_role=SenderRole.SYSTEM,
        message_type=MessageType.SYSTEM,
        event={"code": code, "params": dict(params or {})},
        created_at=at,
    )
    append_message(message, status=status, read_by=caused_by, entry=entry)
    return message


def name_last_message(*, tenant_id: UUID, message_id: UUID, name: str) -> None:
    """Let this name stand for a message without words, where it is its conversation's last. Locks the conversation."""
    wordless = Message.objects.in_tenants([tenant_id]).filter(id=message_id, message_type=MessageType.TEXT, content="")
    last = Conversation.objects.in_tenants([tenant_id]).filter(last_message_id__in=wordless.values("id"))
    last.update(last_message_preview=preview(name))


@transaction.atomic
def redact_message(*, conversation_id: UUID, message_id: UUID) -> bool:
    """Put "this message was removed" in a message's place, and in the conversation's summary; no way back.

    Its files go with it. Locks the conversation, the message, then these. Returns False for one that was removed
    before. Raises `MessageNotFound`.
    """
    conversation = Conversation.objects.locked().get(id=conversation_id)
    message = Message.objects.locked().filter(conversation=conversation, id=message_id).first()
    if message is None:
        raise MessageNotFound
    if event_code(message.event) == MESSAGE_REDACTED:
        return False
    message.message_type, message.content = MessageType.SYSTEM, ""
    message.event = {"code": MESSAGE_REDACTED, "params": {}}
    if message.attachment_count:
        remove_files_of(message.tenant_id, Parent.MESSAGE, [message.id])
        message.attachment_count = 0
    message.save(update_fields=["message_type", "content", "event", "attachment_count"])
    if conversation.last_message_id == message.id:
        _summarise(conversation, message)
        conversation.save()
    return True


def set_conversation_status(*, tenant_id: UUID, conversation_ids: Collection[UUID], status: str) -> None:
    """Close or open conversations without a word in them; for data fixes. Locks them in the order of their keys."""
    found = Conversation.objects.locked().filter(tenant_id=tenant_id, id__in=conversation_ids)
    keys = list(found.values_list("id", flat=True))
    Conversation.objects.filter(tenant_id=tenant_id, id__in=keys).update(status=status)


def mark_read(
    *, tenant_id: UUID, membership_id: UUID, conversation_id: UUID, sequence: int, at: datetime | None = None
) -> None:
    """Somebody has read up to this message: their marker moves forward, never back, and what told of it is read too.

    One statement. Locks their part, if they have one, then these notifications.
    """
    arguments = [tenant_id, membership_id, conversation_id, sequence, at or timezone.now()]
    fetch_prepared("SELECT ondi_mark_read(%s, %s, %s, %s, %s)", arguments)


def note_on_screen(*, tenant_id: UUID, membership_id: UUID, conversation_id: UUID, sequence: int) -> None:
    """Somebody has had this message on their screen: their marker moves forward, never back; nothing else is read.

    Locks their part, if they have one.
    """
    part = Participant.objects.in_tenants([tenant_id]).present().filter(
        conversation_id=conversation_id, membership_id=membership_id, last_read_sequence__lt=sequence
    )  # fmt: skip
    part.update(last_read_sequence=sequence)


@transaction.atomic
def join_conversation(*, tenant_id: UUID, conversation_id: UUID, membership_id: UUID, at: datetime) -> None:
    """Take part from now on; somebody who left before is back with their read marker."""
    Participant.objects.update_or_create(
        tenant_id=tenant_id,
        conversation_id=conversation_id,
        membership_id=membership_id,
        defaults={"left_at": None},
        create_defaults={"joined_at": at, "role": Participant.Role.MEMBER},
    )


def leave_conversation(*, tenant_id: UUID, conversation_id: UUID, membership_id: UUID, at: datetime) -> None:
    """Take part no longer; what was said stays. The customer of a conversation never leaves it."""
    Participant.objects.filter(
        tenant_id=tenant_id, conversation_id=conversation_id, membership_id=membership_id, left_at=None
    ).exclude(role=Participant.Role.CUSTOMER).update(left_at=at)


_LEAVE_ALL = """
UPDATE conversations_participant SET left_at = %s
WHERE tenant_id = %s AND membership_id = %s AND left_at IS NULL AND role <> 'customer' RETURNING conversation_id, role
"""


def leave_all_conversations(*, tenant_id: UUID, membership_id: UUID, at: datetime) -> list[tuple[UUID, str]]:
    """As `leave_conversation`, of everything this person takes part in as staff: which, and in what role.

    Locks these parts.
    """
    return fetch_prepared(_LEAVE_ALL, [at, tenant_id, membership_id])


# The sender's own part is looked up by itself: an EXISTS would be hashed, from every part that this person ever had.
_APPEND = """
WITH conversation AS (
    UPDATE conversations_conversation SET message_count = message_count + 1, last_message_id = %s,
        last_message_sender_id = %s, last_message_sender_role = %s, last_message_type = %s, last_message_preview = %s,
        last_message_event = %s, last_message_at = %s, status = COALESCE(%s, status)
    WHERE id = %s AND (%s OR status = 'active' AND (
        SELECT own.left_at IS NULL FROM conversations_participant AS own
        WHERE own.tenant_id = conversations_conversation.tenant_id
            AND own.conversation_id = conversations_conversation.id AND own.membership_id = %s
    )) RETURNING *
), read AS (
    UPDATE conversations_participant AS part SET last_read_sequence = conversation.message_count FROM conversation
    WHERE part.tenant_id = conversation.tenant_id AND part.conversation_id = %s AND part.membership_id = %s
        AND (%s OR part.last_read_sequence = conversation.message_count - 1)
){published}
INSERT INTO conversations_message (id, tenant_id, conversation_id, sequence, sender_id, sender_role, message_type,
    content, event, attachment_count, created_at)
SELECT conversation.last_message_id, conversation.tenant_id, conversation.id, conversation.message_count,
    conversation.last_message_sender_id, conversation.last_message_sender_role, conversation.last_message_type, %s,
    conversation.last_message_event, %s, conversation.last_message_at
FROM conversation RETURNING tenant_id, sequence
"""


@functools.cache
def _append_statement(*, published: bool) -> str:
    columns, places = insert_columns(Entry)
    with_entry = f", published AS (INSERT INTO {Entry._meta.db_table} ({columns}) SELECT {places} FROM conversation)"  # noqa: S608
    return _APPEND.format(published=with_entry if published else "")


def append_message(
    message: Message,
    *,
    status: str | None = None,
    read_by: UUID | None = None,
    entry: Entry | None = None,
    files: Attaching = NO_FILES,
) -> bool:
    """Save a message as its conversation's next one: number, summary and row.

    Returns False, and saves nothing, where a person's conversation is closed or the sender takes part no longer.
    One statement locks the conversation, counts on, and writes the message, with the `entry` that publishes it.
    `read_by`: the membership that has read it, and with a message of their own all before it. Locks the
    conversation, their part in it, then the `files` that are sent with it.
    """
    message.attachment_count = len(files)
    shown = preview(message.content or files.preview, html=message.message_type == MessageType.HTML)
    event = Jsonb(message.event) if message.event else None
    conversation, sender = message.conversation_id, message.sender_id
    found = fetch_prepared(_append_statement(published=entry is not None), [
        message.id, sender, message.sender_role, message.message_type, shown, event, message.created_at, status,
        conversation, sender is None, sender, conversation, read_by, sender is not None,
        *(insert_values(entry) if entry else ()), message.content, message.attachment_count,
    ])  # fmt: skip
    if not found:
        assert sender, "there is always a conversation to note something in"
        return False
    message.tenant_id, message.sequence = found[0]
    attach(files, Parent.MESSAGE, message.id)
    return True


def _next_message(
    conversation: Conversation,
    *,
    at: datetime,
    role: str = SenderRole.SYSTEM,
    sender_id: UUID | None = None,
    message_type: str = MessageType.TEXT,
    content: str = "",
    event: Mapping[str, Any] | None = None,
    attachment_count: int = 0,
) -> Message:
    """The next message of a new conversation, and its summary; saving both is the caller's."""
    conversation.message_count += 1
    message = Message(
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.id,
        sequence=conversation.message_count,
        sender_id=sender_id,
        sender_role=role,
        message_type=message_type,
        content=content,
        event=event,
        attachment_count=attachment_count,
        created_at=at,
    )
    _summarise(conversation, message)
    return message


def _summarise(conversation: Conversation, message: Message) -> None:
    """Make this the last message in the conversation's summary."""
    conversation.last_message_id = message.id
    conversation.last_message_sender_id = message.sender_id
    conversation.last_message_sender_role = message.sender_role
    conversation.last_message_type = message.message_type
    conversation.last_message_preview = preview(message.content, html=message.message_type == MessageType.HTML)
    conversation.last_message_event = message.event
    conversation.last_message_at = message.created_at
