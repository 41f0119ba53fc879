"""Who acts: a person in a tenant, as `ondi_enter_2` found them. Loaded once a request, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from ondi.accounts.roles import Role

PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class TenantInfo:
    """The tenant an actor acts in. `portal`: its settings, as JSON text that the layers above read."""

    id: UUID
    slug: str
    name: str
    time_zone: str
    language: str
    portal: str = "{}"


@dataclass(frozen=True, slots=True)
class Actor:
    """A person in one tenant. `membership_id` is None for those who only read, the platform operator and a tenant's
    programs, and for the system.

    `cause`: why the system acts (`fix:<run>`, `delivery`), kept with what it does; empty for people.
    """

    user_id: UUID
    email: str | None
    membership_id: UUID | None
    first_name: str
    last_name: str
    language: str
    role: str
    is_support_user: bool
    is_view_only: bool
    tenant: TenantInfo
    cause: str = ""

    is_authenticated = True
    is_active = True

    @classmethod
    def system(cls, tenant_id: UUID, cause: str) -> "Actor":
        """What acts without a person's hand; policies let it through by name."""
        tenant = TenantInfo(id=tenant_id, slug="", name="", time_zone="UTC", language="")
        return cls(
            user_id=UUID(int=0), email=None, membership_id=None, first_name="", last_name="", language="", role="",
            is_support_user=False, is_view_only=False, tenant=tenant, cause=cause,
        )  # fmt: skip

    @classmethod
    def program(cls, tenant_id: UUID) -> "Actor":
        """A tenant's own program, which reads all of its tickets but no note by an API key, and changes none."""
        return replace(cls.system(tenant_id, cause=""), role=PROGRAM)

    @classmethod
    def operator(cls, tenant_id: UUID, user_id: UUID) -> "Actor":
        """The platform's operator, who reads all of every tenant and changes no ticket."""
        return replace(cls.system(tenant_id, cause=""), user_id=user_id)

    @property
    def tenant_id(self) -> UUID:
        return self.tenant.id

    @property
    def tenant_ids(self) -> tuple[UUID, ...]:
        return (self.tenant.id,)

    @property
    def support_tenant_ids(self) -> tuple[UUID, ...]:
        """The tenants whose every ticket this person sees: theirs, as a support user; operator and system read too."""
        return (self.tenant.id,) if self.is_support_user or self.membership_id is None else ()

    @property
    def is_system(self) -> bool:
        return self.membership_id is None and bool(self.cause)

    @property
    def is_operator(self) -> bool:
        return self.membership_id is None and not self.cause

    @property
    def is_program(self) -> bool:
        return self.role == PROGRAM

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def is_lead(self) -> bool:
        """Leads and admins may see whose tickets are whose, provided they are support users."""
        return self.is_support_user and self.role in (Role.LEAD, Role.ADMIN)


def actor_from_row(row: Mapping[str, Any]) -> Actor:
    """An actor from a row of `ondi_enter_2` or `ondi_enter_staff_2`."""
    tenant = TenantInfo(
        id=row["tenant_id"],
        slug=row["tenant_slug"],
        name=row["tenant_name"],
        time_zone=row["tenant_time_zone"],
        language=row["tenant_language"],
        portal=row["portal"],  # Django leaves raw jsonb as text
    )
    return Actor(
        user_id=row["user_id"],
        email=row["email"],
        membership_id=row["membership_id"],
        first_name=row["first_name"] or "",
        last_name=row["last_name"] or "",
        language=row["language"] or row["tenant_language"],
        role=row["role"] or "",
        is_support_user=bool(row["is_support_user"]),
        is_view_only=bool(row["is_view_only"]),
        tenant=tenant,
    )
