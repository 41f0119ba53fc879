"""`manage.py create_tenant`: a new tenant with its settings; its people come in the admin."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ondi.common.errors import DomainError
from ondi.tenants.models import Language
from ondi.tenants.services import create_tenant


class Command(BaseCommand):
    help = "Create a tenant with its portal settings. Its people are added in the admin by a platform operator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", help="Short name in lower case, as in the login's `tenant`.")
        parser.add_argument("--name", required=True)
        parser.add_argument("--language", choices=Language.values, default=Language.ENGLISH)
        parser.add_argument("--time-zone", default="UTC", help="As Asia/Baghdad.")
        parser.add_argument("--currency", default="USD")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tenant = create_tenant(
                slug=options["slug"],
                name=options["name"],
                language=options["language"],
                time_zone=options["time_zone"],
                currency=options["currency"],
            )
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Created tenant {tenant.slug} ({tenant.id}).")
