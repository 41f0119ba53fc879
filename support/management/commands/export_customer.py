"""`manage.py export_customer`: everything about one person, for themselves."""

import json
import zipfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from ondi.common.files import create_private
from ondi.common.personal import declared, rows_about
from ondi.tenants.scope import find_tenants, tenant_scope
from support.fixes.tickets import person_named


class Command(BaseCommand):
    help = (
        "Write everything the tenant holds about one customer into a ZIP of JSON files: the person, tickets, messages, "
        "notes, events, orders, deliveries, sessions, as the models declare it. Changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--customer", required=True, metavar="PERSON", help="E-mail, external id or id.")
        parser.add_argument("--out", required=True, type=Path, metavar="FILE.zip")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id = find_tenants(options["tenant"]).get(options["tenant"])
        if tenant_id is None:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        person = person_named(tenant_id, options["customer"])
        with tenant_scope(tenant_id):
            parts = {its.export: rows_about(model, person) for model, its in declared() if its.export}
            counts = self._write(options["out"], parts)
        self.stdout.write(f"{options['out']}: " + ", ".join(f"{number} {name}" for name, number in counts.items()))

    def _write(self, path: Path, parts: dict[str, QuerySet[Any]]) -> dict[str, int]:
        """Raises `CommandError` where the file cannot be written."""
        counts = {}
        try:
            with create_private(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, rows in parts.items():
                    found = list(rows.order_by("pk").values())
                    archive.writestr(f"{name}.json", _json(found[0] if name == "person" else found))
                    counts[name] = len(found)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        return counts


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
