"""Who takes part, and who may speak."""

from datetime import datetime

from conversations.models import Conversation, Participant
from ondi.accounts.actors import Actor


def takes_part(actor: Actor, *, role: str | None, left_at: datetime | None) -> bool:
    """Does this person take part now? `role` and `left_at` of their part, None where there is none.

    A part as staff is a support user's: whatever stands in the row, it ends with the role.
    """
    if role is None or left_at is not None:
        return False
    return actor.is_support_user or role == Participant.Role.CUSTOMER


def can_post(*, conversation_status: str, takes_part: bool) -> bool:
    """Would this person's message be accepted now?"""
    return takes_part and conversation_status == Conversation.Status.ACTIVE
