"""`manage.py export_customer`: everything about one person, for themselves."""

import json
import re
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ondi.common.files import create_private
from ondi.common.personal import declared, rows_about
from ondi.files.models import MAIN, State, StoredFile, stored_key
from ondi.files.storage import FileGone, StoreAway, TooLong, store
from ondi.tenants.scope import find_tenants, tenant_scope
from support.fixes.tickets import person_named

FILES = StoredFile.personal.export
LONGEST, LONGEST_ENDING = 50, 10  # 255 bytes are the most for a name, and a letter may be four


class Command(BaseCommand):
    help = (
        "Write everything the tenant holds about one customer into a ZIP of JSON files: the person, tickets, messages, "
        "notes, events, orders, deliveries, sessions, as the models declare it, and beside them the files themselves. "
        "Changes nothing."
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
            parts = {
                its.export: list(rows_about(model, person).order_by("pk").values())
                for model, its in declared()
                if its.export
            }
        counts = self._write(options["out"], parts)
        self.stdout.write(f"{options['out']}: " + ", ".join(f"{number} {name}" for name, number in counts.items()))
        if missing := [row for row in parts[FILES] if row["missing"]]:
            self.stdout.write(f"{len(missing)} files are not in it: see `missing` in {FILES}.json")

    def _write(self, path: Path, parts: Mapping[str, list[dict[str, Any]]]) -> dict[str, int]:
        """Outside of any transaction, for files may take long. Raises `CommandError` where it cannot be written."""
        try:
            with create_private(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for row in parts[FILES]:
                    _add_file(archive, row)
                for name, found in parts.items():
                    archive.writestr(f"{name}.json", _json(found[0] if name == "person" else found))
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        return {name: len(found) for name, found in parts.items()}


def _add_file(archive: zipfile.ZipFile, row: dict[str, Any]) -> None:
    """Put a file's bytes into the archive, and say in its row where, or why they are not there."""
    row |= {"in_archive": None, "missing": None}
    if row["state"] != State.READY:
        row["missing"] = row["state"]
        return
    with tempfile.TemporaryDirectory() as folder:
        bytes_ = Path(folder, "bytes")
        try:
            store().fetch(stored_key(row["tenant_id"], row["stored_id"], MAIN), bytes_, most=row["size"])
        except (FileGone, TooLong):
            row["missing"] = "gone"
            return
        except StoreAway as error:
            raise CommandError(f"The files cannot be read: {error}.") from error
        row["in_archive"] = f"files/{row['id']}-{_safe(row['file_name'])}"
        archive.write(bytes_, row["in_archive"])


def _safe(name: str) -> str:
    """A name that stands for one file in one folder on every system, and is not too long for it."""
    safe = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]', "_", name).strip(". ")
    return safe if len(safe) <= LONGEST else safe[: LONGEST - LONGEST_ENDING] + Path(safe).suffix[:LONGEST_ENDING]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
