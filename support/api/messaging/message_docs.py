"""What the OpenAPI document says of messages."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from conversations import errors
from ondi.accounts.api.docs import TOKENS
from ondi.api.schema import PAGE_PARAMETERS, PAGINATION_EXAMPLE, PaginationData, documented
from ondi.common.errors import InvalidInput
from ondi.files.errors import AttachmentNotFound, AttachmentNotUploaded
from support.api.messaging.serializers import MessageData, PostMessageBody

CONVERSATION_ID = "0197f0a0-0000-7000-8000-000000000022"
OF_FILES = [AttachmentNotFound(), AttachmentNotUploaded()]
MESSAGE = {
    "id": "0197f0a0-0000-7000-8000-000000000023",
    "conversation_id": CONVERSATION_ID,
    "sequence": 2,
    "sender": {"id": "0197f0a0-0000-7000-8000-000000000003", "name": "Sara K.", "role": "agent"},
    "message_type": "text",
    "content": "We found your parcel, it comes today.",
    "attachments": [],
    "event": None,
    "created_at": "2026-11-23T09:34:00.000000Z",
}

list_messages = documented(
    "GET messaging/conversations/<str:conversation_id>/messages",
    "listMessages",
    "Read the messages of a conversation",
    message="Messages retrieved",
    description="Newest first by `page` and `limit`; with `after` instead, what came after that message, oldest first, "
    "with `before` what stood before it, newest first, both with `has_more`: lists that do not shift. "
    "Reading moves your read marker. System messages are told in your language.",
    parameters=[
        *PAGE_PARAMETERS,
        OpenApiParameter("timestamp_range", str, description="`start,end`, ISO 8601 with zone; end not included."),
        OpenApiParameter("after", UUID, description="A message id; instead of `page`, `timestamp_range` and `before`."),
        OpenApiParameter("before", UUID, description="A message id; instead of `page`, `timestamp_range` and `after`."),
    ],
    data={
        "messages": MessageData(many=True),
        "pagination": PaginationData(required=False),
        "has_more": serializers.BooleanField(required=False),
    },
    example={"messages": [MESSAGE], "pagination": PAGINATION_EXAMPLE},
    refusals=[
        *TOKENS,
        InvalidInput({"timestamp_range": ["invalid"]}),
        errors.ConversationNotFound(),
        errors.MessageNotFound(),
    ],
)
post_message = documented(
    "POST messaging/conversations/<str:conversation_id>/messages",
    "postMessage",
    "Say something in a conversation",
    description="By those who take part, while the conversation is open; its customer's message opens a closed ticket "
    "again where they `can_reopen` it. All before it counts as read by its sender. "
    "`attachment_ids`: files that were uploaded before; they may still be checked.",
    message="Message sent",
    body=PostMessageBody,
    body_examples={"An answer": {"content": "We found your parcel, it comes today."}},
    data={"message": MessageData()},
    example={"message": MESSAGE},
    status=201,
    refusals=[*TOKENS, errors.ConversationNotFound(), errors.NotAParticipant(), errors.ConversationClosed(), *OF_FILES],
    idempotent=True,
)
mark_read = documented(
    "PUT messaging/conversations/<str:conversation_id>/read-status",
    "markConversationRead",
    "Mark messages as read",
    message="Read status updated",
    description="Moves the marker forward to this message, never back.",
    parameters=[OpenApiParameter("message_id", UUID, required=True)],
    data={"unread_count": serializers.IntegerField()},
    example={"unread_count": 0},
    refusals=[
        *TOKENS,
        InvalidInput({"message_id": ["required"]}),
        errors.ConversationNotFound(),
        errors.MessageNotFound(),
        errors.NotAParticipant(),
    ],
)
