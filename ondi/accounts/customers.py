"""Customers as integrations and imports bring them, by their external id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from ondi.accounts.models import Membership, User
from ondi.accounts.querysets import normalize_email
from ondi.accounts.roles import Role
from ondi.common.languages import base_language
from ondi.common.text import TextRefused, plain_text
from ondi.common.upsert import is_outdated, set_changed
from ondi.tenants.models import Language

# The longest of each; a language comes as a tag, which may name much beside it.
DETAILS = {"first_name": 150, "last_name": 150, "email": 254, "phone": 40, "language": 100}


@dataclass(frozen=True, slots=True)
class CustomerNews:
    """What one row of a source says of its customer: fields of `Membership`, and when the source wrote the row.

    `is_guest`: somebody who bought without being a customer; with the e-mail of a customer here they are that one.
    """

    external_id: str
    fields: Mapping[str, Any]
    told_at: datetime | None = None
    is_guest: bool = False


@dataclass(slots=True)
class KnownCustomer:
    """Who the customer of a row is, what the row changes in them, and the code of each detail that was left out."""

    id: UUID
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def customer_details(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What can be kept of what a source says of a customer, as fields of `Membership`, and the code of what cannot.

    Nothing here costs the row: an impossible detail is left out, and stays as it was. None, and text that shows
    nothing, clear a detail.
    """
    kept: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    for name in DETAILS:
        if name in given:
            try:
                kept[name] = _detail(name, given[name])
            except TextRefused as refused:
                left_out[name] = refused.code
    return kept, left_out


def _detail(name: str, value: Any) -> str | None:
    """The detail as it is kept. Raises `TextRefused`."""
    text = _shown_text(value, DETAILS[name])
    if name == "email":
        return _email(text)
    if name == "language" and text:
        language = base_language(text)
        if language not in Language.values:
            raise TextRefused("invalid_choice")
        return language
    return text


def _shown_text(value: Any, longest: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TextRefused("invalid")
    try:
        return plain_text(value, max_length=longest, one_line=True)
    except TextRefused as refused:
        if refused.code != "blank":
            raise
        return ""


def _email(text: str) -> str | None:
    email = normalize_email(text)
    if email is not None:
        try:
            validate_email(email)
        except ValidationError as error:
            raise TextRefused("invalid") from error
    return email


@transaction.atomic
def upsert_customers(*, tenant_id: UUID, news: Sequence[CustomerNews]) -> list[KnownCustomer]:
    """Create or update the customers of these rows by external id; fields left out stay. One result a row, in order.

    Of several rows the one that its source wrote last has the last word, whichever comes first, in this batch or
    an earlier one: a customer keeps the newest time that wrote them, and older news change nothing. Rows without
    a time are what somebody says now: they are taken last, and leave the time as it is.

    An e-mail is what this tenant knows of the person and no more: no login is looked for by it, and who has
    it elsewhere is not touched. A new customer has a login of their own without name or password and cannot
    sign in until a link or an operator gives them one; from then on their e-mail stays what they sign in with.
    An e-mail of another person here is left out, as one for somebody whose e-mail is not the source's to change.
    Locks the memberships. Needs the tenant in scope, and `hold_intake`.
    """
    batch = _Batch(tenant_id, news, locked=True)
    batch.write()
    return batch.results


def compare_customers(*, tenant_id: UUID, news: Sequence[CustomerNews]) -> list[KnownCustomer]:
    """What `upsert_customers` would do. Reads only; needs the tenant in scope."""
    return _Batch(tenant_id, news, locked=False).results


def _when(news: CustomerNews) -> tuple[bool, float]:
    return (True, 0) if news.told_at is None else (False, news.told_at.timestamp())


class _Batch:
    """The customers of one batch as they become, row by row, until `write`."""

    def __init__(self, tenant_id: UUID, news: Sequence[CustomerNews], *, locked: bool) -> None:
        self.tenant_id = tenant_id
        members = Membership.objects.in_tenants([tenant_id])
        found = members.filter(external_id__in={one.external_id for one in news}).select_related("user")
        self.known = {str(member.external_id): member for member in (found.locked() if locked else found)}
        emails = {one.fields["email"] for one in news if one.fields.get("email")}
        holders = members.filter(email__in=emails).only("email", "role") if emails else ()
        self.held = {str(member.email): member for member in holders}
        self.new: list[Membership] = []
        self.changed: dict[UUID, set[str]] = {}
        self.given_up: set[UUID] = set()
        in_time = sorted(range(len(news)), key=lambda place: _when(news[place]))
        taken = {place: self._take(news[place]) for place in in_time}
        self.results = [taken[place] for place in range(len(news))]

    def _take(self, news: CustomerNews) -> KnownCustomer:
        member = self.known.get(news.external_id)
        holder = self.held.get(news.fields.get("email") or "")
        if member is None and news.is_guest and holder is not None and holder.role == Role.CUSTOMER:
            return KnownCustomer(holder.id)
        if member is None:
            member = Membership(
                tenant_id=self.tenant_id, user=User(password=make_password(None)), external_id=news.external_id
            )
            self.known[news.external_id] = member
            self.new.append(member)
        if is_outdated(news.told_at, member.source_updated_at):
            return KnownCustomer(member.id)
        fields, left_out = dict(news.fields), {}
        if "email" in fields and not self._may_have(member, fields["email"]):
            del fields["email"]
            left_out["email"] = "not_allowed"
        if news.told_at is not None:
            fields["source_updated_at"] = news.told_at
        before = set_changed(member, fields)
        self.changed.setdefault(member.id, set()).update(before)
        if "email" in before:
            self._hand_over(member, before["email"])
        return KnownCustomer(member.id, before, {name: fields[name] for name in before}, left_out)

    def _hand_over(self, member: Membership, former: str | None) -> None:
        if former is not None:
            self.held.pop(former, None)
            self.given_up.add(member.id)
        if member.email is not None:
            self.held[member.email] = member

    def _may_have(self, member: Membership, email: str | None) -> bool:
        """Whether this may become their e-mail: nobody else's here, and not in place of what they sign in with."""
        if email == member.email:
            return True
        if not (member.waits and member.role == Role.CUSTOMER):
            return False
        return email is None or email not in self.held

    def write(self) -> None:
        new = {member.id for member in self.new}
        changed = [one for one in self.known.values() if one.id not in new and self.changed.get(one.id)]
        if given_up := self.given_up - new:  # first, for another one of this batch may have it now
            Membership.objects.in_tenants([self.tenant_id]).filter(pk__in=given_up).update(email=None)
        if changed:
            Membership.objects.bulk_update(changed, sorted(set().union(*(self.changed[one.id] for one in changed))))
        User.objects.bulk_create([member.user for member in self.new])
        Membership.objects.bulk_create(self.new)
