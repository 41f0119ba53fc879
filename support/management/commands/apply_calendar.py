"""`manage.py apply_calendar`."""

from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from ondi.datafixes.command import FixCommand
from ondi.tenants.scope import tenant_scope
from support.fixes.calendars import ApplyCalendar, calendar_named


class Command(FixCommand):
    help = (
        "Bring the newest hours of a calendar to the promises that run by former ones; the time used so far stays, and "
        "what was met or missed. Changes clocks and due times. To undo: manage.py data_fixes undo RUN."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--calendar", required=True, metavar="NAME", help="The calendar's name.")

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> ApplyCalendar:
        with tenant_scope(tenant_id):
            return ApplyCalendar(tenant_id, calendar=calendar_named(tenant_id, options["calendar"]))
