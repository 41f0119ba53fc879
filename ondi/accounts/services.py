"""Writing people: joining a tenant, changing a role, leaving."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from ondi.accounts.entering import tenants_of
from ondi.accounts.errors import CustomerNotFound, EmailTaken
from ondi.accounts.models import Membership, RefreshFamily, User
from ondi.accounts.querysets import normalize_email
from ondi.accounts.sessions import end_sessions, set_password
from ondi.accounts.signals import support_role_ended
from ondi.tenants.scope import tenant_scope


@transaction.atomic
def create_operator(*, email: str, password: str) -> User:
    """A platform operator: reads every tenant in the admin and changes no ticket. Raises `EmailTaken`."""
    return _create_login(email=email, password=password, is_superuser=True)


@transaction.atomic
def add_member(
    *, tenant_id: UUID, email: str | None, password: str | None = None, user: User | None = None, **details: Any
) -> Membership:
    """Make somebody a person of a tenant, with a login of their own unless one is given.

    With a password they sign in with the e-mail at once; without one they wait for a link (`invitations`), and
    no other login of this e-mail is looked at. `details`: fields of `Membership`. Needs the tenant in scope.
    Raises `EmailTaken` where somebody signs in with it already, and `IntegrityError` where it is another
    person's of this tenant.
    """
    email = normalize_email(email)
    if user is None:
        user = _create_login(email=email if password is not None else None, password=password)
    return Membership.objects.create(tenant_id=tenant_id, user=user, email=email, **details)


@transaction.atomic
def update_member(*, membership: Membership, **changes: Any) -> Membership:
    """Change a person's fields, role and support role among them. A support user is view-only no longer.

    Locks the membership. Somebody who stops being a support user, or leaves, gives their open tickets back
    in the same transaction; somebody who leaves is signed out.
    """
    current = Membership.objects.locked().get(pk=membership.pk)
    was_support = current.is_support_user and current.ended_at is None
    for name, value in changes.items():
        setattr(current, name, value)
    if current.is_support_user:
        current.is_view_only = False
    if current.ended_at is not None:
        current.is_support_user = False
        RefreshFamily.objects.filter(tenant_id=current.tenant_id, user_id=current.user_id, revoked_at=None).update(
            revoked_at=timezone.now()
        )
    current.save()
    if was_support and not current.is_support_user:
        support_role_ended.send(sender=Membership, membership=current)
    return current


def end_membership(*, membership: Membership) -> Membership:
    """The person leaves the tenant: no more access, history kept."""
    return update_member(membership=membership, ended_at=timezone.now())


@transaction.atomic
def disable_login(*, user: User) -> None:
    """The person can sign in nowhere any more: sessions end, and open tickets go back to their queues.

    Their memberships stay, so switching the login on again (`is_active`) is all it takes to have them back.
    """
    user.is_active = False
    user.save(update_fields=["is_active"])
    end_sessions(user_id=user.id)
    with tenant_scope(*(tenant["id"] for tenant in tenants_of(user.id))):
        for membership in Membership.objects.filter(user=user, ended_at=None, is_support_user=True).locked():
            support_role_ended.send(sender=Membership, membership=membership)


@transaction.atomic
def set_login(*, tenant_id: UUID, customer_external_id: str, email: str, password: str) -> Membership:
    """Give an imported customer an e-mail and a password to sign in with. The operator's word proves nothing.

    Needs the tenant in scope. Locks the login and then the membership. Raises `CustomerNotFound` and
    `EmailTaken`.
    """
    people = Membership.objects.filter(tenant_id=tenant_id, external_id=customer_external_id)
    user = User.objects.select_for_update().filter(id__in=people.values("user_id")).first()
    membership = people.filter(user=user).locked().first()
    if user is None or membership is None:
        raise CustomerNotFound
    membership.email = user.email = normalize_email(email)
    user.email_proved_at = None
    try:
        with transaction.atomic():
            user.save(update_fields=["email", "email_proved_at"])
            membership.save(update_fields=["email"])
    except IntegrityError as error:
        raise EmailTaken from error
    set_password(user=user, new_password=password)
    return membership


def _create_login(*, email: str | None, password: str | None, **fields: Any) -> User:
    try:
        with transaction.atomic():
            return User.objects.create_user(email, password, **fields)
    except IntegrityError as error:
        raise EmailTaken from error
