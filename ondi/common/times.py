"""Times as they come from outside and as they are shown: one reading of them for every door."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import get_language_bidi

IN_WORDS = "j M Y, H:i"

# What a calendar of orders and people can mean. Beyond it stand dates for "never", and no zone can shift those.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
WIDEST_OFFSET = timedelta(hours=14)
AHEAD = timedelta(days=1)  # so far a source's clock may be ahead of ours

# How a time says its zone: Z, UTC, +03:00, +0300, +03, GMT+0300 (Arabian Standard Time), +03:00[Asia/Baghdad],
# a name of the IANA database, or letters such as EST.
_ZONE = re.compile(
    r"\s*(?:(?<![A-Za-z])(?:GMT|UTC)?(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?(?::?(?P<seconds>\d\d))?(?!\d)"
    r"(?:\s*\([^()]*\)|\s*\[[^][]*\])?"
    r"|(?<![A-Za-z])(?P<name>[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*)(?![A-Za-z]))"
)
# The same, written out in a form of `strptime`.
_ZONE_WORD = re.compile(r"\s*(?<![A-Za-z])(?:Z|UTC|GMT)(?![A-Za-z])|\s*[+-]\d\d:?\d\d$")
_UTC_NAMES = frozenset({"Z", "UTC", "GMT"})


class TimeRefused(ValueError):
    """A text that is no time we can keep; the text says why."""


@dataclass(frozen=True, slots=True)
class ReadTime:
    """A moment, and what a clock change did to the local time it was written in."""

    moment: datetime
    was_skipped: bool = False  # that local time did not exist; moved forward by the change
    was_twice: bool = False  # that local time came twice; the first is taken


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with six decimals and `Z`; None stays None."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def within_reach(moment: datetime) -> datetime | None:
    """This moment in UTC where it lies between 1900 and 2199; None for any other. Every date from outside asks here."""
    try:
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if EARLIEST <= moment <= LATEST else None


def is_ahead(moment: datetime, now: datetime) -> bool:
    """Whether a source names a time of writing that no clock can have shown yet: more than a day from now."""
    return moment > now + AHEAD


def parse_instant(text: object) -> datetime | None:
    """A moment from ISO 8601 with a zone, between 1900 and 2199; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return within_reach(moment) if moment.tzinfo else None


@dataclass(frozen=True, slots=True)
class TimeForm:
    """How a file writes times: a form of `strptime` that names year, month and day, and the zone of those without one.

    A zone that a time names itself counts, whether or not the form has a place for it.
    """

    form: str
    zone: ZoneInfo
    local_form: str

    @classmethod
    def of(cls, form: str, zone: ZoneInfo) -> "TimeForm":
        """Raises `ValueError` where the form is none, or leaves the day open."""
        local_form = _without_zone(form)
        sample = datetime(1987, 10, 23, 21, 45, 56)  # noqa: DTZ001 - a local time
        if _local_time(sample.strftime(local_form), local_form).date() != sample.date():
            raise ValueError("it does not name year, month and day")
        return cls(form, zone, local_form)

    def read(self, text: str) -> ReadTime:
        """The moment this text means. Raises `TimeRefused`."""
        for local, said in self._readings(text):
            read = _in_zone(local, self.zone) if said is None else _in_zone(local, self._zone_said(said, local))
            if read is None:
                raise TimeRefused("is not between 1900 and 2199")
            return read
        raise TimeRefused(f"is not a time of the form {self.form}")

    def _readings(self, text: str) -> Iterator[tuple[datetime, re.Match[str] | None]]:
        """The local time without a zone; else without what may be one, from the end."""
        if (local := self._local(text)) is not None:
            yield local, None
        for found in reversed(list(_ZONE.finditer(text))):
            if (local := self._local(text[: found.start()] + text[found.end() :])) is not None:
                yield local, found

    def _local(self, text: str) -> datetime | None:
        try:
            return _local_time(text.strip(), self.local_form)
        except ValueError:
            return None

    def _zone_said(self, said: re.Match[str], local: datetime) -> tzinfo:
        name = said["name"]
        if name is None:
            hours, minutes, seconds = (int(said[part] or 0) for part in ("hours", "minutes", "seconds"))
            offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
            if offset > WIDEST_OFFSET or minutes > 59 or seconds > 59:
                raise TimeRefused(f"names an offset that no zone has: {said[0].strip()}")
            return timezone(-offset if said["sign"] == "-" else offset)
        if name.upper() in _UTC_NAMES:
            return UTC
        if name in _zone_names() and "/" in name:
            return ZoneInfo(name)
        # Letters such as IST mean several zones; they count where the file's own zone goes by them.
        for fold in (0, 1):
            here = local.replace(tzinfo=self.zone, fold=fold)
            if here.tzname() == name and (offset_here := here.utcoffset()) is not None:
                return timezone(offset_here)
        raise TimeRefused(f"names a zone we do not know for certain: {name}")


def _local_time(text: str, form: str) -> datetime:
    return datetime.strptime(text, form)  # noqa: DTZ007 - the zone comes after


def _without_zone(form: str) -> str:
    pieces = [piece for piece in re.split(r"(%.)", form) if piece not in ("%z", "%Z")]
    return "".join(piece if piece.startswith("%") else _ZONE_WORD.sub("", piece) for piece in pieces).strip()


def _in_zone(local: datetime, zone: tzinfo) -> ReadTime | None:
    first, second = (within_reach(local.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if first is None or second is None:
        return None
    skipped = first.astimezone(zone).replace(tzinfo=None, fold=0) != local
    return ReadTime(first, was_skipped=skipped, was_twice=not skipped and first != second)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def find_zone(name: str) -> ZoneInfo | None:
    """The zone of this name in the IANA database, as Asia/Baghdad; None where there is none."""
    return ZoneInfo(name) if name in _zone_names() else None


def in_words(moment: datetime, form: str = IN_WORDS, *, zone: tzinfo | None = None, named: bool = False) -> str:
    """A moment as people read it, in the active language, and in this time zone or the active one.

    `named`: the zone stands behind it. Platforms send 9999-12-31 or 0001-01-01 for "never": what the zone would
    move out of the calendar is shown in UTC, and named so.
    """
    try:
        shown = localtime(moment, zone)
    except OverflowError:
        shown, named = moment.astimezone(UTC), True
    words = date_format(shown, form)
    if get_language_bidi():
        words = words.replace(",", "،")
    return f"{words} {shown.tzinfo}" if named else words
