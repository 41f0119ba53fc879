"""The queue's own tabs, and the orders its tickets can stand in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, SmallIntegerField, When
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ondi.notifications.models import Notification
from ondi.notifications.querysets import NotificationQuerySet
from support.notices import MENTION
from support.querysets import DUE_FIRST, TicketQuerySet, newest_of
from support.queue.reader import Reader
from support.vocabulary import Priority

Order = tuple[Any, ...]
_RANK = Case(
    *(When(priority=priority.value, then=priority.rank) for priority in Priority), output_field=SmallIntegerField()
)
DUE, NEWEST = "due", "newest"
FIRST_LABEL = _("Longest waiting")
LONGEST_WAITING = ("waiting_on", "waiting_since", "id")  # without the state, which the index over open ones has not
SORTS: Mapping[str, tuple[str | Promise, Order]] = {
    "priority": (_("Priority"), (_RANK.desc(), *LONGEST_WAITING)),
    DUE: (_("Due first"), DUE_FIRST),
    NEWEST: (_("Newest activity"), ("-last_activity_at", "-id")),
}


@dataclass(frozen=True, slots=True)
class Tab:
    """`order`, `order_label`: how it stands where nothing else is asked for; `sorts`: what can be asked for.

    `mixes`: it has open and closed tickets, so each row says which.
    """

    label: str | Promise
    rows: Callable[[TicketQuerySet, Reader], TicketQuerySet]
    order: Order | Callable[[Reader], Order] = LONGEST_WAITING
    order_label: str | Promise = FIRST_LABEL
    sorts: tuple[str, ...] = ("priority", DUE, NEWEST)
    mixes: bool = False

    def order_for(self, reader: Reader) -> Order:
        return self.order(reader) if callable(self.order) else self.order


def _mentions(reader: Reader) -> NotificationQuerySet:
    return Notification.objects.telling(reader, reader.membership_ids, MENTION)


TABS = {
    "unassigned": Tab(_("Unassigned"), lambda tickets, reader: tickets.open().unassigned().not_snoozed(reader.now)),
    "mine": Tab(
        _("Mine"),
        lambda tickets, reader: tickets.open().assigned_to(reader.membership_ids).not_snoozed(reader.now),
    ),
    "mentioned": Tab(
        _("Mentioned"), lambda tickets, reader: tickets.told_of_by(_mentions(reader)),
        lambda reader: (newest_of(_mentions(reader)), "id"), _("Newest mention"), (), mixes=True,
    ),
    "open": Tab(_("All open"), lambda tickets, _reader: tickets.open()),
    "snoozed": Tab(
        _("Snoozed"), lambda tickets, reader: tickets.snoozed(reader.now), ("snoozed_until", "id"), _("Back soonest"),
    ),
    "closed": Tab(
        _("Closed"), lambda tickets, _reader: tickets.closed(), ("-closed_at", "-id"), _("Closed last"), (),
    ),
}  # fmt: skip
EVERYTHING = Tab(
    _("All"), lambda tickets, _reader: tickets, ("-status", *LONGEST_WAITING), sorts=(DUE, NEWEST), mixes=True
)
