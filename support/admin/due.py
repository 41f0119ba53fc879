"""What is promised of a ticket, in words: "answer due in 25 minutes, 14:30"."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from ondi.common.times import in_words
from support.models import Ticket, TicketClock
from support.vocabulary import Metric, Outcome

NEAR = timedelta(minutes=30)
LONGER = timedelta(days=300)  # so far ahead a year is said too


@dataclass(frozen=True, slots=True)
class Due:
    """`state`: `late`, `near`, `met` or empty; how it looks."""

    text: str
    state: str = ""


def due_of(ticket: Ticket, now: datetime, zone: ZoneInfo) -> Due | None:
    """What is due first of a ticket; None where nothing runs."""
    if ticket.due_at is None:
        return None
    is_answer = ticket.reply_due_at == ticket.due_at
    return _due(ticket.due_at, now, zone, is_answer=is_answer)


def promises_of(clocks: Iterable[Mapping[str, Any]], now: datetime, zone: ZoneInfo) -> list[tuple[str, Due]]:
    """Each promise of a ticket that counts, the newest of its kind, and how it stands. `clocks`: as `as_json` gives."""
    newest = {clock["metric"]: _clock(clock) for clock in clocks}
    shown = ((Metric(name), clock) for name, clock in newest.items())
    return [(str(metric.label), due) for metric, clock in shown if (due := _of_clock(clock, now, zone))]


def _clock(shown: Mapping[str, Any]) -> TicketClock:
    moments = {name: parse_datetime(shown[name] or "") for name in ("due_at", "running_since")}
    target = None if shown["target"] is None else timedelta(seconds=shown["target"])
    return TicketClock(
        metric=shown["metric"], outcome=shown["outcome"], spoiled_by=shown["spoiled_by"], target=target, **moments
    )


def _of_clock(clock: TicketClock, now: datetime, zone: ZoneInfo) -> Due | None:
    if clock.outcome == Outcome.MET:
        return Due(_("met"), "met")
    if clock.outcome == Outcome.MISSED or (clock.due_at and clock.due_at < now and not clock.outcome):
        assert clock.due_at is not None
        since = _clock_time(clock.due_at, now, zone)
        if clock.spoiled_by:
            cause = str(clock.get_spoiled_by_display())
            return Due(_("missed %(time)s (%(cause)s)") % {"time": since, "cause": cause}, "late")
        return Due(_("missed %(time)s") % {"time": since}, "late")
    if clock.outcome or clock.target is None:
        return None
    if clock.running_since is None:
        return Due(_("paused"))
    if clock.due_at is None:
        return Due(_("years ahead"))
    return _due(clock.due_at, now, zone, is_answer=clock.metric != Metric.RESOLUTION)


def _due(due_at: datetime, now: datetime, zone: ZoneInfo, *, is_answer: bool) -> Due:
    at = _clock_time(due_at, now, zone)
    if due_at < now:
        since = timesince(due_at, now, depth=1)
        said = (
            _("answer overdue for %(since)s, %(time)s") if is_answer else _("solution overdue for %(since)s, %(time)s")
        )
        return Due(said % {"since": since, "time": at}, "late")
    left = timesince(now, due_at, depth=1)
    said = _("answer due in %(left)s, %(time)s") if is_answer else _("solution due in %(left)s, %(time)s")
    return Due(said % {"left": left, "time": at}, "near" if due_at - now <= NEAR else "")


def _clock_time(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """The time alone where it is today's."""
    local, today = timezone.localtime(moment, zone), timezone.localtime(now, zone).date()
    if local.date() == today:
        return in_words(moment, "H:i", zone=zone)
    return in_words(moment, "j M, H:i" if abs(moment - now) < LONGER else "j M Y, H:i", zone=zone)
