"""Django's `dbshell` with tenants in scope, read-only unless told otherwise."""

import os
from typing import Any

from django.core.management.base import CommandParser
from django.core.management.commands import dbshell

from ondi.common.database import SCOPE_SETTING
from ondi.tenants.management.scoped import add_scope_arguments, chosen_scope


class Command(dbshell.Command):
    help = (
        "psql as the application. --tenant or --all-tenants put rows in scope for the session; --write lets it write."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_scope_arguments(parser)

    def handle(self, **options: Any) -> None:
        tenant_ids = chosen_scope(options)
        if tenant_ids is not None:
            scope = ",".join(map(str, tenant_ids))
            mode = "off" if options["write"] else "on"
            os.environ["PGOPTIONS"] = f"-c {SCOPE_SETTING}={scope} -c default_transaction_read_only={mode}"
        super().handle(**options)
