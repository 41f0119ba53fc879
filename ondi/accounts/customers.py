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

    A new customer has no password and cannot sign in until somebody gives them one. An e-mail is only ever
    given to a login that has none: what a login is belongs to its person, not to a tenant. An e-mail of
    another login makes a new customer that person, unless they are another customer here already: refused.
    Locks the memberships. Needs the tenant in scope.
    """
    outcome = UpsertedCustomers()
    found = Membership.objects.in_tenants([tenant_id]).filter(external_id__in=people).select_related("user").locked()
    known = {str(member.external_id): member for member in found}
    emails = {normalize_email(fields.get("email")) for fields in people.values()} - {None}
    logins = {login.email: login for login in User.objects.filter(email__in=emails)}
    here = set(
        Membership.objects.in_tenants([tenant_id]).filter(user__email__in=emails).values_list("user_id", flat=True)
    )
    new_logins, new_members = [], []
    for external_id, given in people.items():
        fields = {name: value for name, value in given.items() if name != "email"}
        email = normalize_email(given.get("email"))
        login = logins.get(email)
        member = known.get(external_id)
        taken_by_another = login is not None and login.id in here and (member is None or member.user_id != login.id)
        if taken_by_another:
            outcome.refused.add(external_id)
        elif member is not None:
            _update(member, fields, email if login is None else None)
            outcome.ids[external_id] = member.id
        else:
            if login is None:
                login = User(email=email, password=make_password(None))
                new_logins.append(login)
            if email:
                logins[email] = login
                here.add(login.id)
            added = Membership(tenant_id=tenant_id, user=login, **fields)
            new_members.append(added)
            outcome.ids[external_id] = added.id
    User.objects.bulk_create(new_logins)
    Membership.objects.bulk_create(new_members)
    return outcome


def _update(member: Membership, fields: Mapping[str, Any], email: str | None) -> None:
    if changed := set_changed(member, fields):
        member.save(update_fields=list(changed))
    if email and member.user.email is None:
        member.user.email = email
        member.user.save(update_fields=["email"])
