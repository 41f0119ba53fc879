"""`manage.py repair`."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from ondi.datafixes.command import FixCommand
from support.fixes.doctor import BY_NAME, Repair


class Command(FixCommand):
    help = (
        "Mend what `manage.py doctor` found: one --finding at a time. Changes the rows the finding names, and nothing "
        "else. To undo: manage.py data_fixes undo RUN; events that were added stay."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        names = sorted(BY_NAME)
        parser.add_argument(
            "--finding", required=True, choices=names, metavar="NAME", help=f"One of: {', '.join(names)}."
        )

    def name_of(self, options: dict[str, Any]) -> str:
        return f"repair {options['finding']}"

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> Repair:
        return Repair(tenant_id, finding=BY_NAME[options["finding"]])
