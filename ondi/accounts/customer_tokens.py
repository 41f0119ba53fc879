"""Signing a customer in for a portal that did so itself: its server asks with an API key (API.md, section 7)."""

from dataclasses import dataclass

from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.accounts.api_keys import Integration
from ondi.accounts.entering import enter
from ondi.accounts.errors import CustomerNotFound
from ondi.accounts.models import Membership, RefreshFamily
from ondi.accounts.roles import Role
from ondi.accounts.sessions import ACCESS_LIFETIME
from ondi.accounts.tokens import Claims, issue_access_token
from ondi.common.errors import PermissionDenied
from ondi.common.ids import new_id


@dataclass(frozen=True, slots=True)
class CustomerToken:
    """An access token, which nothing renews, and whom it stands for."""

    access_token: str
    actor: Actor

    @property
    def expires_in(self) -> int:
        """Seconds."""
        return int(ACCESS_LIFETIME.total_seconds())


def sign_customer_in(*, key: Integration, customer_external_id: str) -> CustomerToken:
    """A token for this customer, also without e-mail or password; the session is recorded with its key.

    Raises `CustomerNotFound` for somebody unknown or who left, `PermissionDenied` for staff of the tenant and for
    somebody whose login is switched off. Needs the tenant in scope.
    """
    people = Membership.objects.in_tenants([key.tenant_id]).filter(ended_at=None)
    customer = people.filter(external_id=customer_external_id).first()
    if customer is None:
        raise CustomerNotFound
    if customer.role != Role.CUSTOMER:
        raise PermissionDenied
    now = timezone.now()
    session = RefreshFamily.objects.create(
        tenant_id=key.tenant_id,
        user_id=customer.user_id,
        api_key_id=key.user_id,
        current_jti=new_id(),
        issued_at=now,
        expires_at=now + ACCESS_LIFETIME,
    )
    claims = Claims(customer.user_id, key.tenant_id, session.id, session.current_jti)
    actor = enter(claims.user_id, claims.tenant_id, claims.session_id)
    if actor is None:  # switched off, or gone at this very moment: the session goes with the transaction
        raise PermissionDenied
    return CustomerToken(issue_access_token(claims), actor)
