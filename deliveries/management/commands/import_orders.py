"""`manage.py import_orders`: orders and their deliveries from a CSV."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from deliveries.importing.fix import ImportOrders
from deliveries.importing.mapping import read_mapping
from ondi.datafixes.command import MANY, FixCommand
from ondi.datafixes.fixes import Fix
from ondi.datafixes.runs import Outcome, Plan

SHOWN = 50


class Command(FixCommand):
    help = (
        "Read orders, their deliveries and customers from a CSV into a tenant, by external id: run again, it changes "
        "nothing that is the same. Good rows are kept whatever the others are; exits with 1 where rows were rejected. "
        "A time that names its zone keeps it, all others are in the zone of the map. "
        "To undo: manage.py data_fixes undo RUN. An order goes with its deliveries, or stays with them and its "
        "customer where one of them changed since, or something came to hang on one, as a ticket; what stays is named."
    )

    def add_own_arguments(self, parser: CommandParser) -> None:
        parser.set_defaults(batch_size=500, max_errors=MANY)
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--map",
            required=True,
            type=Path,
            metavar="FILE.toml",
            help="Columns, statuses and dates; as deliveries/import_maps/olist.toml.",
        )

    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> ImportOrders:
        fix = ImportOrders(tenant_id, path=options["file"], mapping=read_mapping(options["map"]))
        fix.check_file()
        return fix

    def _tell_outcome(self, slug: str, fix: Fix, outcome: Outcome, options: dict[str, Any]) -> dict[str, Any]:
        assert isinstance(fix, ImportOrders)
        report, unchanged = fix.importer.report, outcome.unchanged
        if not options["json"]:
            self.stdout.write(
                f"{report.counts['created']} created, {report.counts['updated']} updated, {unchanged} unchanged, "
                f"{len(report.rejections)} rejected."
            )
        return super()._tell_outcome(slug, fix, outcome, options) | self._tell_notes(fix, options)

    def _tell_plan(self, slug: str, fix: Fix, plan: Plan, options: dict[str, Any]) -> dict[str, Any]:
        assert isinstance(fix, ImportOrders)
        return super()._tell_plan(slug, fix, plan, options) | self._tell_notes(fix, options)

    def _tell_notes(self, fix: ImportOrders, options: dict[str, Any]) -> dict[str, Any]:
        """What was not taken as it stands, without costing its row."""
        report, several = fix.importer.report, len(fix.repeats.line_of)
        moved, doubled, left_out = (
            [f"line {line}: {what}" for line, what in noted]
            for noted in (report.moved_times, report.doubled_times, report.left_out)
        )
        if not options["json"]:
            if several:
                self.stdout.write(f"{several} orders have several lines: the {fix.mapping.lines} one counts.")
            self._tell_some("moved forward out of a clock change", moved)
            self._tell_some("came twice in a clock change, taken for the first time", doubled)
            self._tell_some("left out of a customer's details", left_out)
        return {"orders_with_several_lines": several, "moved_times": moved, "doubled_times": doubled,
                "left_out": left_out}  # fmt: skip

    def _tell_some(self, title: str, lines: list[str]) -> None:
        if lines:
            self.stdout.write(f"{len(lines)} {title}:")
            more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
            self.stdout.write("\n".join(f"  {line}" for line in [*lines[:SHOWN], *more]))
