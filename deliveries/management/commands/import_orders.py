"""`manage.py import_orders`: orders and their deliveries from a CSV."""

import os
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from deliveries.importing.mapping import ImportMapping, MappingError, read_mapping
from deliveries.importing.rows import ImportRow, Rejection, read_rows
from deliveries.importing.upsert import Importer, ImportReport
from ondi.tenants.scope import find_tenants

BATCH = 500
SHOWN = 50


class Command(BaseCommand):
    help = (
        "Read orders, their deliveries and customers from a CSV into a tenant, by external id: run again, it changes "
        "nothing that is the same. Good rows are kept whatever the others are; exits with 1 where rows were rejected."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument(
            "--map",
            required=True,
            type=Path,
            metavar="FILE.toml",
            help="Columns, statuses and dates; as deliveries/import_maps/olist.toml.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        tenant_id = find_tenants(options["tenant"]).get(options["tenant"])
        if tenant_id is None:
            raise CommandError(f"There is no tenant {options['tenant']!r}.")
        importer = Importer(tenant_id)
        try:
            mapping = read_mapping(options["map"])
            with options["file"].open("rb") as stream:
                self._read(stream, options["file"], mapping, importer)
        except (OSError, MappingError) as error:
            raise CommandError(str(error)) from error
        self._print(importer.report)
        if importer.report.rejections:
            raise CommandError(f"{len(importer.report.rejections)} rows were rejected.")

    def _read(self, stream: BinaryIO, path: Path, mapping: ImportMapping, importer: Importer) -> None:
        rows = read_rows(stream, path, mapping)
        with tqdm(total=os.fstat(stream.fileno()).st_size, unit="B", unit_scale=True, disable=None) as bar:
            while batch := list(islice(rows, BATCH)):
                for row in batch:
                    if isinstance(row, Rejection):
                        importer.reject(row)
                importer.take(row for row in batch if isinstance(row, ImportRow))
                bar.update(stream.tell() - bar.n)

    def _print(self, report: ImportReport) -> None:
        counts = report.counts
        self.stdout.write(
            f"{counts['created']} created, {counts['updated']} updated, {counts['unchanged']} unchanged, "
            f"{len(report.rejections)} rejected."
        )
        rejections = sorted(report.rejections, key=lambda rejection: rejection.line)
        self._print_some("rejected", [f"line {one.line}: {one.reason}" for one in rejections])
        self._print_some(
            "moved forward out of a clock change", [f"line {line}: {column}" for line, column in report.moved_times]
        )

    def _print_some(self, title: str, lines: list[str]) -> None:
        if lines:
            self.stdout.write(f"{len(lines)} {title}:")
            more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
            self.stdout.write("\n".join(f"  {line}" for line in [*lines[:SHOWN], *more]))
