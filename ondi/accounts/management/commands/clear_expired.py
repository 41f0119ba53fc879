"""`manage.py clear_expired`: throw away what time has made useless, now; `manage.py work` does it daily."""

from typing import Any

from django.core.management.base import BaseCommand

from ondi.accounts.chores import clear_expired


class Command(BaseCommand):
    help = (
        "Delete kept answers older than 24 hours, expired sessions, and counts of old sign-ins. `manage.py work` does "
        "it once a day by itself."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = clear_expired()
        self.stdout.write(
            f"Deleted {done.answers} kept answers, {done.sessions} expired sessions and {done.attempts} counts of "
            "sign-ins."
        )
