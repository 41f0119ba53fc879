"""What goes out through channels beside the app: when it is due, and judged again when it is.

Push is the platform's: what is due is published, and its programs tell their devices.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from ondi.common.prepared import insert_rows
from ondi.notifications.models import Dispatch, Notification
from ondi.notifications.preferences import Preferences, preferences_of
from ondi.notifications.types import TYPES, Channel, When
from ondi.outbox.models import Entry
from ondi.outbox.outgoing import Gate, Outgoing, due_by_tenant, gate
from ondi.outbox.publishing import entry, register
from ondi.tenants.scope import tenant_scope

DUE = "notification.due"
AT_ONCE = 500
USELESS_AFTER = timedelta(hours=24)

register(DUE, ["notification_id"])


def dispatches_of(notification: Notification, wishes: Preferences) -> list[Dispatch]:
    """Unsaved, one for each way that is open now."""
    kind = TYPES[notification.notification_type]
    return [
        Dispatch(
            tenant_id=notification.tenant_id,
            notification=notification,
            channel=channel,
            due_at=wishes.told_at(goes_at(notification, channel, wishes)),
        )
        for channel in (Channel.EMAIL, Channel.PUSH)
        if wishes.when(kind, channel) is not When.OFF
    ]


def goes_at(notification: Notification, channel: Channel, wishes: Preferences) -> datetime:
    """When it goes out, as its reader wishes now; quiet hours not counted."""
    kind = TYPES[notification.notification_type]
    waits = wishes.when(kind, channel) is When.UNREAD
    return notification.shown_at + kind.window if waits else notification.shown_at


def dispatches_due(channel: Channel, way: Gate, at: datetime) -> Iterator[tuple[UUID, list[UUID]]]:
    """By tenant, which dispatches are due; none where nothing may go out."""
    return due_by_tenant(way, "ondi_dispatches_due", channel.value, at, AT_ONCE)


def push_due(*, at: datetime | None = None) -> int:
    """Publish the pushes that are due, a tenant at a time in a transaction of its own; how many were looked at."""
    at, looked_at = at or timezone.now(), 0
    for tenant_id, keys in dispatches_due(Channel.PUSH, gate(Outgoing.PUSH), at):
        looked_at += len(keys)
        with tenant_scope(tenant_id):
            _push(tenant_id, keys, at)
    return looked_at


def _push(tenant_id: UUID, keys: Sequence[UUID], at: datetime) -> None:
    """Locks the dispatches, passing over those that others hold, then what they tell of: nobody reads it meanwhile."""
    waiting = Dispatch.objects.in_tenants([tenant_id]).waiting().filter(id__in=keys)
    held = {one.notification_id: one for one in waiting.free()}
    told = Notification.objects.in_tenants([tenant_id]).filter(id__in=held).select_related("membership").locked()
    wishes = preferences_of(tenant_id, {one.membership_id for one in told})
    published = []
    for notification in told:
        dispatch, wish = held[notification.id], wishes[notification.membership_id]
        told_at = wish.told_at(max(at, goes_at(notification, Channel.PUSH, wish)))
        if reason := reason_against(notification, dispatch, wish, at):
            dispatch.state, dispatch.reason, dispatch.done_at = Dispatch.State.DROPPED, reason, at
        elif told_at > at:
            dispatch.due_at = told_at
        else:
            dispatch.state, dispatch.done_at = Dispatch.State.DONE, at
            published.append(_due(notification, at))
    Dispatch.objects.bulk_update(held.values(), ["state", "reason", "due_at", "done_at"])
    insert_rows(*published)


def _due(notification: Notification, at: datetime) -> Entry:
    said = {"notification_id": notification.id}
    return entry(DUE, tenant_id=notification.tenant_id, at=at, person_id=notification.membership_id, data=said)


def reason_against(notification: Notification, dispatch: Dispatch, wish: Preferences, at: datetime) -> str:
    """Why it is not told, in a code; empty where it is."""
    if notification.read_at is not None:
        return "read"
    if notification.membership.ended_at is not None:
        return "left"
    if wish.when(TYPES[notification.notification_type], Channel(dispatch.channel)) is When.OFF:
        return "switched_off"
    return "too_old" if dispatch.due_at < at - USELESS_AFTER else ""
