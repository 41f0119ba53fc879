"""Customers as integrations and imports bring them, by their external id."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction

from ondi.accounts.models import Membership, User
from ondi.accounts.querysets import normalize_email
from ondi.common.upsert import set_changed


@dataclass(slots=True)
class UpsertedCustomers:
    """Memberships by external id, and the external ids whose e-mail belongs to somebody else."""

    ids: dict[str, UUID] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


@transaction.atomic
def upsert_customers(*, tenant_id: UUID, people: Mapping[str, Mapping[str, Any]]) -> UpsertedCustomers:
    """Create or update these people (fields of `Membership`, and `email`) by external id; fields left out stay.

    An e-mail is what this tenant knows of the person and no more: no login is looked for by it, and who has
    it elsewhere is not touched. A new customer has a login of their own without name or password and cannot
    sign in until a link or an operator gives them one; from then on their e-mail stays what they sign in with.
    An e-mail of another person here is refused. Locks the memberships. Needs the tenant in scope.
    """
    outcome = UpsertedCustomers()
    found = Membership.objects.in_tenants([tenant_id]).filter(external_id__in=people).select_related("user").locked()
    known = {str(member.external_id): member for member in found}
    emails = {normalize_email(fields.get("email")) for fields in people.values()} - {None}
    holders = Membership.objects.in_tenants([tenant_id]).filter(email__in=emails).values_list("email", "id")
    taken = dict(holders)
    new_logins, new_members = [], []
    for external_id, given in people.items():
        fields = {name: value for name, value in given.items() if name != "email"}
        email = normalize_email(given.get("email"))
        member = known.get(external_id)
        if email in taken and (member is None or taken[email] != member.id):
            outcome.refused.add(external_id)
            continue
        if member is None:
            login = User(password=make_password(None))
            member = Membership(tenant_id=tenant_id, user=login, email=email, **fields)
            new_logins.append(login)
            new_members.append(member)
        else:
            _update(member, fields, email)
        if email:
            taken[email] = member.id
        outcome.ids[external_id] = member.id
    User.objects.bulk_create(new_logins)
    Membership.objects.bulk_create(new_members)
    return outcome


def _update(member: Membership, fields: Mapping[str, Any], email: str | None) -> None:
    if email and member.waits:
        fields = {**fields, "email": email}
    if changed := set_changed(member, fields):
        member.save(update_fields=list(changed))
