"""The message object of API.md, from a row."""

from collections.abc import Sequence
from typing import Any

from conversations.events import event_text
from conversations.people import sender_data
from ondi.accounts.actors import Actor
from ondi.common.times import iso
from ondi.files.api.data import attachments_of
from ondi.files.links import FileReader


def messages_data(
    rows: Sequence[Any], actor: Actor, *, short: bool, here: str, reader: FileReader | None = None
) -> list[dict[str, Any]]:
    """Rows of `MessageQuerySet.rows` as this person reads them, with their files, which are read at once if any.

    `short`: people by first name and initial, as customers see them. `reader`: whom links to files are made for.
    """
    files = attachments_of(
        actor.tenant_ids,
        {row.id: row.attachment_count for row in rows},
        reader=reader or FileReader.of(actor),
        here=here,
    )
    return [_message_data(row, files[row.id], short=short) for row in rows]


def _message_data(row: Any, attachments: list[dict[str, Any]], *, short: bool) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "conversation_id": str(row.conversation_id),
        "sequence": row.sequence,
        "sender": sender_data(row, "sender", row.sender_role, short=short),
        "message_type": row.message_type,
        "content": event_text(row.event) if row.event else row.content,
        "attachments": attachments,
        "event": row.event,
        "created_at": iso(row.created_at),
    }
