"""Writing notifications, and marking them as read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.notifications.dispatches import dispatches_of
from ondi.notifications.errors import NotificationNotFound
from ondi.notifications.models import Dispatch, Notification
from ondi.notifications.preferences import preferences_of
from ondi.notifications.types import TYPES, Channel, When

KEPT = timedelta(days=90)
MOST_PEOPLE = 50  # whom one event is told to


def tell(notifications: Sequence[Notification]) -> list[Notification]:
    """Write those that their people want to have, of one tenant; which these are. What was told before stays as it is.

    Needs the tenant in scope. Who may know of it, and has not read it yet, is the caller's to say.
    """
    if not notifications:
        return []
    wishes = preferences_of(notifications[0].tenant_id, {one.membership_id for one in notifications})
    wanted = []
    for one in notifications:
        kind, wish = TYPES[one.notification_type], wishes[one.membership_id]
        whens = {channel: wish.when(kind, channel) for channel in Channel}
        one.is_listed = whens[Channel.IN_APP] is When.NOW
        if set(whens.values()) != {When.OFF}:
            wanted.append(one)
    known = _known(wanted)
    new = [one for one in wanted if (one.membership_id, one.position) not in known]
    Notification.objects.bulk_create(new)
    Dispatch.objects.bulk_create([part for one in new for part in dispatches_of(one, wishes[one.membership_id])])
    return new


def _known(notifications: Sequence[Notification]) -> set[tuple[UUID, int | None]]:
    """Which were written before: a subscriber may be given the same events again, by one process at a time."""
    told = Notification.objects.in_tenants([one.tenant_id for one in notifications[:1]])
    found = told.filter(position__in={one.position for one in notifications if one.position is not None})
    return set(found.values_list("membership_id", "position"))


@dataclass(frozen=True, slots=True)
class Marked:
    """How many were marked, and how many are unread still."""

    marked: int
    unread: int


@transaction.atomic
def mark_notifications_read(
    *, actor: Actor, ids: Collection[UUID] | None = None, up_to: UUID | None = None, at: datetime | None = None
) -> Marked:
    """Mark these of the actor's own, or one and all older, or all of them; what is read already stays as it is.

    Raises `NotificationNotFound` where one is not theirs to see; then none is marked.
    """
    at = at or timezone.now()
    own = Notification.objects.listed_for(actor, at=at)
    wanted = own
    if ids is not None:
        if own.filter(id__in=ids).count() != len(set(ids)):
            raise NotificationNotFound
        wanted = own.filter(id__in=ids)
    elif up_to is not None:
        last = own.filter(id=up_to).first()
        if last is None:
            raise NotificationNotFound
        wanted = own.up_to(last)
    marked = wanted.unread().update(read_at=at)
    return Marked(marked, own.unread().count())


_READ_BEFORE = """
UPDATE notifications_notification AS told SET read_at = said.at
FROM unnest(%s::uuid[], %s::uuid[], %s::integer[], %s::timestamptz[]) AS said (person, conversation, place, at)
WHERE told.tenant_id = %s AND told.membership_id = said.person AND told.conversation_id = said.conversation
    AND told.read_at IS NULL AND COALESCE(told.sequence < said.place, told.created_at <= said.at)
"""


@dataclass(frozen=True, slots=True)
class Said:
    """The last that somebody said in a conversation: which message of it, counted from 1, and when."""

    membership_id: UUID
    conversation_id: UUID
    sequence: int
    at: datetime


def mark_read_before(*, tenant_id: UUID, said: Sequence[Said]) -> None:
    """Who said something has read what stood before it. One statement, none where nobody said anything."""
    if said:
        columns = [[getattr(one, name) for one in said] for name in Said.__slots__]
        with connection.cursor() as cursor:
            cursor.execute(_READ_BEFORE, [*columns, tenant_id])
