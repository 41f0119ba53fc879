"""Who may speak."""

from conversations.models import Conversation


def can_post(*, conversation_status: str, takes_part: bool) -> bool:
    """Would this person's message be accepted now?"""
    return takes_part and conversation_status == Conversation.Status.ACTIVE
