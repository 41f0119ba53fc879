"""What the OpenAPI document says of notifications."""

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from ondi.accounts.api.docs import TOKENS
from ondi.api.schema import PAGINATION_EXAMPLE, component, documented, page_parameters
from ondi.common.errors import InvalidInput
from ondi.notifications.errors import NotificationNotFound
from support.api.messaging.notification_data import (
    MOST,
    AllowedData,
    ChannelsData,
    MarkReadBody,
    NotificationData,
    NotificationPaginationData,
    PreferencesBody,
    QuietHoursData,
)

NOTIFICATION = {
    "id": "0197f0a0-0000-7000-8000-000000000041",
    "notification_type": "support_reply",
    "title": "Answer to ticket #1042",
    "message": "Delivery delayed",
    "data": {
        "ticket_id": "0197f0a0-0000-7000-8000-000000000021",
        "ticket_number": 1042,
        "conversation_id": "0197f0a0-0000-7000-8000-000000000022",
        "message_id": "0197f0a0-0000-7000-8000-000000000023",
    },
    "action": {"target": "internal", "path": "/support/tickets/0197f0a0-0000-7000-8000-000000000021"},
    "is_read": False,
    "read_at": None,
    "created_at": "2026-11-23T09:34:00.000000Z",
}
PREFERENCES = {
    "types": {"support_reply": {"in_app": "now", "email": "unread", "push": "now"}},
    "quiet_hours": {"from": "22:00", "to": "07:00", "time_zone": "Asia/Baghdad"},
    "allowed": {
        "support_reply": {
            "in_app": ["now", "off"],
            "email": ["now", "unread", "off"],
            "push": ["now", "unread", "off"],
        }
    },
}
PREFERENCES_DATA = {
    "types": serializers.DictField(child=ChannelsData()),
    "quiet_hours": QuietHoursData(allow_null=True),
    "allowed": serializers.DictField(child=AllowedData()),
}

list_notifications = documented(
    "GET messaging/notifications",
    "listNotifications",
    "Read my notifications",
    description="One's own, newest first; texts in the language of the request. `unread_count` is of all of them.",
    message="Notifications retrieved",
    parameters=[
        *page_parameters(MOST),
        OpenApiParameter("read_status", {"type": "string", "enum": ["true", "false"]}, description="Only these."),
        OpenApiParameter("notification_type", component("NotificationType")),
    ],
    data={
        "notifications": NotificationData(many=True),
        "unread_count": serializers.IntegerField(min_value=0),
        "pagination": NotificationPaginationData(),
    },
    example={"notifications": [NOTIFICATION], "unread_count": 1, "pagination": PAGINATION_EXAMPLE},
    refusals=[*TOKENS, InvalidInput({"read_status": ["invalid_choice"]})],
)
mark_notifications_read = documented(
    "PUT messaging/notifications/mark-read",
    "markNotificationsRead",
    "Mark notifications as read",
    description="These, or one and all older, or all where nothing is said. Where one is not one's own none is marked. "
    "Reading a conversation marks what tells of it.",
    message="Notifications marked as read",
    body=MarkReadBody,
    body_examples={"Two": {"notification_ids": [NOTIFICATION["id"]]}, "Up to one": {"up_to": NOTIFICATION["id"]}},
    data={"marked": serializers.IntegerField(min_value=0), "unread_count": serializers.IntegerField(min_value=0)},
    example={"marked": 1, "unread_count": 0},
    refusals=[*TOKENS, NotificationNotFound()],
)
preferences = documented(
    "GET messaging/notifications/preferences",
    "getNotificationPreferences",
    "How I want to be told",
    description="By type and way: `now`, `unread` (once its window is over, if it has not been read) or `off`; and "
    "what may be set. Mail and push wait in quiet hours.",
    message="Preferences retrieved",
    data=PREFERENCES_DATA,
    example=PREFERENCES,
    refusals=TOKENS,
)
change_preferences = documented(
    "PUT messaging/notifications/preferences",
    "updateNotificationPreferences",
    "Change how I want to be told",
    description="What is left out stays; `quiet_hours: null` ends them.",
    message="Preferences updated",
    body=PreferencesBody,
    body_examples={"No mail of answers": {"types": {"support_reply": {"email": "off"}}}},
    data=PREFERENCES_DATA,
    example=PREFERENCES,
    refusals=[*TOKENS, InvalidInput({"types.support_reply.email": ["invalid_choice"]})],
)
