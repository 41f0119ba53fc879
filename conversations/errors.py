"""What can go wrong in a conversation."""

from django.utils.translation import gettext_lazy as _

from ondi.common.errors import DomainError, Kind


class ConversationNotFound(DomainError):
    code = "conversation_not_found"
    kind = Kind.NOT_FOUND
    message = _("Conversation not found.")


class ConversationClosed(DomainError):
    code = "conversation_closed"
    kind = Kind.CONFLICT
    message = _("This conversation is closed.")


class NotAParticipant(DomainError):
    code = "not_a_participant"
    kind = Kind.FORBIDDEN
    message = _("You do not take part in this conversation.")


class MessageNotFound(DomainError):
    code = "message_not_found"
    kind = Kind.NOT_FOUND
    message = _("Message not found.")
