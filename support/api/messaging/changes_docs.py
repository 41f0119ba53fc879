"""What the OpenAPI document says of the change feeds."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from ondi.accounts.api.docs import TOKENS
from ondi.accounts.errors import ApiKeyInvalid
from ondi.api.schema import documented
from ondi.common.errors import InvalidInput, PermissionDenied
from ondi.outbox.errors import PositionExpired
from ondi.tenants.models import Language
from support.api.messaging.notification_data import NotificationAction
from support.notices import NAMES

IDS = {
    "ticket_id": "0197f0a0-0000-7000-8000-000000000001",
    "ticket_number": 1042,
    "conversation_id": "0197f0a0-0000-7000-8000-000000000002",
    "message_id": "0197f0a0-0000-7000-8000-000000000004",
}
RULES = (
    "In order, none skipped: ask with `after`, read what is said to have changed, and ask again with `next_position`. "
    "Without `after` the answer holds nothing but the position now: take it first, read the lists, and follow from it. "
)
PARAMETERS = [
    OpenApiParameter("after", {"type": "integer", "minimum": 0}, description="A position that was answered before."),
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": 200}, description="100 where it is left out."
    ),
]


class ChangedIds(serializers.Serializer[None]):
    ticket_id = serializers.UUIDField(allow_null=True)
    ticket_number = serializers.IntegerField(allow_null=True)
    conversation_id = serializers.UUIDField(allow_null=True)
    message_id = serializers.UUIDField(allow_null=True)
    version = serializers.IntegerField(allow_null=True)


class ToldIds(ChangedIds):
    position = serializers.IntegerField()
    actor_id = serializers.UUIDField(allow_null=True)
    requester_id = serializers.UUIDField(allow_null=True)
    requester_external_id = serializers.CharField(allow_null=True)
    order_external_id = serializers.CharField(allow_null=True)
    delivery_external_id = serializers.CharField(allow_null=True)
    before = serializers.DictField()
    after = serializers.DictField()


class PushIds(serializers.Serializer[None]):
    """Of `notification.due`: what is gone or erased by now is null."""

    position = serializers.IntegerField()
    notification_id = serializers.UUIDField()
    notification_type = serializers.ChoiceField(choices=NAMES, allow_null=True)
    recipient_id = serializers.UUIDField(allow_null=True)
    recipient_external_id = serializers.CharField(allow_null=True)
    language = serializers.ChoiceField(choices=Language.choices, allow_null=True)
    title = serializers.CharField(allow_null=True)
    message = serializers.CharField(allow_null=True)
    unread_count = serializers.IntegerField(allow_null=True)
    ticket_id = serializers.UUIDField(allow_null=True)
    conversation_id = serializers.UUIDField(allow_null=True)
    action = NotificationAction(allow_null=True)


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="TenantChangeData", serializers=[ToldIds, PushIds], resource_type_field_name=None
    )
)
class ToldField(serializers.Field[Any, Any, Any, Any]):
    """What an event says: that of a push has its own keys."""


class LiveChange(serializers.Serializer[None]):
    position = serializers.IntegerField()
    event = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        """`data` is a word of the serializer's own, so it cannot be an attribute of the class."""
        return {**super().get_fields(), "data": ChangedIds()}


class TenantChange(serializers.Serializer[None]):
    event = serializers.CharField()
    timestamp = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        """As in `LiveChange`."""
        return {**super().get_fields(), "data": ToldField()}


def _page(change: type[serializers.Serializer[None]]) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
    return {
        "changes": change(many=True),
        "next_position": serializers.IntegerField(),
        "has_more": serializers.BooleanField(),
    }


own_changes = documented(
    "GET messaging/changes",
    "listChanges",
    "What changed for me",
    message="Changes retrieved",
    description=RULES + "Customers are told of their own tickets, support users of all. Kept for 24 hours; what is "
    "older is `position_expired`: read the lists again.",
    parameters=PARAMETERS,
    data=_page(LiveChange),
    example={
        "changes": [{"position": 812, "event": "message.created", "data": {**IDS, "version": 4}}],
        "next_position": 812,
        "has_more": False,
    },
    refusals=[*TOKENS, InvalidInput({"after": ["max_value"]}), PositionExpired()],
)
tenant_changes = documented(
    "GET integrations/changes",
    "listTenantChanges",
    "All that changed in the tenant",
    message="Changes retrieved",
    description=RULES + "Needs the scope `changes:read`. Ids and codes, never anybody's words; external ids as they "
    "are now. `notification.due` is for programs that reach people's devices. Kept for 30 days.",
    parameters=PARAMETERS,
    data=_page(TenantChange),
    example={
        "changes": [
            {
                "event": "message.created",
                "timestamp": "2026-11-23T09:00:00.000000Z",
                "data": {
                    "position": 812,
                    **IDS,
                    "actor_id": "0197f0a0-0000-7000-8000-000000000005",
                    "requester_id": "0197f0a0-0000-7000-8000-000000000005",
                    "requester_external_id": "c-77",
                    "order_external_id": None,
                    "delivery_external_id": "d-1",
                    "version": 4,
                    "before": {},
                    "after": {},
                },
            }
        ],
        "next_position": 812,
        "has_more": False,
    },
    refusals=[ApiKeyInvalid(), PermissionDenied(), InvalidInput({"after": ["max_value"]}), PositionExpired()],
    api_key=True,
)
