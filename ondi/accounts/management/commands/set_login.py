"""`manage.py set_login`: let an imported customer sign in."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from ondi.accounts.management.password import new_password
from ondi.accounts.services import set_login
from ondi.common.errors import DomainError
from ondi.tenants.scope import find_tenants, tenant_scope


class Command(BaseCommand):
    help = (
        "Give a customer who came by import an e-mail and a password. Asks for the password, or reads it from the "
        "standard input. Run again, it replaces both."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--customer", required=True, metavar="EXTERNAL_ID")
        parser.add_argument("--email", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id = find_tenants(options["tenant"]).get(options["tenant"])
        if tenant_id is None:
            raise CommandError(f"There is no tenant {options['tenant']!r}.")
        try:
            validate_email(options["email"])
            password = new_password()  # before the transaction, which must not wait for somebody's typing
            with tenant_scope(tenant_id):
                membership = set_login(
                    tenant_id=tenant_id,
                    customer_external_id=options["customer"],
                    email=options["email"],
                    password=password,
                )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{membership.email} may sign in to {options['tenant']}.")
