"""Moments that people name: in an hour, tomorrow morning."""

from datetime import datetime, timedelta

MORNING = 9  # o'clock
# By what each is called in forms and macros; days begin with their morning.
AFTER = {
    "1h": timedelta(hours=1), "3h": timedelta(hours=3), "1d": timedelta(days=1), "3d": timedelta(days=3),
    "7d": timedelta(days=7),
}  # fmt: skip


def moment_after(name: str, now: datetime) -> datetime:
    """When one of `AFTER` is. `now`: in the zone whose mornings are meant."""
    then = now + AFTER[name]
    return then.replace(hour=MORNING, minute=0, second=0, microsecond=0) if name.endswith("d") else then
