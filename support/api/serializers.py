"""Bodies the ticket calls take, and the shapes they answer with (for the OpenAPI document)."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from conversations.models import Conversation, MessageType, Participant
from deliveries.models import DeliveryStatus
from ondi.api.fields import ForbiddenField, IdField, PlainTextField
from ondi.api.schema import ErrorCodeField, FaultyFieldsData
from ondi.tenants.models import Priority
from orders.models import OrderStatus, PaymentStatus
from support import policies
from support.api.messaging.serializers import PersonData, SenderData
from support.vocabulary import LONGEST_MESSAGE, LONGEST_SUBJECT, TicketSource, TicketStatus, WaitingOn

ACTIONS = [("add", "add"), ("remove", "remove"), ("update", "update")]
CUSTOMER_SOURCES = [(source.value, source.label) for source in (TicketSource.CUSTOMER_PORTAL, TicketSource.STOREFRONT)]


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


class TicketData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.IntegerField(help_text="Counts up per tenant.")
    subject = serializers.CharField()
    status = serializers.ChoiceField(choices=TicketStatus.choices)
    priority = serializers.ChoiceField(choices=Priority.choices)
    source = serializers.ChoiceField(choices=TicketSource.choices)  # type: ignore[assignment]
    related_delivery_id = serializers.UUIDField(allow_null=True)
    related_order_id = serializers.UUIDField(allow_null=True)
    conversation = ConversationData()
    assigned_to_user = PersonData(allow_null=True)
    waiting_on = serializers.ChoiceField(choices=WaitingOn.choices, allow_null=True)
    can_close = serializers.BooleanField(help_text="Open, and your close would close it now.")
    can_reply = serializers.BooleanField(help_text="Your message would be accepted now.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    last_activity_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)


class DeliveryData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    delivery_code = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    to = serializers.CharField(allow_null=True)
    promised_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)
    order_id = serializers.UUIDField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's own, so it cannot be an attribute of the class."""
        return {**super().get_fields(), "from": serializers.CharField(allow_null=True)}


class OrderData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    order_number = serializers.CharField()
    status = serializers.ChoiceField(choices=OrderStatus.choices)
    payment_status = serializers.ChoiceField(choices=PaymentStatus.choices)
    currency = serializers.CharField(allow_null=True)
    total_amount = serializers.CharField(allow_null=True, help_text="A decimal string.")
    item_count = serializers.IntegerField(allow_null=True)
    placed_at = serializers.DateTimeField(allow_null=True)


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


class StaffData(serializers.Serializer[Any]):
    requester = RequesterData()
    version = serializers.IntegerField(min_value=1, help_text="Counts the changes of the ticket.")
    snoozed_until = serializers.DateTimeField(allow_null=True, help_text="When it comes back into the queue.")
    tags = serializers.ListField(child=serializers.CharField())


class QueueTicketData(TicketData, StaffData):
    pass


class QueueDetailData(TicketDetailData, StaffData):
    participants = ParticipantData(many=True)


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
