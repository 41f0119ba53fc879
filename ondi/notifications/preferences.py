"""How somebody wants to be told: which types by which ways, and when mail and push wait. API.md, section 11."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from django.db import transaction
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.common.errors import InvalidInput
from ondi.notifications.models import Dispatch, NotificationPreferences
from ondi.notifications.types import Channel, NotificationType, When, types_for

CLOCK = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]")
HOURS = ("from", "to", "time_zone")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From this time of the day until that, the next day where it is the earlier one, as clocks there show it."""

    begin: time
    end: time
    zone: ZoneInfo

    def over_at(self, at: datetime) -> datetime:
        """The moment from which somebody may be told: `at` itself outside the quiet hours, else their end.

        By the clock on the wall: where it is moved, the hours are longer or shorter that night. A time that the clock
        skips is read as if it had not been moved yet (RFC 5545), of one that it shows twice the first counts.
        """
        today = at.astimezone(self.zone).date()
        for day in (today - timedelta(days=1), today):
            last_day = day + timedelta(days=1) if self.end <= self.begin else day
            if self._moment(day, self.begin) <= at < (over := self._moment(last_day, self.end)):
                return over
        return at

    def _moment(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(timezone.get_default_timezone())


@dataclass(frozen=True, slots=True)
class Preferences:
    """Somebody's, complete: what their document does not say is at its default."""

    types: Mapping[str, Mapping[str, str]]
    quiet_hours: Mapping[str, str] | None = None

    def when(self, kind: NotificationType, channel: Channel) -> When:
        """A value that is allowed no longer is at its default."""
        said = self.types.get(kind.name, {}).get(channel, "")
        return When(said) if said in kind.allowed_of(channel) else kind.default_of(channel)

    def told_at(self, at: datetime) -> datetime:
        """When mail and push that are due then go out."""
        quiet = self.quiet_hours
        if not quiet:
            return at
        begin, end = (time.fromisoformat(quiet[name]) for name in ("from", "to"))
        return QuietHours(begin, end, ZoneInfo(quiet["time_zone"])).over_at(at)


DEFAULTS = Preferences({})


def preferences_of(tenant_id: UUID, membership_ids: Collection[UUID]) -> dict[UUID, Preferences]:
    """Of these people, each with theirs. One statement."""
    rows = NotificationPreferences.objects.in_tenants([tenant_id]).filter(membership_id__in=membership_ids)
    found = {row.membership_id: Preferences(row.types, row.quiet_hours) for row in rows}
    return {key: found.get(key, DEFAULTS) for key in membership_ids}


@transaction.atomic
def change_preferences(*, actor: Actor, changes: Mapping[str, Any]) -> Preferences:
    """Set what is said of `types` (by type and channel) and `quiet_hours` (None: none), leave the rest; the outcome.

    What waits to be told is judged anew, by the wishes as they are then. Locks the actor's row, then these dispatches.
    Raises `InvalidInput` on the field at fault; then nothing is changed.
    """
    assert actor.membership_id is not None, "only people have preferences"
    types, hours = changes.get("types", {}), changes.get("quiet_hours")
    if faults := {**_faults_of_types(actor, types), **_faults_of_hours(hours or {})}:
        raise InvalidInput(faults)
    own = NotificationPreferences.objects.select_for_update(of=("self",), no_key=True)
    row, _is_new = own.get_or_create(tenant_id=actor.tenant_id, membership_id=actor.membership_id)
    row.types |= {name: {**row.types.get(name, {}), **said} for name, said in types.items()}
    if "quiet_hours" in changes:
        row.quiet_hours = hours and {name: hours[name] for name in HOURS}
    row.save()
    waiting = Dispatch.objects.waiting_for(actor.tenant_id, actor.membership_id).locked().values_list("id", flat=True)
    Dispatch.objects.in_tenants([actor.tenant_id]).filter(id__in=list(waiting)).update(due_at=timezone.now())
    return Preferences(row.types, row.quiet_hours)


@transaction.atomic
def switch_off(*, tenant_id: UUID, membership_id: UUID, types: Collection[NotificationType], channel: Channel) -> None:
    """Tell somebody of these types by this channel no more. Locks their row."""
    own = NotificationPreferences.objects.select_for_update(of=("self",), no_key=True)
    row, _is_new = own.get_or_create(tenant_id=tenant_id, membership_id=membership_id)
    row.types |= {one.name: {**row.types.get(one.name, {}), channel.value: When.OFF.value} for one in types}
    row.save()


def _faults_of_types(actor: Actor, types: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    known = {one.name: one for one in types_for(actor.role)}
    faults = {}
    for name, said in types.items():
        if name not in known:
            faults[f"types.{name}"] = ["invalid_choice"]
            continue
        for channel, value in said.items():
            if value not in known[name].allowed_of(Channel(channel)):
                faults[f"types.{name}.{channel}"] = ["invalid_choice"]
    return faults


def _faults_of_hours(hours: Mapping[str, str]) -> dict[str, list[str]]:
    """Nothing of none. Hours that begin when they end would be all day or never: refused."""
    if not hours:
        return {}
    faults = {f"quiet_hours.{name}": ["invalid"] for name in ("from", "to") if not CLOCK.fullmatch(hours[name])}
    if hours["from"] == hours["to"]:
        faults["quiet_hours.to"] = ["invalid"]
    if hours["time_zone"] not in available_timezones():
        faults["quiet_hours.time_zone"] = ["invalid_choice"]
    return faults
