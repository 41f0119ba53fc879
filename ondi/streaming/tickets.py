"""Issuing tickets, and entering by one."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from ondi.accounts.errors import TokenExpired
from ondi.accounts.tokens import Claims
from ondi.streaming.models import StreamTicket

GOOD_FOR = timedelta(seconds=30)
LONGEST = 100


@dataclass(frozen=True, slots=True)
class Taken:
    """Who comes in by a ticket, and until when. Of the admin: nobody yet, but the session to ask."""

    user_id: UUID
    tenant_id: UUID
    session_id: UUID | None
    membership_id: UUID | None
    is_support_user: bool
    ends_at: datetime
    admin_session: str
    subject_id: UUID | None


def issue_ticket(claims: Claims) -> tuple[str, datetime]:
    """A new ticket, and until when it is good; the stream ends when the token does. Needs the tenant in scope.

    Raises `TokenExpired` for a token that is over and counts only because clocks are apart: it would open nothing, and
    its page would ask again and again before it hears that it has to refresh.
    """
    ends_at = datetime.fromtimestamp(claims.ends_at, UTC)
    if ends_at <= timezone.now():
        raise TokenExpired
    return _issued(
        tenant_id=claims.tenant_id, user_id=claims.user_id, session_id=claims.session_id, ends_at=ends_at
    )  # fmt: skip


def issue_admin_ticket(
    *, tenant_id: UUID, user_id: UUID, session: str, ends_at: datetime, subject_id: UUID | None = None
) -> tuple[str, datetime]:
    """The same for a session of the admin, under one of its tenants: that of the subject, where its page shows one."""
    return _issued(
        tenant_id=tenant_id, user_id=user_id, admin_session=session, ends_at=ends_at, subject_id=subject_id
    )  # fmt: skip


def address_of(ticket: str, here: str) -> str:
    """The stream's whole address with a ticket; `here`: where we are asked, for where no address is set."""
    return f"{settings.STREAM_URL or here}/messaging/stream?ticket={ticket}"


def _issued(**of: Any) -> tuple[str, datetime]:
    text, expires_at = secrets.token_urlsafe(32), timezone.now() + GOOD_FOR
    StreamTicket.objects.create(ticket_hash=_hash(text), expires_at=expires_at, **of)
    return text, expires_at


def take_ticket(text: str) -> Taken | None:
    """Whom a ticket lets in, and never again; None for one that is unknown, used or expired, or whose person is out.

    One statement, which sets the scope to the ticket's tenant. Needs a transaction, and its commit.
    """
    if len(text) > LONGEST:
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_id, tenant_id, session_id, membership_id, is_support_user, ends_at, admin_session, subject_id "
            "FROM ondi_take_stream_ticket_2(%s, %s)",
            [_hash(text), timezone.now()],
        )
        row = cursor.fetchone()
    return Taken(*row) if row else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
