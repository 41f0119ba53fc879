"""Who is in the admin: a login and everything it may see there."""

from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.accounts.entering import enter_staff
from ondi.accounts.models import User
from ondi.accounts.roles import Role


@dataclass(frozen=True, slots=True)
class Staff:
    """A staff member over all their tenants, or the platform operator over all there are."""

    user: User
    actors: tuple[Actor, ...]

    membership_id = None

    @property
    def is_operator(self) -> bool:
        return self.user.is_superuser

    @property
    def tenant_ids(self) -> tuple[UUID, ...]:
        return tuple(actor.tenant_id for actor in self.actors)

    @property
    def membership_ids(self) -> tuple[UUID, ...]:
        """Who they are in each of their tenants; nobody, for the platform operator."""
        return tuple(actor.membership_id for actor in self.actors if actor.membership_id is not None)

    @property
    def support_tenant_ids(self) -> tuple[UUID, ...]:
        """Tenants whose tickets they see: as support users or view-only; the operator reads all."""
        return tuple(
            actor.tenant_id for actor in self.actors if actor.is_support_user or actor.is_view_only or self.is_operator
        )

    @property
    def working_tenant_ids(self) -> tuple[UUID, ...]:
        """Tenants whose tickets, tags and replies they work on, as support users."""
        return tuple(actor.tenant_id for actor in self.actors if actor.is_support_user)

    @property
    def managed_tenant_ids(self) -> tuple[UUID, ...]:
        """Tenants whose people and settings they manage: as admins; the operator everywhere."""
        return tuple(actor.tenant_id for actor in self.actors if actor.role == Role.ADMIN or self.is_operator)

    @property
    def shares_one_zone(self) -> bool:
        """Whether all their tenants have one time zone, so that it need not stand behind every time."""
        return len({actor.tenant.time_zone for actor in self.actors}) == 1

    def zone_in(self, *tenant_ids: UUID) -> ZoneInfo:
        """The time zone these of their tenants have in common, else UTC: their times are read and written in it."""
        zones = {actor.tenant.time_zone for actor in self.actors if actor.tenant_id in tenant_ids}
        return ZoneInfo(zones.pop() if len(zones) == 1 else "UTC")

    def actor_in(self, tenant_id: UUID) -> Actor:
        """The person they are in one of their tenants."""
        return next(actor for actor in self.actors if actor.tenant_id == tenant_id)


def staff_of(user: object) -> Staff | None:
    """Enter the tenants of this login for the rest of the transaction; None for whom is no staff anywhere."""
    if not isinstance(user, User) or not user.is_active:
        return None
    actors = tuple(enter_staff(user.id))
    return Staff(user, actors) if actors or user.is_superuser else None


def staff_at(request: HttpRequest) -> Staff:
    """The staff member of an admin request; the site lets nobody else in."""
    staff = getattr(request, "staff", None)
    if not isinstance(staff, Staff):
        raise AssertionError("the staff site lets nobody in who is no staff")
    return staff


def use_zone_of(request: HttpRequest, *tenant_ids: UUID) -> ZoneInfo:
    """Read and write times in the zone of these tenants until the page is made (`Staff.zone_in`); it is named there, as
    is the tenant, where it is one of several."""
    staff = staff_at(request)
    zone = staff.zone_in(*tenant_ids)
    timezone.activate(zone)
    if len(staff.tenant_ids) > 1 and len(tenant_ids) == 1:
        request.tenant_name = staff.actor_in(*tenant_ids).tenant.name  # type: ignore[attr-defined]
    request.zone_is_chosen = True  # type: ignore[attr-defined]
    return zone
