"""Changing what a tenant's portal allows, and who its support users are."""

import dataclasses
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from ondi.accounts.actors import Actor
from ondi.accounts.models import Membership, SettingsChange
from ondi.accounts.roles import Role
from ondi.accounts.services import update_member
from ondi.common.errors import DomainError, InvalidInput
from ondi.notifications import sender_codes
from ondi.notifications.errors import NothingToProve
from ondi.tenants.models import PortalSettings
from support.errors import CannotManageSettings
from support.settings.closing import refuse_closing
from support.settings.portal import SETTINGS, Portal


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
) -> Portal:
    """Change portal settings (fields of `Portal`) and perhaps the whole list of support users.

    Returns the settings as they are then, in force on the next request; recorded with who changed what.
    Only what changes is written: the rest of the document stays, whatever it says. Somebody
    who is taken off the list gives their tickets back. Locks the settings, then these people. Raises
    `CannotManageSettings`, and `InvalidInput` for a setting there is not, a value that does not fit or is too long,
    and a person who is no staff of the tenant; unless it is `confirmed`, also for a list that leaves the tenant
    without a support user, and for automatic closing that touches open tickets today.
    """
    if refusal := managing_refusal(actor):
        raise refusal
    row, _made = PortalSettings.objects.select_for_update().get_or_create(tenant_id=actor.tenant_id)
    portal = Portal.read(row.values)
    wanted = {name: _merged(portal, name, value) for name, value in changes.items()}
    before = {name: getattr(portal, name) for name, value in wanted.items() if getattr(portal, name) != value}
    after = {name: wanted[name] for name in before}
    changed = dataclasses.replace(portal, **after)
    refuse_closing(actor.tenant_id, portal, changed, confirmed=confirmed)
    if after:
        row.values |= after
        row.save()
    if support_user_ids is not None:
        _set_support_users(actor, set(support_user_ids), confirmed, before, after)
    if before:
        SettingsChange.objects.create(
            tenant_id=actor.tenant_id, actor_id=actor.membership_id, before=before, after=after
        )
    return changed


def proving_refusal(actor: Actor) -> DomainError | None:
    """Why this person may not prove the tenant's sender address: its admins do, and no operator for them."""
    return managing_refusal(actor) if actor.membership_id else CannotManageSettings()


@transaction.atomic
def ask_for_sender_code(*, actor: Actor, at: datetime | None = None) -> None:
    """Have a code mailed to the sender address of the settings. Locks the settings.

    Raises `CannotManageSettings`, `NothingToProve` and what `sender_codes.ask_for_code` does.
    """
    address = _address_to_prove(actor)
    assert actor.membership_id is not None
    sender_codes.ask_for_code(tenant_id=actor.tenant_id, membership_id=actor.membership_id, address=address, at=at)


@transaction.atomic
def prove_sender_address(*, actor: Actor, code: str, at: datetime | None = None) -> bool:
    """Whether this is the code that was mailed to the sender address of the settings: mails come from it then.

    A wrong one is counted, so it raises nothing. Locks the settings. Raises `CannotManageSettings`, `NothingToProve`
    and what `sender_codes.enter_code` does.
    """
    return sender_codes.enter_code(tenant_id=actor.tenant_id, address=_address_to_prove(actor), code=code, at=at)


def _address_to_prove(actor: Actor) -> str:
    """The sender address of the settings, which are locked."""
    if refusal := proving_refusal(actor):
        raise refusal
    row = PortalSettings.objects.select_for_update().filter(tenant_id=actor.tenant_id).first()
    address = Portal.read(row.values if row else {}).sender_address
    if not address:
        raise NothingToProve
    return address


def _merged(portal: Portal, name: str, value: Any) -> Any:
    """The setting as it will be. Raises `InvalidInput`."""
    if name not in SETTINGS:
        raise InvalidInput({name: ["not_allowed"]})
    kind = SETTINGS[name].kind
    if not kind.fits(value):
        raise InvalidInput({name: ["invalid"]})
    try:
        return kind.merged(getattr(portal, name), value)
    except ValidationError as error:
        raise InvalidInput({name: [error.code or "invalid"]}) from error


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
