"""Reads of conversations."""

from typing import TYPE_CHECKING
from uuid import UUID

from ondi.common.querysets import TenantQuerySet

if TYPE_CHECKING:
    from conversations.models import Conversation, Message, Participant  # noqa: F401 - named in strings


class ConversationQuerySet(TenantQuerySet["Conversation"]):
    def for_list(self) -> "ConversationQuerySet":
        return self.select_related("tenant", "last_message_sender")


class ParticipantQuerySet(TenantQuerySet["Participant"]):
    def part_of(self, membership_id: UUID, conversation_id: UUID) -> "Participant | None":
        """This person's part in this conversation, if they take part now."""
        return self.present().filter(membership_id=membership_id, conversation_id=conversation_id).first()

    def present(self) -> "ParticipantQuerySet":
        return self.filter(left_at=None)

    def for_list(self) -> "ParticipantQuerySet":
        return self.select_related("membership", "conversation")


class MessageQuerySet(TenantQuerySet["Message"]):
    def for_list(self) -> "MessageQuerySet":
        return self.select_related("tenant", "conversation", "sender")
