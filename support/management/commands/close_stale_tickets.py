"""`manage.py close_stale_tickets`."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from ondi.datafixes.command import FixCommand, days
from support.fixes.tickets import CloseStale, TicketFix


class Command(FixCommand):
    help = (
        "Close open tickets that wait on their customer and have been silent for --days. Changes tickets and their "
        "conversations; the customer is told nothing. To undo: manage.py data_fixes undo RUN."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=days, required=True, metavar="N", help="Silent for so many days.")

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> TicketFix:
        return CloseStale(tenant_id, days=options["days"])
