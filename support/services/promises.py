"""Saying what is promised: calendars and policies, in versions that never change."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.common.errors import InvalidInput
from support.criteria import touched_by
from support.errors import CalendarNotFound, PolicyNotFound
from support.models import Calendar, CalendarVersion, Policy, PolicyVersion, TermsRound, Ticket
from support.querysets import TicketQuerySet
from support.services.clocks import hold_clocks, hours_of
from support.settings.services import managing_refusal
from support.sla.hours import DAY
from support.vocabulary import Metric

LONGEST_TARGET = 366 * DAY  # minutes
MOST_POLICIES, MOST_EXCEPTIONS = 100, 500
LONGEST_EXCEPTION_NAME = 100
# Every mistake a form can make is named by where it is: a day of the week, a date, a metric.
Windows = Sequence[Sequence[int]]


@transaction.atomic
def save_calendar(
    *,
    actor: Actor,
    name: str,
    time_zone: str,
    days: Sequence[Windows],
    exceptions: Mapping[str, Mapping[str, Any]],
    calendar_id: UUID | None = None,
    at: datetime | None = None,
) -> Calendar:
    """Make a calendar, or say its hours anew. Promises from now on go by them; what runs goes on by the former ones.

    `days`, `exceptions`: as `CalendarVersion` has them. Nothing changed: no new version. Locks the calendar. Raises
    `CannotManageSettings`, `CalendarNotFound`, and `InvalidInput` for windows that overlap, are empty or go beyond the
    next day, for a week and exceptions that never open, and for too many exceptions.
    """
    if refusal := managing_refusal(actor):
        raise refusal
    faults = {f"day_{number}": ["invalid"] for number, day in enumerate(days) if window_faults(day)}
    faults |= {day: ["invalid"] for day, one in exceptions.items() if window_faults(one["windows"])}
    if not any(days):
        faults.setdefault("days", []).append("required")
    if len(exceptions) > MOST_EXCEPTIONS:
        faults["exceptions"] = ["max_length"]
    if faults:
        raise InvalidInput(faults)
    calendar = _calendar(actor, calendar_id)
    calendar.name = name
    calendar.save()
    newest = calendar.versions.order_by("-number").first()
    said = {"time_zone": time_zone, "days": _plain(days), "exceptions": dict(sorted(exceptions.items()))}
    if newest is None or any(getattr(newest, field) != value for field, value in said.items()):
        CalendarVersion.objects.create(
            tenant_id=actor.tenant_id, calendar=calendar, number=newest.number + 1 if newest else 1,
            actor_id=actor.membership_id, created_at=at or timezone.now(), **said,
        )  # fmt: skip
    return calendar


def close_on(*, actor: Actor, calendar_id: UUID, days: Mapping[date, str]) -> Calendar:
    """Let a calendar be closed on these days, which have names. Locks and raises as `save_calendar`."""
    calendar = Calendar.objects.visible_to(actor).filter(id=calendar_id).first()
    newest = calendar.versions.order_by("-number").first() if calendar else None
    if calendar is None or newest is None:
        raise CalendarNotFound
    more = {day.isoformat(): {"name": name[:LONGEST_EXCEPTION_NAME], "windows": []} for day, name in days.items()}
    return save_calendar(
        actor=actor, calendar_id=calendar_id, name=calendar.name, time_zone=newest.time_zone, days=newest.days,
        exceptions={**newest.exceptions, **more},
    )  # fmt: skip


def window_faults(day: Windows) -> list[str]:
    """What is wrong with a day's windows: `invalid` (longer than a day), `empty_window`, `overlap`."""
    faults = []
    if any(not 0 <= start < DAY or end > start + DAY for start, end in day):
        faults.append("invalid")
    if any(end <= start for start, end in day):
        faults.append("empty_window")
    ordered = sorted(map(tuple, day))
    if any(before[1] > after[0] for before, after in itertools.pairwise(ordered)):
        faults.append("overlap")
    return faults


def _plain(days: Sequence[Windows]) -> list[list[list[int]]]:
    return [sorted(list(window) for window in day) for day in days]


