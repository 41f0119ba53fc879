"""Messages as plain text, for screens that show no html."""

from conversations.events import event_text
from conversations.models import Conversation, Message, MessageType
from ondi.common.text import html_to_text


def words(message: Message) -> str:
    """The message as plain text, an event in the reader's language."""
    if message.event:
        return event_text(message.event)
    return html_to_text(message.content) if message.message_type == MessageType.HTML else message.content


def preview_words(conversation: Conversation) -> str:
    """The beginning of the last message, from the conversation's summary."""
    event = conversation.last_message_event
    return event_text(event) if event else conversation.last_message_preview
