"""Two tenants, one address, and all that can happen to it in every order: who signs in where with whose password.

Beside the product walks a model of a few lines that knows neither logins nor memberships. Every order of `ALL_OF`
events is followed, and from each situation that is not known yet every event once more, until there is none: so
all orders of any length, as far as what happened before makes a difference. After each event the product must say
what the model says.
"""

import contextlib
from dataclasses import dataclass, field, replace
from itertools import product

import pytest
from django.db import transaction

from ondi.accounts.customers import CustomerNews, upsert_customers
from ondi.accounts.entering import tenants_of
from ondi.accounts.errors import InvitationInvalid
from ondi.accounts.invitations import accept_invitation, invitation_for
from ondi.accounts.models import Membership, RefreshFamily, User
from ondi.accounts.services import add_member
from ondi.accounts.sessions import begin_session
from ondi.tenants.models import Tenant
from ondi.tenants.scope import tenant_scope
from tests.factories import TenantFactory

pytestmark = pytest.mark.django_db

ADDRESS = "victim@example.org"
TENANTS = ("Z", "T")
KINDS = ("import", "add as staff", "show", "mail", "set", "open", "vouch")
EVENTS = [*product(TENANTS, KINDS), ("", "sign in")]
OWNER = "of the one who reads the mailbox"
ALL_OF = 2
NEEDS = {"set": "show", "open": "mail"}


@dataclass(frozen=True)
class Model:
    """What ought to be. `roles`: what the address is in the tenants that know it; `let_in`: where it signs in.

    A link is good for what was so when it was made: a mailed one while the address was not proved since, a shown
    one while nobody signs in.
    """

    roles: dict = field(default_factory=dict)
    vouched: frozenset = frozenset()
    let_in: frozenset = frozenset()
    password: str | None = None
    proved: int = 0
    shown: frozenset = frozenset()
    mailed: dict = field(default_factory=dict)
    sessions: frozenset = frozenset()

    def after(self, tenant, kind):
        """The same object where nothing happens."""
        if kind in ("import", "add as staff"):
            return self if tenant in self.roles else replace(self, roles={**self.roles, tenant: kind})
        if kind == "vouch":
            return replace(self, vouched=self.vouched | {tenant})
        if kind == "sign in":
            return replace(self, sessions=self.let_in) if self.let_in - self.sessions else self
        waits = tenant in self.roles and tenant not in self.let_in
        if kind == "show":
            can = waits and not self.let_in and tenant not in self.shown
            return replace(self, shown=self.shown | {tenant}) if can else self
        if kind == "mail":
            can = waits and self.mailed.get(tenant) != self.proved
            return replace(self, mailed={**self.mailed, tenant: self.proved}) if can else self
        if kind == "set":
            can = waits and tenant in self.shown and not self.let_in
            return replace(self, let_in=frozenset({tenant}), password=tenant) if can else self
        if waits and self.mailed.get(tenant) == self.proved:
            return replace(
                self, let_in=self.let_in | {tenant}, password=OWNER, proved=self.proved + 1, sessions=frozenset()
            )
        return self

    @property
    def situation(self):
        """All that makes a difference to what comes; who is believed and as what they came does not."""
        good = frozenset(name for name, proved in self.mailed.items() if proved == self.proved)
        dead = frozenset(self.mailed) - good
        return frozenset(self.roles), self.let_in, self.password, self.shown, good, dead, self.sessions

    def signs_in(self, password):
        return self.let_in if password == self.password else frozenset()

    def is_proved(self, tenant):
        by_mail = tenant in self.let_in and self.proved > 0
        return by_mail or (tenant in self.vouched and self.roles.get(tenant) == "import")


