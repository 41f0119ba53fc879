"""Throwing away what time has made useless."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from ondi.accounts.attempts import forget_old_attempts
from ondi.accounts.models import RefreshFamily
from ondi.api.idempotency import KEPT_FOR
from ondi.api.models import IdempotencyRecord
from ondi.outbox.chores import every
from ondi.tenants.scope import find_tenants, tenant_scope


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many of each were deleted."""

    answers: int
    sessions: int
    attempts: int


@every(timedelta(days=1), "clear_expired")
def clear_expired() -> Cleared:
    """Delete kept answers older than 24 hours, expired sessions of both kinds, and counts of old sign-ins."""
    now = timezone.now()
    answers = sessions = 0
    for tenant_id in find_tenants().values():
        with tenant_scope(tenant_id):
            answers += IdempotencyRecord.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]
            sessions += RefreshFamily.objects.filter(expires_at__lt=now).delete()[0]
    SessionStore.clear_expired()
    return Cleared(answers, sessions, forget_old_attempts())
