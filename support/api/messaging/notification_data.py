"""Notifications as the API shows them."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ondi.accounts.actors import Actor
from ondi.api.fields import IdField, StringField
from ondi.api.schema import PaginationData
from ondi.common.times import iso
from ondi.notifications.models import Notification
from ondi.notifications.preferences import CLOCK, Preferences
from ondi.notifications.types import WHENS, Channel, types_for
from support.notices import NAMES, action_of, texts_of, ticket_of

MOST, MOST_AT_ONCE = 100, 100


def notifications_data(notifications: Sequence[Notification], actor: Actor) -> list[dict[str, Any]]:
    """In the language of the request. Two statements, none where there is nothing to show."""
    texts = texts_of(notifications, actor) if notifications else {}
    return [_notification_data(one, *texts[one.id]) for one in notifications]


def _notification_data(one: Notification, title: str, message: str) -> dict[str, Any]:
    conversation_id, message_id = (value and str(value) for value in (one.conversation_id, one.message_id))
    return {
        "id": str(one.id),
        "notification_type": one.notification_type,
        "title": title,
        "message": message,
        "data": {
            "ticket_id": ticket_of(one),
            "ticket_number": one.data.get("number"),
            "conversation_id": conversation_id,
            "message_id": message_id,
        },
        "action": action_of(one),
        "is_read": one.read_at is not None,
        "read_at": iso(one.read_at) if one.read_at else None,
        "created_at": iso(one.created_at),
    }


def preferences_data(preferences: Preferences, actor: Actor) -> dict[str, Any]:
    kinds = types_for(actor.role)
    return {
        "types": {kind.name: {channel.value: preferences.when(kind, channel).value for channel in Channel}
                  for kind in kinds},
        "quiet_hours": preferences.quiet_hours,
        "allowed": {kind.name: {channel.value: [when.value for when in kind.allowed_of(channel)] for channel in Channel}
                    for kind in kinds},
    }  # fmt: skip


class NotificationAbout(serializers.Serializer[Any]):
    ticket_id = serializers.UUIDField(allow_null=True)
    ticket_number = serializers.IntegerField(allow_null=True)
    conversation_id = serializers.UUIDField(allow_null=True)
    message_id = serializers.UUIDField(allow_null=True)


class NotificationAction(serializers.Serializer[Any]):
    target = serializers.ChoiceField(choices=[("internal", "internal")])
    path = serializers.CharField()


class NotificationData(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    notification_type = serializers.ChoiceField(choices=NAMES)
    title = serializers.CharField()
    message = serializers.CharField(allow_blank=True)
    data = NotificationAbout()  # type: ignore[assignment]  # a key of the contract
    action = NotificationAction()
    is_read = serializers.BooleanField()
    read_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


class NotificationPaginationData(PaginationData):
    limit = serializers.IntegerField(min_value=1, max_value=MOST)


class MarkReadBody(serializers.Serializer[Any]):
    """Which are read; all of them where nothing is said."""

    notification_ids = serializers.ListField(
        child=IdField(), required=False, allow_empty=False, max_length=MOST_AT_ONCE
    )
    up_to = IdField(required=False, help_text="This one and all older, instead of `notification_ids`.")

    def validate(self, body: Any) -> Any:
        if len(body) > 1:
            raise serializers.ValidationError({"up_to": "not_allowed"}, code="not_allowed")
        return body


class ChannelsData(serializers.Serializer[Any]):
    """When somebody is told, by way."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {channel.value: serializers.ChoiceField(choices=WHENS) for channel in Channel}


class AllowedData(serializers.Serializer[Any]):
    """What may be set, by way."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {
            channel.value: serializers.ListField(child=serializers.ChoiceField(choices=WHENS)) for channel in Channel
        }


@extend_schema_field({"type": "string", "pattern": f"^{CLOCK.pattern}$"})
class ClockField(StringField):
    """A time of the day, `22:00`; whether it is one is the rule's to say."""


class QuietHoursData(serializers.Serializer[Any]):
    """Within which mail and push wait; over midnight where `to` is the earlier one."""

    time_zone = StringField(max_length=64, help_text="As `Asia/Baghdad`.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": ClockField(), "to": ClockField(), **super().get_fields()}


class ChannelsBody(serializers.Serializer[Any]):
    """Those to set; what is left out stays."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {channel.value: serializers.ChoiceField(choices=WHENS, required=False) for channel in Channel}


class PreferencesBody(serializers.Serializer[Any]):
    """What is left out stays."""

    types = serializers.DictField(child=ChannelsBody(), required=False)
    quiet_hours = QuietHoursData(required=False, allow_null=True)
