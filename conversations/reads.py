"""The hot reads of conversations, compiled once. What they read is said by the querysets' own words."""

from typing import Any
from uuid import UUID

from django.db.models import Subquery

from conversations.models import Conversation, Message, Participant
from ondi.accounts.actors import Actor
from ondi.common.compiled import CompiledQuery


def _part(viewer: Any, *, page: slice, conversation: Any) -> Any:
    own = Participant.objects.taken_by(viewer).filter(conversation_id=conversation)
    return own.order_by().values_list("id", "role", named=True)


def _readable(viewer: Any, *, page: slice, conversation: Any) -> Any:
    return Conversation.objects.readable_by(viewer).filter(id=conversation)


def _newest(viewer: Any, *, page: slice, conversation: Any) -> Any:
    messages = Message.objects.visible_to(viewer).filter(conversation_id=conversation)
    return messages.order_by("-sequence").rows()[page]


def _place(viewer: Any, *, page: slice, conversation: Any, message: Any) -> Any:
    messages = Message.objects.visible_to(viewer).filter(conversation_id=conversation, id=message)
    return messages.values_list("sequence", named=True)


def _later(viewer: Any, *, page: slice, conversation: Any, message: Any) -> Any:
    messages = Message.objects.visible_to(viewer).filter(conversation_id=conversation)
    known = messages.filter(id=message).values("sequence")
    return messages.filter(sequence__gt=Subquery(known)).order_by("sequence").rows()[page]


def _earlier(viewer: Any, *, page: slice, conversation: Any, message: Any) -> Any:
    messages = Message.objects.visible_to(viewer).filter(conversation_id=conversation)
    known = messages.filter(id=message).values("sequence")
    return messages.filter(sequence__lt=Subquery(known)).order_by("-sequence").rows()[page]


PART, READABLE, NEWEST = CompiledQuery(_part), CompiledQuery(_readable), CompiledQuery(_newest)
PLACE, LATER, EARLIER = CompiledQuery(_place), CompiledQuery(_later), CompiledQuery(_earlier)
HOT = {"part": PART, "readable": READABLE, "newest": NEWEST, "place": PLACE, "later": LATER, "earlier": EARLIER}


def find_part(actor: Actor, conversation_id: UUID) -> Any | None:
    """The row of the actor's part in this conversation; None where they do not take part now."""
    rows = PART.rows(actor, conversation=conversation_id)
    return rows[0] if rows else None


def find_readable(actor: Actor, conversation_id: UUID) -> Any | None:
    """The row of `readable_by`; None where the actor may not read this conversation."""
    rows = READABLE.rows(actor, conversation=conversation_id)
    return rows[0] if rows else None


def newest_messages(actor: Actor, conversation_id: UUID, *, start: int, limit: int) -> list[Any]:
    """Rows of the newest messages but `start`, the last said first."""
    return NEWEST.rows(actor, start=start, limit=limit, conversation=conversation_id)


def find_sequence(actor: Actor, conversation_id: UUID, message_id: UUID) -> int | None:
    """Which message of this conversation it is, counted from 1; None where it is none of it."""
    rows = PLACE.rows(actor, conversation=conversation_id, message=message_id)
    return rows[0].sequence if rows else None


def later_messages(actor: Actor, conversation_id: UUID, message_id: UUID, *, limit: int) -> list[Any]:
    """Rows of what came after this message, the first said first."""
    return LATER.rows(actor, limit=limit, conversation=conversation_id, message=message_id)


def earlier_messages(actor: Actor, conversation_id: UUID, message_id: UUID, *, limit: int) -> list[Any]:
    """Rows of what stood before this message, the last said first."""
    return EARLIER.rows(actor, limit=limit, conversation=conversation_id, message=message_id)
