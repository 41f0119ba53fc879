"""Automatic closing, as far as settings know of it: since when it counts, and what a change of it touches.

Which tickets these are says the app above, once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ondi.accounts.models import SettingsChange
from ondi.common.errors import InvalidInput
from support.settings.portal import Portal

DAYS, WARNING_DAYS = "auto_close_days", "auto_close_warning_days"
FEWEST_DAYS = 3


@dataclass(frozen=True, slots=True)
class Touched:
    """Open tickets that have been silent for so long today: how many, and the numbers of the first."""

    count: int = 0
    first: Sequence[int] = ()


# Of this tenant, those that have been silent for so many days.
FindSilent = Callable[[UUID, int], Touched]
_finders: list[FindSilent] = []


def finds_silent(find: FindSilent) -> FindSilent:
    """Let the app above say which tickets are silent, in place of what was registered before."""
    _finders[:] = [find]
    return find


def begins_anew(before: int, after: int) -> bool:
    """Whether silence counts from the change of `auto_close_days`: it is switched on, or made shorter."""
    return after > 0 and (before == 0 or after < before)


def counts_since(tenant_id: UUID) -> datetime | None:
    """When that last was, as the history of the settings says; None: never."""
    changes = SettingsChange.objects.filter(tenant_id=tenant_id, after__has_key=DAYS).order_by("-created_at", "-id")
    return next((one.created_at for one in changes if begins_anew(one.before[DAYS], one.after[DAYS])), None)


def closing_faults(before: Portal, after: Portal) -> dict[str, list[str]]:
    """What does not fit in how tickets will be closed, by field; nothing where that stays as it is."""
    days, warning_days = after.auto_close_days, after.auto_close_warning_days
    if days == 0 or (days, warning_days) == (before.auto_close_days, before.auto_close_warning_days):
        return {}
    if days < FEWEST_DAYS:
        return {DAYS: ["min_value"]}
    return {WARNING_DAYS: ["max_value"]} if warning_days >= days else {}


def touched_by(tenant_id: UUID, before: Portal, after: Portal) -> Touched:
    """What a change of settings touches today; nothing where silence does not count anew from it."""
    if not begins_anew(before.auto_close_days, after.auto_close_days):
        return Touched()
    (find,) = _finders
    return find(tenant_id, after.auto_close_days)


def refuse_closing(tenant_id: UUID, before: Portal, after: Portal, *, confirmed: bool) -> None:
    """Raises `InvalidInput` for what does not fit, and for what touches open tickets, unless that is `confirmed`."""
    if faults := closing_faults(before, after):
        raise InvalidInput(faults)
    if not confirmed and touched_by(tenant_id, before, after).count:
        raise InvalidInput({"confirm": ["required"]})
