"""Coming in: the few database functions that read before a tenant scope is set.

They belong to the owner's role and run with its rights; each takes a credential and gives back the
least that is needed. Everything else is read inside the scope they set.
"""

import json
from typing import Any
from uuid import UUID

from ondi.accounts.actors import Actor, TenantInfo, actor_from_row
from ondi.accounts.models import Membership
from ondi.common.prepared import fetch_prepared


def enter(user_id: UUID, tenant_id: UUID, session_id: UUID) -> Actor | None:
    """Enter a tenant with an access token's claims: one round trip.

    Returns the person, and sets the transaction's scope to their tenant, if person, membership,
    tenant and session are all in force; else None, and nothing is in scope.
    """
    rows = _call("ondi_enter_2(%s, %s, %s)", [user_id, tenant_id, session_id])
    return actor_from_row(rows[0]) if rows else None


def enter_staff(user_id: UUID) -> list[Actor]:
    """Enter every tenant this person is staff of, or for the platform operator every tenant there is.

    Returns one actor a tenant and sets the scope to these tenants.
    """
    return [actor_from_row(row) for row in _call("ondi_enter_staff_2(%s)", [user_id])]


def tenants_of(user_id: UUID) -> list[dict[str, Any]]:
    """The active tenants (id, slug, name) this person is an active member of; sets no scope."""
    return _call("ondi_login(%s)", [user_id])


def acting_as(membership: Membership) -> Actor:
    """This person as an actor, for commands that act in somebody's name; needs the tenant in scope."""
    tenant = membership.tenant
    settings = getattr(tenant, "portal_settings", None)
    return Actor(
        user_id=membership.user_id,
        email=membership.user.email,
        membership_id=membership.id,
        first_name=membership.first_name,
        last_name=membership.last_name,
        language=membership.language or tenant.language,
        role=membership.role,
        is_support_user=membership.is_support_user,
        is_view_only=membership.is_view_only,
        tenant=TenantInfo(
            id=tenant.id,
            slug=tenant.slug,
            name=tenant.name,
            time_zone=tenant.time_zone,
            language=tenant.language,
            portal=json.dumps(settings.values) if settings else "{}",
        ),
    )


def _call(call: str, arguments: list[UUID]) -> list[dict[str, Any]]:
    return fetch_prepared(f"SELECT * FROM {call}", arguments, named=True)  # noqa: S608 - the three names above
