"""Who looks at the queue, and when: what "me", "unread" and "today" mean."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone

from ondi.accounts.actors import Actor
from support.models import Ticket
from support.querysets import TicketQuerySet


class Serving(Protocol):
    """Somebody at work, over all of their tenants."""

    @property
    def actors(self) -> tuple[Actor, ...]: ...
    @property
    def support_tenant_ids(self) -> tuple[UUID, ...]: ...
    @property
    def membership_ids(self) -> tuple[UUID, ...]: ...
    def zone_in(self, *tenant_ids: UUID) -> ZoneInfo: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """`people`: who they are in each tenant whose tickets they see; `zone`: in which their days begin."""

    people: tuple[Actor, ...]
    membership_ids: tuple[UUID, ...]
    zone: ZoneInfo
    now: datetime = field(default_factory=timezone.now)

    @classmethod
    def serving(cls, staff: Serving) -> "Reader":
        seen = staff.support_tenant_ids
        people = tuple(actor for actor in staff.actors if actor.tenant_id in seen)
        return cls(people, staff.membership_ids, staff.zone_in(*seen))

    @classmethod
    def alone(cls, actor: Actor) -> "Reader":
        mine = (actor.membership_id,) if actor.membership_id else ()
        return cls((actor,), mine, ZoneInfo(actor.tenant.time_zone))

    @property
    def tenant_ids(self) -> Collection[UUID]:
        return [actor.tenant_id for actor in self.people]

    @property
    def support_tenant_ids(self) -> Collection[UUID]:
        return self.tenant_ids

    def zone_in(self, *_tenant_ids: UUID) -> ZoneInfo:
        return self.zone

    @property
    def works(self) -> bool:
        """Whether tickets can be theirs."""
        return any(actor.is_support_user for actor in self.people)

    @property
    def tickets(self) -> TicketQuerySet:
        return Ticket.objects.in_tenants(self.tenant_ids)

    def today(self) -> tuple[datetime, datetime]:
        """From when until when it is today, where they are."""
        begin = self.now.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return begin, begin + timedelta(days=1)
