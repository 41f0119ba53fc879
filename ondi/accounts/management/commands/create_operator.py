"""`manage.py create_operator`: the first login of an installation."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from ondi.accounts.management.password import new_password
from ondi.accounts.services import create_operator
from ondi.common.errors import DomainError


class Command(BaseCommand):
    help = (
        "Create a platform operator, who reads every tenant in the admin, manages tenants and people, and changes no "
        "ticket. Asks for the password, or reads it from the standard input."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            validate_email(options["email"])
            user = create_operator(email=options["email"], password=new_password())
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Created platform operator {user.email}.")
