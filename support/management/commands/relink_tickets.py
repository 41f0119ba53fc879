"""`manage.py relink_tickets`."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from ondi.datafixes.command import FixCommand
from support.fixes.tickets import Relink, read_csv


class Command(FixCommand):
    help = (
        "Tie tickets to the item they are about, from a CSV with the columns `ticket` (number or id) and `item` "
        "(`delivery:` code or external id, `order:` number or external id, or `none`); the item has to be the ticket's "
        "customer's. Changes tickets only. To undo: manage.py data_fixes undo RUN."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="file", type=Path, required=True, metavar="CSV")

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> Relink:
        return Relink(tenant_id, rows=read_csv(options["file"], "ticket", "item"))
