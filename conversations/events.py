"""System messages in words, in the language that is active."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

MESSAGE_REDACTED = "message_redacted"

TEXTS: dict[str, str | Promise] = {MESSAGE_REDACTED: _("This message was removed.")}


def register_event_texts(texts: Mapping[str, str | Promise]) -> None:
    """Say what the events of a conversation's owner are called, by code. Once, when the app starts."""
    if clashing := texts.keys() & TEXTS.keys():
        raise ValueError(f"already registered: {', '.join(sorted(clashing))}")
    TEXTS.update(texts)


def event_code(event: Mapping[str, Any] | None) -> str:
    """What happened; empty where it is not said, as in rows that were damaged."""
    return str(event.get("code", "")) if isinstance(event, Mapping) else ""


def event_text(event: Mapping[str, Any] | None) -> str:
    """What happened in words; a code of a later version as it stands."""
    code = event_code(event)
    return str(TEXTS.get(code, code))
