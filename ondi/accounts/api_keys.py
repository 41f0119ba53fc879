"""Tenant API keys: issued once, kept as a hash, revocable, with an expiry."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ondi.accounts.audit import note_caller
from ondi.accounts.errors import ApiKeyEnded, ApiKeyInvalid
from ondi.accounts.models import ApiKey, RefreshFamily, Scope
from ondi.common.errors import PermissionDenied

PREFIX = "od_"
SHOWN = 9
LONGEST_KEY = 200
OLD_KEY_VALID_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Integration:
    """The caller behind an API key."""

    user_id: UUID
    tenant_id: UUID
    scopes: frozenset[str]

    is_authenticated = True

    @property
    def tenant_ids(self) -> tuple[UUID, ...]:
        return (self.tenant_id,)


def issue_api_key(
    *,
    tenant_id: UUID,
    name: str,
    scopes: Collection[str] = (Scope.CATALOGUE_WRITE,),
    expires_at: datetime | None = None,
    created_by_id: UUID | None = None,
) -> tuple[ApiKey, str]:
    """A new key and its text, which is never to be had again. Needs the tenant in scope."""
    text = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        tenant_id=tenant_id,
        name=name,
        scopes=sorted(scopes),
        prefix=text[:SHOWN],
        key_hash=_hash(text),
        expires_at=expires_at,
        created_by_id=created_by_id,
    )
    return key, text


@transaction.atomic
def rotate_api_key(
    *, key: ApiKey, old_valid_for: timedelta = OLD_KEY_VALID_FOR, created_by_id: UUID | None = None
) -> tuple[ApiKey, str]:
    """A new key that opens what this one does, and its text. The old one ends after `old_valid_for` at the latest.

    One with an expiry is followed by one that lives as long. Locks the key. Raises `ApiKeyEnded` where it opens
    nothing any more.
    """
    old, now = ApiKey.objects.select_for_update().get(pk=key.pk), timezone.now()
    if not old.opens_something:
        raise ApiKeyEnded
    new = issue_api_key(
        tenant_id=old.tenant_id,
        name=old.name,
        scopes=old.scopes,
        expires_at=now + (old.expires_at - old.created_at) if old.expires_at else None,
        created_by_id=created_by_id,
    )
    old.expires_at = min(now + old_valid_for, old.expires_at or now + old_valid_for)
    old.save(update_fields=["expires_at"])
    return new


@transaction.atomic
def revoke_api_key(*, key: ApiKey) -> None:
    """From its next request on the key opens nothing, and customers it signed in are signed out; else as it is."""
    now = timezone.now()
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now)
    RefreshFamily.objects.filter(tenant_id=key.tenant_id, api_key=key, revoked_at=None).update(revoked_at=now)


class ApiKeyAuthentication(BaseAuthentication):
    """`X-API-Key`. The scope is entered with the key, in one round trip."""

    def authenticate(self, request: Request) -> tuple[Integration, str]:
        """Raises `ApiKeyInvalid` for a missing, unknown, expired or revoked key, or a suspended tenant."""
        text = request.headers.get("X-API-Key", "")
        if not text.startswith(PREFIX) or len(text) > LONGEST_KEY:
            raise ApiKeyInvalid
        with connection.cursor() as cursor:
            cursor.execute("SELECT key_id, tenant_id, scopes FROM ondi_enter_api_key_2(%s)", [_hash(text)])
            row = cursor.fetchone()
        if row is None:
            raise ApiKeyInvalid
        caller = Integration(user_id=row[0], tenant_id=row[1], scopes=frozenset(row[2]))
        note_caller(request._request, user_id=caller.user_id, tenant_ids=caller.tenant_ids)
        return caller, "api key"

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasScope(BasePermission):
    """The key opens what the view's `scope` names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises `PermissionDenied`."""
        if view.scope not in cast(Integration, request.user).scopes:
            raise PermissionDenied
        return True


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
