"""What somebody is told: their list, marking it as read, and how they want to be told."""

from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from ondi.accounts.authentication import actor_of
from ondi.api.pagination import requested_page
from ondi.api.responses import success
from ondi.api.views import ApiViewSet, valid_body
from ondi.notifications.models import Notification
from ondi.notifications.preferences import change_preferences, preferences_of
from ondi.notifications.services import mark_notifications_read
from support.api.filters import wanted_of_notifications
from support.api.messaging import notification_docs as docs
from support.api.messaging.notification_data import (
    MOST,
    MarkReadBody,
    PreferencesBody,
    notifications_data,
    preferences_data,
)


class NotificationViewSet(ApiViewSet):
    queryset = Notification.objects.none()

    @docs.list_notifications
    def list(self, request: Request) -> Response:
        actor = actor_of(request)
        page = requested_page(request.query_params, most=MOST)
        own = Notification.objects.listed_for(actor, at=timezone.now())
        wanted = wanted_of_notifications(request)
        counts = own.counts(wanted)
        data = {
            "notifications": notifications_data(page.rows(own.filter(wanted).newest_first()), actor),
            "unread_count": counts["unread"],
            "pagination": page.describe(counts["total"]),
        }
        return success(_("Notifications retrieved"), data)

    @docs.mark_notifications_read
    def mark_read(self, request: Request) -> Response:
        body = valid_body(MarkReadBody, request)
        done = mark_notifications_read(
            actor=actor_of(request), ids=body.get("notification_ids"), up_to=body.get("up_to")
        )
        return success(_("Notifications marked as read"), {"marked": done.marked, "unread_count": done.unread})


class PreferencesViewSet(ApiViewSet):
    @docs.preferences
    def retrieve(self, request: Request) -> Response:
        actor = actor_of(request)
        own = _membership(request)
        found = preferences_of(actor.tenant_id, [own])[own]
        return success(_("Preferences retrieved"), preferences_data(found, actor))

    @docs.change_preferences
    def update(self, request: Request) -> Response:
        actor = actor_of(request)
        changed = change_preferences(actor=actor, changes=valid_body(PreferencesBody, request))
        return success(_("Preferences updated"), preferences_data(changed, actor))


def _membership(request: Request) -> UUID:
    own = actor_of(request).membership_id
    assert own is not None, "tokens are of people in a tenant"
    return own
