"""`manage.py doctor`."""

import json
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from ondi.files.storage import StoreAway
from ondi.tenants.scope import find_tenants
from support.fixes.clocks import examine_clocks
from support.fixes.doctor import SHOWN, examine
from support.fixes.files import examine_files
from support.fixes.findings import FINDINGS
from support.fixes.schema import differences


class Command(BaseCommand):
    help = (
        "Look for data that is not as it has to be: summaries, sequences, turns, participants, links, choices, times, "
        "events, clocks, settings, counter; and for a schema that is not what the migrations made. Changes nothing. "
        "Exits with 1 where it found something, and names the command that repairs it or, where that is in doubt, what "
        "a person has to look at."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", action="append", metavar="SLUG", help="This tenant; repeatable. Else all.")
        parser.add_argument(
            "--files", action="store_true", help="Look also whether the bytes of all files are there; slow in a bucket."
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        self._refuse_another_version()
        tenants = find_tenants(*(options["tenant"] or ()))
        if unknown := set(options["tenant"] or ()) - set(tenants):
            raise CommandError(f"There is no tenant {', '.join(sorted(unknown))}.")
        report = _drift()
        for slug, tenant_id in sorted(tenants.items()):
            report += examine(slug, tenant_id) + examine_clocks(slug, tenant_id)
            if options["files"]:
                report += _files(slug, tenant_id)
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        else:
            self._tell(report, len(tenants))
        if report:
            raise CommandError("Something is not as it has to be.")

    def _refuse_another_version(self) -> None:
        executor = MigrationExecutor(connection)
        missing = [
            f"{step.app_label}.{step.name}"
            for step, _back in executor.migration_plan(executor.loader.graph.leaf_nodes())
        ]
        if missing:
            more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            raise CommandError(
                f"This database lacks migrations ({', '.join(missing[:SHOWN])}{more}): run manage.py migrate first."
            )

    def _tell(self, report: list[dict[str, Any]], tenants: int) -> None:
        for one in report:
            self.stdout.write(f"{one['tenant'] or 'database'}: {one['finding']}: {one['what']} ({one['count']})")
            for example in one["examples"]:
                self.stdout.write(f"    {example}")
            if one["repair"]:
                self.stdout.write(f"    repair: {one['repair']}")
            if one["for_a_person"]:
                look_at = one["look_at"] or "see the reasons above"
                self.stdout.write(f"    for a person ({one['for_a_person']}): {look_at}")
        if not report:
            self.stdout.write(f"{tenants} tenants, {len(FINDINGS)} invariants and the schema: all as it has to be.")


def _files(slug: str, tenant_id: UUID) -> list[dict[str, Any]]:
    try:
        return examine_files(slug, tenant_id)
    except StoreAway as error:
        raise CommandError(f"The place of files cannot be looked at: {error}.") from error


def _drift() -> list[dict[str, Any]]:
    """What of the schema is not what the migrations made; all of it, for each is a hole or a fault."""
    with transaction.atomic():
        lines = list(differences())
    if not lines:
        return []
    return [{
        "tenant": None, "finding": "schema", "what": "the schema is not what the migrations made", "count": len(lines),
        "examples": lines, "repair": None, "for_a_person": len(lines),
        "look_at": "put it back as the owner of the schema, or find out which migration is missing",
    }]  # fmt: skip
