"""Who is at the desk: a login and everything it may see in the admin."""

from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest

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
