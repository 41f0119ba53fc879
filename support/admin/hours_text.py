"""Open hours as people write them: "09:00-12:00, 13:00-17:00", and a line for each day that differs."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from support.services.promises import LONGEST_EXCEPTION_NAME, MOST_EXCEPTIONS, window_faults
from support.sla.hours import DAY

CLOSED = "closed"
_WINDOW = re.compile(r"(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)")
_LINE = re.compile(r"(\d{4}-\d\d-\d\d)\s+(closed|[\d:\s,–-]+\d)\s*(.*)")
Windows = list[list[int]]


def read_windows(text: str) -> Windows:
    """A day's windows in minutes, an end past midnight above 1440. Raises `ValidationError` with a plain sentence."""
    found = []
    for part in filter(None, (one.strip() for one in text.split(","))):
        match = _WINDOW.fullmatch(part)
        if match is None:
            raise ValidationError(_("“%(text)s” is no time like 09:00-17:00."), params={"text": part}, code="invalid")
        start, end = (int(match[n]) * 60 + int(match[n + 1]) for n in (1, 3))
        if start >= DAY or end > DAY or int(match[2]) > 59 or int(match[4]) > 59:
            raise ValidationError(_("“%(text)s” is no time like 09:00-17:00."), params={"text": part}, code="invalid")
        found.append([start, end + DAY if end < start else end])
    sentences = {
        "empty_window": _("A window needs an end after its beginning."),
        "overlap": _("Two windows of this day overlap."),
        "invalid": _("A window is at most a day long."),
    }
    if faults := window_faults(found):
        raise ValidationError(sentences[faults[0]], code=faults[0])
    return sorted(found)


def write_windows(windows: Sequence[Sequence[int]]) -> str:
    return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in windows)


def _clock(minute: int) -> str:
    minute = minute if minute <= DAY else minute - DAY
    return f"{minute // 60:02}:{minute % 60:02}"


def read_exceptions(text: str) -> dict[str, dict[str, Any]]:
    """A line a day: "2026-12-25 closed Christmas", "2026-12-24 09:00-12:00". Raises `ValidationError`."""
    found: dict[str, dict[str, Any]] = {}
    for line in filter(None, (one.strip() for one in text.splitlines())):
        match = _LINE.fullmatch(line)
        try:
            day = date.fromisoformat(match[1]).isoformat() if match else ""
        except ValueError:
            day = ""
        if match is None or not day:
            raise ValidationError(
                _("“%(line)s” is no line like “2026-12-25 closed Christmas” or “2026-12-24 09:00-12:00”."),
                params={"line": line}, code="invalid",
            )  # fmt: skip
        if day in found:
            raise ValidationError(_("%(day)s stands there twice."), params={"day": day}, code="overlap")
        try:
            windows = [] if match[2] == CLOSED else read_windows(match[2])
        except ValidationError as fault:
            raise ValidationError(f"{day}: {fault.messages[0]}", code=fault.code) from fault
        if len(match[3]) > LONGEST_EXCEPTION_NAME:
            raise ValidationError(_("%(day)s: the name is too long."), params={"day": day}, code="max_length")
        found[day] = {"name": match[3], "windows": windows}
    if len(found) > MOST_EXCEPTIONS:
        raise ValidationError(_("A calendar has at most 500 days that differ."), code="max_length")
    return dict(sorted(found.items()))


def write_exceptions(exceptions: Mapping[str, Mapping[str, Any]]) -> str:
    lines = (
        f"{day} {write_windows(one['windows']) or CLOSED} {one['name']}".rstrip() for day, one in exceptions.items()
    )
    return "\n".join(lines)
