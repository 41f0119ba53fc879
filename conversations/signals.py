"""The hook that leads upward: whoever owns the conversation listens, in the same transaction."""

from django.dispatch import Signal

# A person is posting a message. Sent before the conversation is locked, so that the owner can lock
# what comes before it. Arguments: `tenant_id`, `conversation_id`, `sender_id` (a membership),
# `sender_role`, `at`. A listener who knows better in what part somebody speaks raises `NotAParticipant`.
message_posting = Signal()
