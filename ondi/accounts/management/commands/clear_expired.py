"""`manage.py clear_expired`: throw away what time has made useless; for a daily timer."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone

from ondi.accounts.attempts import forget_old_attempts
from ondi.accounts.models import RefreshFamily
from ondi.api.idempotency import KEPT_FOR
from ondi.api.models import IdempotencyRecord
from ondi.tenants.scope import find_tenants, tenant_scope


class Command(BaseCommand):
    help = "Delete kept answers older than 24 hours, expired sessions, and counts of old sign-ins. Run it daily."

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        answers = sessions = 0
        for tenant_id in find_tenants().values():
            with tenant_scope(tenant_id):
                answers += IdempotencyRecord.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]
                sessions += RefreshFamily.objects.filter(expires_at__lt=now).delete()[0]
        attempts = forget_old_attempts()
        call_command("clearsessions")
        self.stdout.write(
            f"Deleted {answers} kept answers, {sessions} expired sessions and {attempts} counts of sign-ins."
        )
