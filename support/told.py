"""Who was told what of a ticket, by which way and when, or why not; for staff."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from conversations.models import Message, Participant, SenderRole
from ondi.notifications.models import Dispatch, Notification
from ondi.notifications.types import Channel
from support.models import Ticket
from support.notices import REPLY, title_for_staff

SHOWN = 200
REASONS: dict[str, str | Promise] = {
    "read": _("not sent: was read before"),
    "switched_off": _("switched off"),
    "left": _("not sent: has left"),
    "too_old": _("not sent: too old by then"),
    "no_address": _("not sent: no address"),
    "suppressed": _("not sent: mails to this address came back"),
    "refused": _("the address was refused"),
    "rejected": _("the mail was rejected"),
    "not_configured": _("not sent: no mail server"),
    "purged": _("not sent: the ticket was purged"),
}
OFF, WAITING, SENT = REASONS["switched_off"], _("waits"), _("sent")
IN_LIST, READ, READ_BEFORE, NOBODY = (
    _("not read yet"),
    _("read"),
    _("was read before"),
    _("nobody: it had no agent"),
)
UNTOLD = _("not told")


@dataclass(frozen=True, slots=True)
class Way:
    """What became of it by one channel: `when` it did, or will."""

    outcome: str | Promise
    when: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One person and event. `ways`: in the app, by mail, by push."""

    at: datetime
    what: str
    who: str
    ways: Sequence[Way]


def told_of(ticket: Ticket) -> list[Told]:
    """The newest first, with the messages of which somebody was told nothing. Four statements."""
    own = [ticket.tenant_id]
    notifications = list(
        Notification.objects.in_tenants(own)
        .filter(subject_id=ticket.id)
        .select_related("membership")
        .newest_first()[:SHOWN]
    )
    dispatches: dict[UUID, dict[str, Dispatch]] = defaultdict(dict)
    for one in Dispatch.objects.in_tenants(own).filter(notification__in=[one.id for one in notifications]):
        dispatches[one.notification_id][one.channel] = one
    told = [
        Told(
            one.created_at,
            title_for_staff(one.notification_type, one.data["number"]),
            str(one.membership),
            [_in_app(one), *_outside(dispatches[one.id])],
        )
        for one in notifications
    ]
    since = notifications[-1].created_at if len(notifications) == SHOWN else ticket.created_at
    return sorted([*told, *_untold(ticket, notifications, since)], key=lambda one: one.at, reverse=True)


def _in_app(one: Notification) -> Way:
    if not one.is_listed:
        return Way(OFF)
    return Way(READ, one.read_at) if one.read_at else Way(IN_LIST)


def _outside(found: dict[str, Dispatch]) -> Iterator[Way]:
    for channel in (Channel.EMAIL, Channel.PUSH):
        one = found.get(channel.value)
        if one is None:
            yield Way(OFF)
        elif one.state == Dispatch.State.DONE:
            yield Way(SENT, one.done_at)
        elif one.state == Dispatch.State.DROPPED:
            yield Way(REASONS.get(one.reason, one.reason), one.done_at)
        else:
            yield Way(WAITING, one.due_at)


def _untold(ticket: Ticket, notifications: Sequence[Notification], since: datetime) -> Iterator[Told]:
    """Messages of people that nobody was told of, and why."""
    of_messages = {one.message_id for one in notifications}
    messages = Message.objects.in_tenants([ticket.tenant_id]).filter(conversation=ticket.conversation_id)
    said = messages.filter(created_at__gte=since).exclude(sender_role=SenderRole.SYSTEM).order_by("-sequence")[:SHOWN]
    parts = Participant.objects.in_tenants([ticket.tenant_id]).filter(conversation=ticket.conversation_id)
    (read_to,) = parts.filter(membership=ticket.requester_id).values_list("last_read_sequence", flat=True) or (0,)
    for one in said:
        if one.id in of_messages or one.sequence == 1:  # with the first the ticket was opened
            continue
        if one.sender_role == SenderRole.CUSTOMER:
            yield Told(one.created_at, str(_("Message of the customer")), "", [Way(NOBODY)])
        else:
            title = title_for_staff(REPLY, ticket.number)
            outcome = READ_BEFORE if one.sequence <= read_to else UNTOLD
            yield Told(one.created_at, title, str(ticket.requester), [Way(outcome)])
