"""The message object of API.md, from a row."""

from typing import Any

from conversations.events import event_text
from conversations.people import sender_data
from ondi.common.times import iso


def message_data(row: Any, *, short: bool) -> dict[str, Any]:
    """A row of `MessageQuerySet.rows`; `short`: people by first name and initial, as customers see them."""
    return {
        "id": str(row.id),
        "conversation_id": str(row.conversation_id),
        "sequence": row.sequence,
        "sender": sender_data(row, "sender", row.sender_role, short=short),
        "message_type": row.message_type,
        "content": event_text(row.event) if row.event else row.content,
        "event": row.event,
        "created_at": iso(row.created_at),
    }
