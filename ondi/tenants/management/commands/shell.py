"""Django's `shell` with tenants in scope: one transaction, read-only unless told otherwise."""

from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import shell
from django.db import connection, transaction

from ondi.tenants.management.scoped import add_scope_arguments, chosen_scope
from ondi.tenants.scope import set_scope


class Command(shell.Command):
    help = "Django's shell. --tenant or --all-tenants put rows in scope, in one transaction, which --write commits."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_scope_arguments(parser)

    def handle(self, **options: Any) -> None:
        tenant_ids = chosen_scope(options)
        if tenant_ids is None:
            super().handle(**options)
            return
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                if not options["write"]:
                    cursor.execute("SET TRANSACTION READ ONLY")
            set_scope(tenant_ids)
            super().handle(**options)
