"""`manage.py doctor`."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection, transaction

from ondi.tenants.scope import find_tenants, tenant_scope
from support.fixes.doctor import found
from support.fixes.findings import FINDINGS

SHOWN = 5


class Command(BaseCommand):
    help = (
        "Look for data that is not as it has to be: summaries, sequences, turns, participants, links, events, counter. "
        "Changes nothing. Exits with 1 where it found something, and names the command that repairs it or, where that "
        "is in doubt, what a person has to look at."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", action="append", metavar="SLUG", help="This tenant; repeatable. Else all.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = find_tenants(*(options["tenant"] or ()))
        if unknown := set(options["tenant"] or ()) - set(tenants):
            raise CommandError(f"There is no tenant {', '.join(sorted(unknown))}.")
        report = []
        for slug, tenant_id in sorted(tenants.items()):
            for finding in FINDINGS:
                with transaction.atomic(), tenant_scope(tenant_id):
                    with connection.cursor() as cursor:
                        cursor.execute("SET TRANSACTION READ ONLY")
                        cursor.execute("SET LOCAL statement_timeout = 0")
                    number = left = 0
                    examples: list[str] = []
                    for key, detail, doubt in found(finding, tenant_id):
                        number += 1
                        left += doubt is not None
                        why = f"({doubt})" if doubt and finding.mend else ""
                        if len(examples) < SHOWN:
                            examples.append(" ".join(filter(None, [str(key), detail, why])))
                if number:
                    command = f"manage.py repair --finding {finding.name} --tenant {slug}" if left < number else None
                    report.append({"tenant": slug, "finding": finding.name, "what": finding.what, "count": number,
                                   "examples": examples, "mend": command, "for_a_person": left,
                                   "look_at": finding.look_at or None})  # fmt: skip
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False))
        else:
            self._tell(report, len(tenants))
        if report:
            raise CommandError("Something is not as it has to be.")

    def _tell(self, report: list[dict[str, Any]], tenants: int) -> None:
        for one in report:
            self.stdout.write(f"{one['tenant']}: {one['finding']}: {one['what']} ({one['count']})")
            for example in one["examples"]:
                self.stdout.write(f"    {example}")
            if one["mend"]:
                self.stdout.write(f"    repair: {one['mend']}")
            if one["for_a_person"]:
                look_at = one["look_at"] or "see the reasons above"
                self.stdout.write(f"    for a person ({one['for_a_person']}): {look_at}")
        if not report:
            self.stdout.write(f"{tenants} tenants, {len(FINDINGS)} invariants: all as it has to be.")
