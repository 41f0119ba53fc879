"""`manage.py repair`."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from ondi.datafixes.command import FixCommand
from ondi.datafixes.fixes import Fix
from support.fixes.clocks import WRONG, RecomputeClocks
from support.fixes.doctor import BY_NAME, Repair
from support.fixes.files import MISSING, GiveUpLost

# Repairs that no SQL can do.
OWN: Mapping[str, type[Fix]] = {MISSING: GiveUpLost, WRONG: RecomputeClocks}


class Command(FixCommand):
    help = (
        "Repair what `manage.py doctor` found: one --finding at a time. Changes the rows the finding names, and "
        "nothing else; opens no conversation to anybody, loses no text, and leaves unread what was not read. What is "
        "in doubt is named and left to a person. Files whose bytes are lost are shown as damaged. "
        "To undo: manage.py data_fixes undo RUN; events that were added stay."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        names = sorted([*BY_NAME, *OWN])
        parser.add_argument(
            "--finding", required=True, choices=names, metavar="NAME", help=f"One of: {', '.join(names)}."
        )

    def name_of(self, options: dict[str, Any]) -> str:
        return f"repair {options['finding']}"

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> Fix:
        if own := OWN.get(options["finding"]):
            return own(tenant_id)
        finding = BY_NAME[options["finding"]]
        if finding.look_at:
            raise CommandError(f"{finding.name} is left to a person, and nothing was changed: {finding.look_at}.")
        return Repair(tenant_id, finding=finding)
