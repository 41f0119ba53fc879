"""Times as the API writes and reads them."""

from datetime import UTC, datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with six decimals and `Z`; None stays None."""
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def parse_instant(text: object) -> datetime | None:
    """A moment from ISO 8601 with a zone; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def in_words(moment: datetime) -> str:
    """A moment as people read it, in the time zone and language that are active."""
    return date_format(localtime(moment), "j M Y, H:i")
