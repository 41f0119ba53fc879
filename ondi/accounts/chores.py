"""Throwing away what time has made useless."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Q, QuerySet
from django.utils import timezone

from ondi.accounts.attempts import forget_old_attempts
from ondi.accounts.models import RefreshFamily
from ondi.api.idempotency import KEPT_FOR
from ondi.api.models import IdempotencyRecord
from ondi.outbox.chores import every
from ondi.tenants.scope import find_tenants, tenant_scope

SIGN_INS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many of each were deleted."""

    answers: int
    sessions: int
    attempts: int


@every(timedelta(days=1), "clear_expired")
def clear_expired() -> Cleared:
    """Delete kept answers older than 24 hours, expired sessions of both kinds, and counts of old sign-ins.

    Which key signed a customer in is kept for `SIGN_INS_KEPT`.
    """
    now = timezone.now()
    answers = sessions = 0
    for tenant_id in find_tenants().values():
        with tenant_scope(tenant_id):
            answers += IdempotencyRecord.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]
            sessions += _useless_sessions(now).delete()[0]
    SessionStore.clear_expired()
    return Cleared(answers, sessions, forget_old_attempts())


def _useless_sessions(now: datetime) -> "QuerySet[RefreshFamily]":
    return RefreshFamily.objects.filter(Q(api_key=None, expires_at__lt=now) | Q(expires_at__lt=now - SIGN_INS_KEPT))
