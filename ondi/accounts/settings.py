"""Changing what a tenant's portal allows, and who its support users are."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import nh3
from django.db import transaction

from ondi.accounts.actors import Actor
from ondi.accounts.errors import CannotManageSettings
from ondi.accounts.models import Membership, SettingsChange
from ondi.accounts.roles import Role
from ondi.accounts.services import update_member
from ondi.common.errors import DomainError, InvalidInput
from ondi.tenants.models import PortalSettings

LONGEST_ACKNOWLEDGEMENT = 8000


def managing_refusal(actor: Actor) -> DomainError | None:
    """Why this person may not manage the tenant's settings and people."""
    return None if actor.role == Role.ADMIN or actor.is_operator else CannotManageSettings()


@transaction.atomic
def update_portal_settings(
    *,
    actor: Actor,
    changes: Mapping[str, Any],
    support_user_ids: Collection[UUID] | None = None,
    confirmed: bool = False,
) -> None:
    """Change portal settings (fields of `PortalSettings`) and perhaps the whole list of support users.

    In force on the next request; recorded with who changed what. Acknowledgements are sanitised. Whoever
    is on the list no more gives their tickets back. Locks the settings, then these people. Raises
    `CannotManageSettings`, and `InvalidInput` for an acknowledgement that is too long, for a person who is no staff of
    the tenant, and for a list that leaves the tenant without a support user, unless that is `confirmed`.
    """
    if refusal := managing_refusal(actor):
        raise refusal
    settings = PortalSettings.objects.select_for_update().get(tenant_id=actor.tenant_id)
    wanted = dict(changes)
    if "acknowledgement_html" in wanted:
        wanted["acknowledgement_html"] = _sanitised({**settings.acknowledgement_html, **wanted["acknowledgement_html"]})
    before = {name: getattr(settings, name) for name, value in wanted.items() if getattr(settings, name) != value}
    for name in before:
        setattr(settings, name, wanted[name])
    after = {name: wanted[name] for name in before}
    if support_user_ids is not None:
        _set_support_users(actor, set(support_user_ids), confirmed, before, after)
    if before:
        settings.save()
        SettingsChange.objects.create(
            tenant_id=actor.tenant_id, actor_id=actor.membership_id, before=before, after=after
        )


def sanitised_html(html: str) -> str:
    """What is left of an acknowledgement without scripts and the like."""
    return nh3.clean(html)


def _sanitised(texts: Mapping[str, str]) -> dict[str, str]:
    cleaned = {language: sanitised_html(html) for language, html in texts.items()}
    if any(len(html) > LONGEST_ACKNOWLEDGEMENT for html in cleaned.values()):
        raise InvalidInput({"acknowledgement_html": ["max_length"]})
    return {language: html for language, html in cleaned.items() if html.strip()}


def _set_support_users(
    actor: Actor, wanted: set[UUID], confirmed: bool, before: dict[str, Any], after: dict[str, Any]
) -> None:
    staff = {member.user_id: member for member in Membership.objects.visible_to(actor).active().staff()}
    if wanted - set(staff):
        raise InvalidInput({"support_user_ids": ["invalid"]})
    present = {user_id for user_id, member in staff.items() if member.is_support_user}
    if present and not wanted and not confirmed:
        raise InvalidInput({"confirm": ["required"]})
    changing = [staff[user_id] for user_id in wanted ^ present]
    # All of them before the first one's tickets, as everybody locks people before tickets.
    list(Membership.objects.locked().filter(id__in=[member.id for member in changing]).values_list("id"))
    for member in changing:
        update_member(membership=member, is_support_user=member.user_id in wanted)
    if wanted != present:
        before["support_user_ids"] = sorted(map(str, present))
        after["support_user_ids"] = sorted(map(str, wanted))
