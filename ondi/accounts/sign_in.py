"""Signing in with e-mail and password, and the limit on failures."""

import hashlib
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.utils import reset
from django.conf import settings
from django.contrib.auth import authenticate
from django.db import connection, transaction
from django.http import HttpRequest

from ondi.accounts.entering import tenants_of
from ondi.accounts.errors import InvalidCredentials, SignInThrottled, TenantRequired
from ondi.accounts.models import User
from ondi.accounts.querysets import normalize_email
from ondi.accounts.sessions import Session, begin_session
from ondi.api.client import client_address
from ondi.common.errors import DomainError


def sign_in(*, request: HttpRequest, email: str, password: str, tenant_slug: str | None) -> Session | DomainError:
    """Begin a session, or return why not: `InvalidCredentials`, `TenantRequired`, `SignInThrottled`."""
    found = check_credentials(request=request, email=email, password=password)
    return _choose_tenant(found.pk, tenant_slug) if isinstance(found, User) else found


@transaction.atomic
def check_credentials(*, request: HttpRequest, email: str, password: str) -> User | DomainError:
    """Whose e-mail and password these are, or why not: `InvalidCredentials`, `SignInThrottled`. For API and admin.

    The attempts of one address for one e-mail queue up on an advisory lock, so that exactly ten of them
    may fail in 15 minutes however many come at once. A refusal is returned, not raised, so that the
    failure counted is committed.
    """
    email = normalize_email(email) or ""
    _queue_up(email, client_address(request))
    if AxesProxyHandler.is_locked(request, {"username": email}):
        return SignInThrottled(retry_after=int(settings.AXES_COOLOFF_TIME.total_seconds()))
    user = authenticate(request, username=email, password=password)
    request.axes_locked_out = False  # type: ignore[attr-defined]  # the tenth failure is still a plain refusal
    if user is None:
        return InvalidCredentials()
    assert isinstance(user, User)
    reset(username=email, ip=client_address(request))
    return user


def axes_username(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Under which name axes counts failures: the e-mail as we keep it."""
    given = (credentials or {}).get("username") or request.POST.get("username", "")
    return normalize_email(given) or ""


def _choose_tenant(user_id: Any, slug: str | None) -> Session | DomainError:
    tenants = tenants_of(user_id)
    if slug is not None:
        tenants = [tenant for tenant in tenants if tenant["slug"] == slug]
    if not tenants:
        return InvalidCredentials()
    if len(tenants) > 1:
        return TenantRequired([{**tenant, "id": str(tenant["id"])} for tenant in tenants])
    return begin_session(user_id=user_id, tenant_id=tenants[0]["id"])


def _queue_up(email: str, address: str) -> None:
    name = f"sign-in\n{address}\n{email}".encode("utf-8", "backslashreplace")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(hashlib.sha256(name).digest()[:8], signed=True)]
        )
