"""`manage.py reopen_tickets`."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from ondi.datafixes.command import FixCommand
from ondi.tenants.scope import tenant_scope
from support.fixes.tickets import Reopen, TicketFix, add_between, period_in, person_named, read_csv, tickets_named


class Command(FixCommand):
    help = (
        "Open tickets again that were closed by mistake: those a person closed between two moments, or those of a CSV "
        "with the column `ticket` (number or id). Changes tickets and their conversations. An agent who still is a "
        "support user keeps theirs. To undo: manage.py data_fixes undo RUN."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--closed-by", metavar="PERSON", help="E-mail, external id or id.")
        add_between(parser)
        parser.add_argument("--from", dest="file", type=Path, metavar="CSV")

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> TicketFix:
        if options["file"]:
            names = [row["ticket"] for row in read_csv(options["file"], "ticket")]
            with tenant_scope(tenant_id):
                found = tickets_named(tenant_id, names)
            if unknown := sorted(set(names) - set(found)):
                raise CommandError(f"There is no ticket {', '.join(unknown[:20])}.")
            return Reopen(tenant_id, named=[ticket.id for ticket in found.values()])
        if not (options["closed_by"] and options["between"]):
            raise CommandError("Give --closed-by and --between, or --from.")
        closer = person_named(tenant_id, options["closed_by"])
        return Reopen(tenant_id, closed_by=closer.id, between=period_in(tenant_id, options["between"]))
