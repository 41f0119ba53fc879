"""Bodies the message calls take, and the shapes they answer with."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from conversations.models import MessageType, SenderRole
from ondi.api.fields import ForbiddenField, PlainTextField
from ondi.files.api.data import AttachmentData, AttachmentIdsField
from support.vocabulary import LONGEST_MESSAGE

SENDABLE = [(MessageType.TEXT.value, MessageType.TEXT.label)]  # the others are the server's own


@extend_schema_serializer(exclude_fields=["attachments"])
class PostMessageBody(serializers.Serializer[Any]):
    content = PlainTextField(
        max_length=LONGEST_MESSAGE, required=False, allow_blank=True, default=None,
        help_text="1 to 8,000 characters; with files it may be empty.",
    )  # fmt: skip
    message_type = serializers.ChoiceField(
        choices=SENDABLE, default=MessageType.TEXT.value, help_text="`html` and `system` are the server's own."
    )
    attachment_ids = AttachmentIdsField()
    attachments = ForbiddenField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["content"] and not attrs.get("attachment_ids"):
            code = "required" if attrs["content"] is None else "blank"
            raise serializers.ValidationError({"content": [serializers.ErrorDetail("", code=code)]})
        return attrs | {"content": attrs["content"] or ""}


class PersonData(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()


class SenderData(PersonData):
    role = serializers.ChoiceField(choices=SenderRole.choices)


@extend_schema_serializer(component_name="SystemEvent")
class EventData(serializers.Serializer[Any]):
    code = serializers.CharField()
    params = serializers.DictField()


class MessageData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    conversation_id = serializers.UUIDField()
    sequence = serializers.IntegerField(help_text="From 1, gap-free.")
    sender = SenderData()
    message_type = serializers.ChoiceField(choices=MessageType.choices)
    content = serializers.CharField()
    attachments = AttachmentData(many=True)
    event = EventData(allow_null=True)
    created_at = serializers.DateTimeField()