class Product:
    """The same by the product's own services, with the links that were made on the way."""

    def __init__(self):
        self.tenants = {name: TenantFactory(name=name, slug=name.lower()) for name in TENANTS}
        self.ids = {tenant.id: name for name, tenant in self.tenants.items()}

    def member(self, tenant):
        return Membership.objects.filter(tenant=self.tenants[tenant], email=ADDRESS).for_list().first()

    def let(self, tenant, kind, links):
        """Let it happen, all in the scope of both tenants; `links` so far, and those there are then."""
        if kind == "sign in":
            user = User.objects.filter(email=ADDRESS).first()
            here = set(RefreshFamily.objects.filter(revoked_at=None).values_list("tenant_id", flat=True))
            for found in tenants_of(user.id) if user else ():
                if found["id"] not in here:
                    begin_session(user_id=user.id, tenant_id=found["id"])
            return links
        where = self.tenants[tenant]
        if kind == "import":
            upsert_customers(tenant_id=where.id, news=[CustomerNews("c-1", {"email": ADDRESS})])
        elif kind == "vouch":
            Tenant.objects.filter(pk=where.pk).update(vouches_for_emails=True)
        elif kind == "add as staff":
            if self.member(tenant) is None:
                add_member(tenant_id=where.id, email=ADDRESS, role="agent", is_support_user=True)
        elif kind in ("show", "mail"):
            member = self.member(tenant)
            invitation = member and invitation_for(member)
            secret = invitation and (invitation.shown if kind == "show" else invitation.mailed)
            return {**links, (tenant, kind): secret} if secret else links
        elif secret := links.get((tenant, NEEDS[kind])):
            with contextlib.suppress(InvitationInvalid), transaction.atomic():
                accept_invitation(token=secret, password=f"password {tenant if kind == 'set' else OWNER}")
        return links

    def says(self):
        """Where each password signs in, which addresses count as proved, and where there are sessions."""
        user = User.objects.filter(email=ADDRESS).first()
        passwords = {}
        for password in (*TENANTS, OWNER):
            right = user is not None and user.check_password(f"password {password}")
            passwords[password] = {self.ids[found["id"]] for found in tenants_of(user.id)} if right else set()
        people = {member.tenant_id: member for member in Membership.objects.filter(email=ADDRESS).for_list()}
        proved = {self.ids[key] for key, member in people.items() if member.email_is_proved}
        sessions = {self.ids[family.tenant_id] for family in RefreshFamily.objects.filter(revoked_at=None)}
        return passwords, proved, sessions


def check(product, expected, order):
    passwords, proved, sessions = product.says()
    assert passwords == {word: set(expected.signs_in(word)) for word in (*TENANTS, OWNER)}, order
    assert proved == {tenant for tenant in TENANTS if expected.is_proved(tenant)}, order
    assert sessions == set(expected.sessions), order
    for tenant in TENANTS:
        assert passwords[tenant] <= {tenant}, f"{order}: {tenant}'s password opens another"


def walk(product, model, links, order, known):
    """Follow what can come after this; how many events that were."""
    followed = 0
    for tenant, kind in EVENTS:
        if kind in NEEDS and (tenant, NEEDS[kind]) not in links:
            continue  # no such link was ever made
        event = tenant, kind
        savepoint = transaction.savepoint()
        expected, now = model.after(*event), product.let(*event, links)
        check(product, expected, (*order, event))
        followed += 1
        if len(order) + 1 < ALL_OF or expected.situation not in known:
            known.add(expected.situation)
            followed += walk(product, expected, now, (*order, event), known)
        transaction.savepoint_rollback(savepoint)
    return followed


def test_no_order_of_events_opens_a_tenant_with_anothers_password():
    """Begun by one tenant: the orders that the other one begins are these with the names exchanged."""
    product, followed, known = Product(), 0, set()
    with tenant_scope(*product.ids):
        for kind in ("import", "add as staff"):
            savepoint = transaction.savepoint()
            links = product.let("Z", kind, {})
            followed += walk(product, Model().after("Z", kind), links, (("Z", kind),), known)
            transaction.savepoint_rollback(savepoint)
    assert (len(known), followed) > (100, 1000), "or it does not look at what it says"
