"""`manage.py data_fixes`: what was run, what it changed, and back again."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from ondi.common.ids import parse_id
from ondi.datafixes.command import progress_of
from ondi.datafixes.models import FixImage, FixRun
from ondi.datafixes.runs import FAULTS_SHOWN, FixRefused
from ondi.datafixes.undo import undo_run
from ondi.tenants.scope import find_tenants, tenant_scope


class Command(BaseCommand):
    help = (
        "Data fixes that were applied. `list`: the newest; `show RUN`: arguments, counts and rows touched; `undo RUN`: "
        "put its rows back. What belongs together goes back together, or stays where a row of it changed since or "
        "something came to hang on it; what stays is named with the reason. An undo leaves events of its own."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["list", "show", "undo"])
        parser.add_argument("run", nargs="?", help="The run's id, for show and undo.")
        parser.add_argument("--tenant", metavar="SLUG", help="With list: only this tenant's.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "list":
            return self._list(options)
        run = self._find(options["run"])
        return self._show(run, options) if options["what"] == "show" else self._undo(run, options)

    def _list(self, options: dict[str, Any]) -> None:
        rows = []
        for slug, tenant_id in sorted(find_tenants(*filter(None, [options["tenant"]])).items()):
            with tenant_scope(tenant_id):
                found = FixRun.objects.filter(tenant_id=tenant_id).order_by("-started_at", "-id")[:50]
                rows += [(run.started_at, slug, run) for run in found]
        rows.sort(key=lambda row: row[0], reverse=True)
        if options["json"]:
            self.stdout.write(json.dumps([_described(run, slug) for _at, slug, run in rows], indent=2, default=str))
            return
        for at, slug, run in rows:
            self.stdout.write(
                f"{run.id}  {at:%Y-%m-%d %H:%M}  {slug}  {run.command}  {run.status}  {run.changed} changed"
            )

    def _show(self, run: FixRun, options: dict[str, Any]) -> None:
        with tenant_scope(run.tenant_id):
            images = FixImage.objects.filter(tenant_id=run.tenant_id, run=run)
            tables = dict(images.order_by().values_list("table_name").annotate(number=Count("*")))
        told = {**_described(run, str(run.tenant_id)), "rows": tables}
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2, default=str))
            return
        for name, value in told.items():
            self.stdout.write(f"{name:12} {value}")

    def _undo(self, run: FixRun, options: dict[str, Any]) -> None:
        try:
            with progress_of(run.command) as progress:
                outcome = undo_run(run, progress=progress)
        except FixRefused as refused:
            raise CommandError(str(refused)) from refused
        if options["json"]:
            told = {
                "run": run.id,
                "restored": outcome.changed,
                "unchanged": outcome.unchanged,
                "refused": outcome.faults,
            }
            self.stdout.write(json.dumps(told, indent=2, default=str))
        else:
            self.stdout.write(
                f"{outcome.changed} put back, {outcome.unchanged} were so already, {len(outcome.faults)} refused."
            )
            for item, reason in outcome.faults[:FAULTS_SHOWN]:
                self.stdout.write(f"  refused: {item}: {reason}")
        if outcome.faults:
            raise CommandError("Some rows were not put back; they are named above.")

    def _find(self, text: str | None) -> FixRun:
        run_id = parse_id(text)
        if run_id is not None:
            for tenant_id in find_tenants().values():
                with tenant_scope(tenant_id):
                    run = FixRun.objects.filter(tenant_id=tenant_id, id=run_id).first()
                    if run is not None:
                        return run
        raise CommandError(f"There is no run {text}.")


def _described(run: FixRun, slug: str) -> dict[str, Any]:
    return {
        "run": str(run.id), "tenant": slug, "command": run.command, "arguments": run.arguments,
        "operator": run.operator, "status": run.status, "changed": run.changed, "failed": run.failed,
        "started_at": run.started_at, "finished_at": run.finished_at, "undo": "never" if run.is_final else "possible",
    }  # fmt: skip
