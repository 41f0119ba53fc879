"""`manage.py purge_closed_tickets`."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from ondi.datafixes.command import FixCommand, days
from support.fixes.final import PurgeClosed


class Command(FixCommand):
    help = (
        "FINAL. Delete tickets closed longer ago than --older-than days, with their conversations, notes, events and "
        "tags. "
        "There is no undo: nothing is kept of what was there."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=days, required=True, metavar="DAYS")

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> PurgeClosed:
        return PurgeClosed(tenant_id, days=options["older_than"])
