"""Signed-in sessions: begun, refreshed, ended.

Refusals here must outlive themselves (a revoked family, a counted failure), so these functions
commit what they did and *return* the refusal; the view raises it afterwards.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from ondi.accounts.actors import Actor
from ondi.accounts.entering import enter
from ondi.accounts.errors import TokenInvalid, TokenReused
from ondi.accounts.models import RefreshFamily, User
from ondi.accounts.tokens import Claims, issue_access_token, issue_refresh_token, read_refresh_token
from ondi.common.errors import DomainError
from ondi.common.ids import new_id
from ondi.tenants.scope import tenant_scope

REFRESH_LIFETIME: timedelta = settings.SIMPLE_JWT["REFRESH_TOKEN_LIFETIME"]
ACCESS_LIFETIME: timedelta = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]


@dataclass(frozen=True, slots=True)
class Session:
    """A pair of tokens and whom they stand for."""

    access_token: str
    refresh_token: str
    actor: Actor

    @property
    def expires_in(self) -> int:
        """Seconds the access token lives."""
        return int(ACCESS_LIFETIME.total_seconds())


def begin_session(*, user_id: UUID, tenant_id: UUID) -> Session | DomainError:
    """A new refresh family for this person in this tenant; `TokenInvalid` if they may not enter it."""
    with tenant_scope(tenant_id):
        now = timezone.now()
        family = RefreshFamily.objects.create(
            tenant_id=tenant_id,
            user_id=user_id,
            current_jti=new_id(),
            issued_at=now,
            expires_at=now + REFRESH_LIFETIME,
        )
        return _session_of(family)


def refresh_session(*, refresh_token: str) -> Session | DomainError:
    """Spend a refresh token for a new pair.

    Spending is one conditional statement, so of any number of racing callers one spends it; the others
    get the same successor for ten seconds. Later the token counts as stolen and its family is revoked.
    Raises `TokenInvalid` and `TokenExpired` for what is not a good token at all.
    """
    claims = read_refresh_token(refresh_token)
    with tenant_scope(claims.tenant_id):
        now = timezone.now()
        of_this_session = RefreshFamily.objects.filter(
            id=claims.session_id, tenant_id=claims.tenant_id, user_id=claims.user_id
        )
        in_force = of_this_session.filter(revoked_at=None, expires_at__gt=now - settings.CLOCKS_APART)
        in_force.filter(current_jti=claims.jti).update(
            previous_jti=F("current_jti"), current_jti=new_id(), issued_at=now, expires_at=now + REFRESH_LIFETIME
        )
        family = of_this_session.first()
        if family is None or claims.jti == family.current_jti:
            return TokenInvalid()  # unknown, or revoked or expired before it was spent
        in_grace = -settings.CLOCKS_APART <= now - family.issued_at <= settings.REFRESH_GRACE
        if family.revoked_at is None and claims.jti == family.previous_jti and in_grace:
            return _session_of(family)
        of_this_session.filter(revoked_at=None).update(revoked_at=now)
        return TokenReused()


def end_session(*, refresh_token: str) -> None:
    """Revoke the token's family. Raises `TokenInvalid` and `TokenExpired`."""
    claims = read_refresh_token(refresh_token)
    with tenant_scope(claims.tenant_id):
        RefreshFamily.objects.filter(
            id=claims.session_id, tenant_id=claims.tenant_id, user_id=claims.user_id, revoked_at=None
        ).update(revoked_at=timezone.now())


@transaction.atomic
def set_password(*, user: User, new_password: str, but: UUID | None = None) -> None:
    """Give a login another password, and end its sessions: API and admin, in all tenants, `but` one of the API.

    For commands; where others wait for an answer the hash comes first (`credentials.replace_password`).
    """
    user.set_password(new_password)
    put_password(user=user, hashed=user.password, but=but)


def put_password(*, user: User, hashed: str, but: UUID | None = None) -> None:
    """Keep a password that is hashed already, and end the login's sessions. Needs a transaction.

    (Sessions of the admin carry a hash of the password and end by themselves.)
    """
    user.password = hashed
    user.save(update_fields=["password"])
    end_sessions(user_id=user.id, but=but)


def end_sessions(*, user_id: UUID, but: UUID | None = None) -> None:
    """Revoke every API session of this login, `but` one, in all its tenants, suspended ones too; sets no scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ondi_end_sessions(%s, %s, %s)", [user_id, but, timezone.now()])


def _session_of(family: RefreshFamily) -> Session | DomainError:
    claims = Claims(family.user_id, family.tenant_id, family.id, family.current_jti)
    actor = enter(claims.user_id, claims.tenant_id, claims.session_id)
    if actor is None:
        return TokenInvalid()
    return Session(issue_access_token(claims), issue_refresh_token(claims, family.issued_at), actor)
