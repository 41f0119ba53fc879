"""The hook that leads upward: whoever owns the conversation listens, in the same transaction."""

from django.dispatch import Signal

# A person is posting a message. Sent before the conversation is locked, so that the owner can lock
# what comes before it. Arguments: `message` (unsaved) and `actor`. A listener answers with the outbox entry that
# publishes the message, or None; who knows better in what part somebody speaks raises `NotAParticipant`.
message_posting = Signal()
