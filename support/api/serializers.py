"""Bodies the ticket calls take, and the shapes they answer with (for the OpenAPI document)."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from conversations.models import Conversation, MessageType, Participant
from ondi.api.fields import ForbiddenField, IdField, PlainTextField
from ondi.api.schema import ErrorCodeField, FaultyFieldsData
from ondi.files.api.data import AttachmentData, AttachmentIdsField
from support import policies
from support.api.messaging.serializers import PersonData, SenderData
from support.shown import DELIVERY, ORDER, TICKET, Shape, Shown, Table
from support.vocabulary import LONGEST_MESSAGE, LONGEST_SUBJECT, Metric, Priority, TicketSource

ACTIONS = [("add", "add"), ("remove", "remove"), ("update", "update")]
CUSTOMER_SOURCES = [(source.value, source.label) for source in (TicketSource.CUSTOMER_PORTAL, TicketSource.STOREFRONT)]


def _field(shown: Shown) -> serializers.Field[Any, Any, Any, Any]:
    common: dict[str, Any] = {"allow_null": shown.is_nullable, "help_text": shown.about or None}
    if shown.choices is not None:
        return serializers.ChoiceField(choices=shown.choices.choices, **common)
    kinds: Mapping[Shape, type[serializers.Field[Any, Any, Any, Any]]] = {
        Shape.ID: serializers.UUIDField,
        Shape.TEXT: serializers.CharField,
        Shape.NUMBER: serializers.IntegerField,
        Shape.AMOUNT: serializers.CharField,
        Shape.MOMENT: serializers.DateTimeField,
    }
    return kinds[shown.shape](**common)


def _shown(name: str, table: Table) -> type[serializers.Serializer[Any]]:
    return type(name, (serializers.Serializer,), {key: _field(shown) for key, shown in table.items()})


@extend_schema_serializer(exclude_fields=["attachments"])
class CreateTicketBody(serializers.Serializer[Any]):
    subject = PlainTextField(max_length=LONGEST_SUBJECT, one_line=True, help_text="One line, 1 to 200 characters.")
    message = PlainTextField(max_length=LONGEST_MESSAGE, help_text="1 to 8,000 characters.")
    priority = serializers.ChoiceField(choices=Priority.choices, default=Priority.MEDIUM)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a key of the contract that DRF uses as well
        choices=CUSTOMER_SOURCES, default=TicketSource.CUSTOMER_PORTAL
    )
    related_delivery_id = IdField(
        source="delivery_id", required=False, allow_null=True, help_text="Only with `customer_portal`."
    )
    related_order_id = IdField(
        source="order_id", required=False, allow_null=True, help_text="Needed with `storefront`, and only with it."
    )
    attachment_ids = AttachmentIdsField()
    attachments = ForbiddenField()

    def validate_priority(self, value: str) -> str:
        if value not in policies.priorities_open_to(self.context["request"].user):
            raise serializers.ValidationError(code="invalid_choice")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        faults = policies.misplaced_links(attrs["source"], attrs.get("delivery_id"), attrs.get("order_id"))
        if faults:
            raise serializers.ValidationError(
                {name: [serializers.ErrorDetail("", code=code) for code in codes] for name, codes in faults.items()}
            )
        return attrs


class LastMessageData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    sender = SenderData()
    message_type = serializers.ChoiceField(choices=MessageType.choices)
    preview = serializers.CharField(help_text="The first 140 characters.")
    created_at = serializers.DateTimeField()


class ConversationData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Conversation.Status.choices)
    message_count = serializers.IntegerField()
    unread_count = serializers.IntegerField(allow_null=True)
    last_message = LastMessageData(allow_null=True)


class TicketData(_shown("ShownTicket", TICKET)):  # type: ignore[misc]  # made from the rows
    conversation = ConversationData()
    assigned_to_user = PersonData(allow_null=True)
    can_close = serializers.BooleanField(help_text="Open, and your close would close it now.")
    can_reopen = serializers.BooleanField(help_text="Closed, and your reopening would open it now.")
    can_reply = serializers.BooleanField(help_text="Your message would be accepted now.")
    expected_reply_by = serializers.DateTimeField(
        allow_null=True, help_text="By when an answer is promised; null where none is owed, or that is past."
    )


@extend_schema_serializer(exclude_fields=["attachments"])
class ReopenOwnTicketBody(serializers.Serializer[Any]):
    message = PlainTextField(
        max_length=LONGEST_MESSAGE, required=False, allow_blank=True, default=None,
        help_text="1 to 8,000 characters, or left out; with files it may be empty.",
    )  # fmt: skip
    attachment_ids = AttachmentIdsField()
    attachments = ForbiddenField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["message"] == "" and not attrs.get("attachment_ids"):
            raise serializers.ValidationError({"message": [serializers.ErrorDetail("", code="blank")]})
        return attrs | {"message": attrs["message"] or ""}


DeliveryData = _shown("DeliveryData", DELIVERY)
OrderData = _shown("OrderData", ORDER)


class TicketDetailData(TicketData):
    delivery = DeliveryData(allow_null=True)
    order = OrderData(allow_null=True)


class ParticipantsBody(serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=ACTIONS)
    user_ids = serializers.ListField(child=IdField(), min_length=1, max_length=50)
    role = serializers.ChoiceField(
        choices=[Participant.Role.MEMBER.value, Participant.Role.ADMIN.value], default=Participant.Role.MEMBER.value
    )


class ExistingTicketData(serializers.Serializer[Any]):
    existing_ticket_id = serializers.UUIDField()
    existing_conversation_id = serializers.UUIDField()


class AssignedToData(serializers.Serializer[Any]):
    assigned_to_user = PersonData()


class RequesterData(PersonData):
    email = serializers.CharField(allow_null=True)


class ParticipantData(serializers.Serializer[Any]):
    user = PersonData()
    role = serializers.ChoiceField(choices=Participant.Role.choices)
    joined_at = serializers.DateTimeField()
    left_at = serializers.DateTimeField(allow_null=True)


class ServiceLevelData(serializers.Serializer[Any]):
    metric = serializers.ChoiceField(choices=Metric.choices)
    due_at = serializers.DateTimeField(allow_null=True, help_text="Null while it is paused.")
    state = serializers.ChoiceField(choices=["running", "paused", "met", "missed"])
    target_minutes = serializers.IntegerField(min_value=1, help_text="Of open hours.")


class StaffData(serializers.Serializer[Any]):
    requester = RequesterData()
    version = serializers.IntegerField(min_value=1, help_text="Counts the changes of the ticket.")
    snoozed_until = serializers.DateTimeField(allow_null=True, help_text="When it comes back into the queue.")
    tags = serializers.ListField(child=serializers.CharField())
    service_levels = ServiceLevelData(many=True, help_text="The newest promise of each kind.")


class QueueTicketData(TicketData, StaffData):
    pass


class QueueDetailData(TicketDetailData, StaffData):
    participants = ParticipantData(many=True)


class ProgramRequesterData(serializers.Serializer[Any]):
    id = serializers.UUIDField(allow_null=True)
    external_id = serializers.CharField(allow_null=True)


class ProgramTicketData(QueueDetailData):
    requester = ProgramRequesterData()  # type: ignore[assignment]  # in place of the agents'
    order_external_id = serializers.CharField(allow_null=True)
    delivery_external_id = serializers.CharField(allow_null=True)


class CountsData(serializers.Serializer[Any]):
    unassigned = serializers.IntegerField()
    mine = serializers.IntegerField()
    all = serializers.IntegerField()


class FullConversationData(ConversationData):
    type = serializers.ChoiceField(choices=Conversation.Kind.choices)
    ticket_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    participants = ParticipantData(many=True)


class ParticipantResultData(serializers.Serializer[Any]):
    user_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["added", "removed", "updated", "unchanged", "failed"])
    error = ErrorCodeField(allow_null=True)


class NobodyChangedData(FaultyFieldsData):
    results = ParticipantResultData(many=True, required=False)


class NoteData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    author = PersonData()
    content = serializers.CharField()
    attachments = AttachmentData(many=True)
    created_at = serializers.DateTimeField()


class EventData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    actor = PersonData(allow_null=True)
    cause = serializers.CharField(help_text="Why the system did it; empty where a person did.")
    before = serializers.DictField()
    after = serializers.DictField()
    created_at = serializers.DateTimeField()


class ChangedTicketData(serializers.Serializer[Any]):
    ticket = QueueDetailData()
