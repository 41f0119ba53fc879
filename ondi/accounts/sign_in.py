"""Signing in to the API with e-mail and password."""

from django.db import transaction

from ondi.accounts.credentials import check_credentials
from ondi.accounts.entering import tenants_of
from ondi.accounts.errors import InvalidCredentials, TenantRequired
from ondi.accounts.models import User
from ondi.accounts.sessions import Session, begin_session
from ondi.common.errors import DomainError


def sign_in(*, network: str, email: str, password: str, tenant_slug: str | None) -> Session | DomainError:
    """Begin a session, or return why not: `TenantRequired`, and the refusals of `check_credentials`."""
    found = check_credentials(network=network, email=email, password=password)
    return _choose_tenant(found, tenant_slug) if isinstance(found, User) else found


@transaction.atomic
def _choose_tenant(user: User, slug: str | None) -> Session | DomainError:
    """Locks the login: a new password ends the sessions there are then, so one begun with the former is among them
    or is not begun."""
    still = User.objects.select_for_update(no_key=True).filter(id=user.id, password=user.password)
    if not still.values_list("id").first():
        return InvalidCredentials()
    tenants = tenants_of(user.id)
    if slug is not None:
        tenants = [tenant for tenant in tenants if tenant["slug"] == slug]
    if not tenants:
        return InvalidCredentials()
    if len(tenants) > 1:
        return TenantRequired([{**tenant, "id": str(tenant["id"])} for tenant in tenants])
    return begin_session(user_id=user.id, tenant_id=tenants[0]["id"])
