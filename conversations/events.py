"""System messages in words, in the language that is active."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

TICKET_CLOSED = "ticket_closed"
TICKET_REOPENED = "ticket_reopened"
MESSAGE_REDACTED = "message_redacted"

TEXTS = {
    TICKET_CLOSED: _("This ticket was closed."),
    TICKET_REOPENED: _("This ticket was opened again."),
    MESSAGE_REDACTED: _("This message was removed."),
    "delivery_delivered": _("Your delivery has arrived."),
    "delivery_returned": _("Your delivery is on its way back to the sender."),
    "delivery_cancelled": _("Your delivery was cancelled."),
}


def event_code(event: Mapping[str, Any] | None) -> str:
    """What happened; empty where it is not said, as in rows that were damaged."""
    return str(event.get("code", "")) if isinstance(event, Mapping) else ""


def event_text(event: Mapping[str, Any] | None) -> str:
    """What happened in words; a code of a later version as it stands."""
    code = event_code(event)
    return str(TEXTS.get(code, code))
