"""What happened to a ticket in the last days, or on one day: the tickets that the dashboard counts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from support.models import TicketEvent
from support.queue.reader import Reader
from support.statistics import PERIODS, first_moment

Within = Mapping[str, datetime]


def _closed(within: Within) -> Q:
    return Q(id__in=TicketEvent.objects.closings().filter(**within).values("ticket_id"))


HAPPENED: dict[str, tuple[str | Promise, Callable[[Within], Q]]] = {
    "opened": (gettext_lazy("opened"), lambda within: Q(**within)),
    "closed": (gettext_lazy("closed"), _closed),
    "answered": (
        gettext_lazy("opened and answered"), lambda within: Q(first_response_at__isnull=False, **within),
    ),
    "resolved": (gettext_lazy("opened and closed"), lambda within: Q(closed_at__isnull=False, **within)),
}  # fmt: skip


def period_value(what: str, when: int | date) -> str:
    """What the filter `period` takes. `when`: the last so many days, or one day."""
    return f"{what}.{when}"


def is_period(value: str) -> bool:
    what, _dot, when = value.partition(".")
    return what in HAPPENED and (when in map(str, PERIODS) or _day(when) is not None)


def happened(values: Sequence[str], reader: Reader) -> Q:
    found = Q()
    for value in values:
        what, _dot, when = value.partition(".")
        found |= HAPPENED[what][1](_within(when, reader))
    return found


def period_in_words(value: str) -> Any:
    what, _dot, when = value.partition(".")
    return f"{HAPPENED[what][0]}, {_in_words(when)}"


def _day(when: str) -> date | None:
    """A day that has a day before and after it."""
    try:
        day = date.fromisoformat(when)
    except ValueError:
        return None
    return day if date.min < day < date.max - timedelta(days=1) else None


def _within(when: str, reader: Reader) -> Within:
    """The conditions on a moment; days begin where the reader is."""
    if (day := _day(when)) is None:
        return {"created_at__gte": first_moment(int(when), reader.zone, reader.now)}
    begin = datetime.combine(day, datetime.min.time(), reader.zone)
    return {"created_at__gte": begin, "created_at__lt": begin + timedelta(days=1)}


def _in_words(when: str) -> str:
    if (day := _day(when)) is not None:
        return date_format(day, "j F Y")
    if when == "1":
        return _("today")
    days = int(when)
    return ngettext("the last %(days)d day", "the last %(days)d days", days) % {"days": days}