def _calendar(actor: Actor, calendar_id: UUID | None) -> Calendar:
    if calendar_id is None:
        return Calendar(tenant_id=actor.tenant_id)
    found = Calendar.objects.visible_to(actor).locked().filter(id=calendar_id).first()
    if found is None:
        raise CalendarNotFound
    return found


def policy_version(
    *,
    actor: Actor,
    calendar_id: UUID,
    match: Mapping[str, Any],
    targets: Mapping[Metric, int | None],
    warn_percent: int,
    pauses_on_customer: bool,
    pauses_while_snoozed: bool,
    at: datetime,
) -> PolicyVersion:
    """What a form says, unsaved. Targets in minutes.

    Raises `CalendarNotFound`, and `InvalidInput` where nothing is promised, a target is none or longer than a year, or
    lies so far ahead by this calendar that it would never be due.
    """
    calendar = Calendar.objects.visible_to(actor).filter(id=calendar_id).first()
    newest = calendar.versions.order_by("-number").first() if calendar else None
    if newest is None:
        raise CalendarNotFound
    faults: dict[str, list[str]] = {}
    for metric, minutes in targets.items():
        if minutes is not None and not 1 <= minutes <= LONGEST_TARGET:
            faults[metric.value] = ["min_value" if minutes < 1 else "max_value"]
        elif minutes is not None and hours_of(newest).after(at, timedelta(minutes=minutes)) is None:
            faults[metric.value] = ["not_allowed"]
    if not any(targets.values()):
        faults.setdefault(Metric.FIRST_RESPONSE.value, []).append("required")
    if not 0 <= warn_percent < 100:
        faults["warn_percent"] = ["max_value" if warn_percent > 0 else "min_value"]
    if faults:
        raise InvalidInput(faults)
    wanted = {name: value for name, value in match.items() if value not in ([], None)}
    return PolicyVersion(
        tenant_id=actor.tenant_id, calendar=calendar, match=wanted,
        warn_percent=warn_percent, pauses_on_customer=pauses_on_customer, pauses_while_snoozed=pauses_while_snoozed,
        actor_id=actor.membership_id, created_at=at, **{metric.value: minutes for metric, minutes in targets.items()},
    )  # fmt: skip


def touched_tickets(*, actor: Actor, policy: Policy, version: PolicyVersion, at: datetime) -> TicketQuerySet:
    """The open tickets for which another promise would hold if this policy were saved so."""
    before = PolicyVersion.objects.visible_to(actor).in_force()
    others = [one for one in before if one.policy_id != policy.id]
    version.policy = policy
    after = sorted(
        [*others, version] if policy.is_active else others, key=lambda one: (one.policy.position, one.policy_id)
    )
    return touched_by(Ticket.objects.in_tenants(actor.tenant_ids).open(), before, after, at)


@transaction.atomic
def save_policy(*, actor: Actor, policy: Policy, version: PolicyVersion, at: datetime | None = None) -> Policy:
    """Make a policy, or say it anew; open tickets are gone through by the work process, and get what holds now.

    `version`: of `policy_version`. Holds the tenant's clocks. Raises `CannotManageSettings`, `PolicyNotFound` for
    another tenant's, and `InvalidInput` for one policy too many.
    """
    if refusal := managing_refusal(actor):
        raise refusal
    hold_clocks(actor.tenant_id)
    policies = Policy.objects.visible_to(actor)
    if policy._state.adding and policies.count() >= MOST_POLICIES:
        raise InvalidInput({"name": ["max_length"]})
    if policy.tenant_id != actor.tenant_id:
        raise PolicyNotFound
    policy.save()
    newest = policy.versions.order_by("-number").first()
    version.policy, version.number = policy, newest.number + 1 if newest else 1
    if newest is None or _says(newest) != _says(version):
        version.save(force_insert=True)
    TermsRound.objects.update_or_create(
        tenant_id=actor.tenant_id, defaults={"after": None, "begun_at": at or timezone.now()}
    )
    return policy


def _says(version: PolicyVersion) -> Collection[Any]:
    names = ("calendar_id", "match", "warn_percent", "pauses_on_customer", "pauses_while_snoozed", *Metric.values)
    return [getattr(version, name) for name in names]
