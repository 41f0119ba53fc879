"""`manage.py reassign_tickets`."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from ondi.datafixes.command import FixCommand
from support.fixes.tickets import Reassign, TicketFix, person_named


class Command(FixCommand):
    help = (
        "Give somebody's open tickets to somebody else, or to the queue. Changes tickets and who takes part in their "
        "conversations. To undo: manage.py data_fixes undo RUN."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", dest="giver", required=True, metavar="PERSON", help="E-mail, external id or id.")
        target = parser.add_mutually_exclusive_group(required=True)
        target.add_argument("--to", dest="taker", metavar="PERSON")
        target.add_argument("--to-queue", action="store_true")

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> TicketFix:
        giver = person_named(tenant_id, options["giver"])
        taker = person_named(tenant_id, options["taker"]) if options["taker"] else None
        if taker is not None and not (taker.is_support_user and taker.is_active and taker.user.is_active):
            raise CommandError(f"{options['taker']} is no support user of this tenant.")
        return Reassign(tenant_id, giver=giver.id, taker=taker.id if taker else None)
