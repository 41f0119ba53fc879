"""`manage.py reset_second_factor`: for somebody whose phone and backup codes are lost."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ondi.accounts.models import User
from ondi.accounts.querysets import normalize_email
from ondi.accounts.second_factor import forget_second_factor


class Command(BaseCommand):
    help = "Forget a person's second factor, so that they set up a new one when they next sign in to the admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=normalize_email(options["email"])).first()
        if user is None:
            raise CommandError("Nobody signs in with this e-mail.")
        forget_second_factor(user=user)
        self.stdout.write(f"{user.email} sets up a new second factor at the next sign-in.")
