"""Which mails notifications make: one a person and subject, once its window is over; judged again when it is sent.

It goes when the window of the last is over, ten minutes after the first at the latest, and at once with one that is
to be told at once. What was read is told no more.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from ondi.notifications.dispatches import dispatches_due, goes_at, reason_against
from ondi.notifications.mails import Drop, Later, queue_mail
from ondi.notifications.models import Dispatch, Mail, Notification
from ondi.notifications.preferences import Preferences, preferences_of
from ondi.notifications.types import TYPES, Channel, When
from ondi.outbox.outgoing import Outgoing, gate
from ondi.tenants.scope import tenant_scope

PURPOSE = "notifications"
JOINS_FOR = timedelta(minutes=10)


def gather_mails(*, at: datetime | None = None) -> int:
    """Put what is due into mails, a tenant at a time in a transaction of its own; how many were looked at."""
    at, looked_at = at or timezone.now(), 0
    for tenant_id, keys in dispatches_due(Channel.EMAIL, gate(Outgoing.EMAIL), at):
        looked_at += len(keys)
        with tenant_scope(tenant_id):
            _gather(tenant_id, keys, at)
    return looked_at


def _gather(tenant_id: UUID, keys: Sequence[UUID], at: datetime) -> None:
    """Locks dispatches, also those that join, waiting for who holds one of them: what belongs into one mail is not
    divided among two workers. Then what they tell of.
    """
    waiting = Dispatch.objects.in_tenants([tenant_id]).waiting().filter(channel=Channel.EMAIL)
    due = waiting.filter(id__in=keys).values_list("notification__membership_id", "notification__subject_id")
    subjects = set(due)
    joins = Q(
        notification__membership_id__in={person for person, _subject in subjects},
        notification__subject_id__in={subject for _person, subject in subjects},
    )
    joining = waiting.filter(joins | Q(id__in=keys))
    held = {one.notification_id: one for one in joining.locked()}
    told = Notification.objects.in_tenants([tenant_id]).filter(id__in=held).select_related("membership").locked()
    wishes = preferences_of(tenant_id, {one.membership_id for one in told})
    groups: dict[tuple[UUID, UUID | None], list[Dispatch]] = defaultdict(list)
    for notification in told:
        dispatch = held[notification.id]
        dispatch.notification = notification
        groups[notification.membership_id, notification.subject_id].append(dispatch)
    for key in subjects & groups.keys():
        _gather_one(groups[key], wishes[key[0]], at)
    Dispatch.objects.bulk_update(held.values(), ["state", "reason", "due_at", "done_at", "mail"])


def _gather_one(dispatches: Sequence[Dispatch], wish: Preferences, at: datetime) -> None:
    open_ones = []
    for one in dispatches:
        if reason := reason_against(one.notification, one, wish, at):
            one.state, one.reason, one.done_at = Dispatch.State.DROPPED, reason, at
        else:
            open_ones.append(one)
    if not open_ones:
        return
    told_at = wish.told_at(max(at, _mail_goes_at(open_ones, wish)))
    if told_at > at:
        for one in open_ones:
            one.due_at = max(one.due_at, told_at)
        return
    first = open_ones[0].notification
    mail = queue_mail(
        tenant_id=first.tenant_id,
        membership_id=first.membership_id,
        purpose=PURPOSE,
        subject_id=first.subject_id,
        at=at,
    )
    for one in open_ones:
        one.state, one.mail = Dispatch.State.IN_MAIL, mail


def _mail_goes_at(dispatches: Sequence[Dispatch], wish: Preferences) -> datetime:
    """When a mail that tells of these goes."""
    told = [one.notification for one in dispatches]
    at_once = [one.shown_at for one in told if _when(one, wish) is When.NOW]
    last = max(goes_at(one, Channel.EMAIL, wish) for one in told)
    longest = min(one.shown_at for one in told) + JOINS_FOR
    earliest: datetime = min([last, longest, *at_once])
    return earliest


def _when(notification: Notification, wish: Preferences) -> When:
    return wish.when(TYPES[notification.notification_type], Channel.EMAIL)


def still_to_tell(mail: Mail, at: datetime) -> list[Notification] | Drop | Later:
    """What a mail tells of: the rest was read or switched off since. Locks the notifications."""
    dispatches = Dispatch.objects.in_tenants([mail.tenant_id]).filter(mail=mail, state=Dispatch.State.IN_MAIL)
    held = {one.notification_id: one for one in dispatches.locked()}
    told = Notification.objects.in_tenants([mail.tenant_id]).filter(id__in=held).select_related("membership").locked()
    wish = preferences_of(mail.tenant_id, [mail.membership_id])[mail.membership_id]
    open_ones, reason = [], "read"
    for notification in told:
        one = held[notification.id]
        if found := reason_against(notification, one, wish, at):
            one.state, one.reason, one.done_at = Dispatch.State.DROPPED, found, at
            reason = found
        else:
            open_ones.append(notification)
    Dispatch.objects.bulk_update(held.values(), ["state", "reason", "done_at"])
    if not open_ones:
        return Drop(reason)
    quiet_until = wish.told_at(at)
    return Later(quiet_until) if quiet_until > at else open_ones
