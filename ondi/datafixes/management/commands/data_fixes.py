"""`manage.py data_fixes`: what was run, what it changed, and back again."""

import json
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Count

from ondi.common.ids import parse_id
from ondi.datafixes.command import progress_of
from ondi.datafixes.fixes import FixRefused
from ondi.datafixes.models import FixImage, FixRun
from ondi.datafixes.runs import FAULTS_SHOWN, INTERRUPTED, status_of
from ondi.datafixes.undo import undo_run
from ondi.tenants.scope import find_tenants, tenant_scope


class Command(BaseCommand):
    help = (
        "Data fixes that were applied. `list`: the newest; `show RUN`: arguments, counts and rows touched; `undo RUN`: "
        "put its rows back. What belongs together goes back together, or stays where a row of it changed since or "
        "something came to hang on it; what stays is named with the reason, and the exit code is 1. `--dry-run` only "
        "looks; what the database alone refuses, as a number given anew, shows when it is done. An undo leaves events "
        "of its own. A run is `running`, `done`, `failed` (done, with failures), `cut_off` (killed or stopped: run it "
        "again and it goes on), `refused` (its plan was old: nothing was done), `undone`, `half_undone` (undo it again "
        "and it goes on) or `undo_refused` (all of it stayed)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["list", "show", "undo"])
        parser.add_argument("run", nargs="?", help="The run's id, for show and undo.")
        parser.add_argument("--tenant", metavar="SLUG", help="With list: only this tenant's.")
        parser.add_argument("--dry-run", action="store_true", help="With undo: only show what would be put back.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "list":
            return self._list(options)
        run = self._find(options["run"])
        return self._show(run, options) if options["what"] == "show" else self._undo(run, options)

    def _list(self, options: dict[str, Any]) -> None:
        rows = []
        tenants = find_tenants(*[] if options["tenant"] is None else [options["tenant"]])
        if options["tenant"] is not None and not tenants:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        for slug, tenant_id in sorted(tenants.items()):
            with tenant_scope(tenant_id):
                runs = FixRun.objects.filter(tenant_id=tenant_id).select_related("tenant")
                found = runs.order_by("-started_at", "-id")[:50]
                rows += [(run.started_at, slug, run) for run in found]
        rows.sort(key=lambda row: row[0], reverse=True)
        statuses = status_of([run for _at, _slug, run in rows])
        if options["json"]:
            told = [_described(run, slug, statuses[run.id]) for _at, slug, run in rows]
            self.stdout.write(json.dumps(told, indent=2, default=str))
            return
        for at, slug, run in rows:
            self.stdout.write(
                f"{run.id}  {run.tenant.in_words(at)}  {slug}  {run.command}  {statuses[run.id]}  {run.changed} changed"
            )

    def _show(self, run: FixRun, options: dict[str, Any]) -> None:
        with tenant_scope(run.tenant_id):
            images = FixImage.objects.filter(tenant_id=run.tenant_id, run=run)
            tables = dict(images.order_by().values_list("table_name").annotate(number=Count("*")))
        told = {**_described(run, str(run.tenant_id), status_of([run])[run.id]), "rows": tables}
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2, default=str))
            return
        for name, value in told.items():
            shown = run.tenant.in_words(value) if isinstance(value, datetime) else value
            self.stdout.write(f"{name:12} {shown}")

    def _undo(self, run: FixRun, options: dict[str, Any]) -> None:
        try:
            with progress_of(run.command) as progress:
                outcome = undo_run(run, progress=progress, dry_run=options["dry_run"])
        except FixRefused as refused:
            raise CommandError(str(refused)) from refused
        if options["json"]:
            told = {
                "run": run.id,
                "dry_run": options["dry_run"],
                "status": outcome.status,
                "restored": outcome.changed,
                "unchanged": outcome.unchanged,
                "refused": outcome.faults,
                "error": outcome.error,
            }
            self.stdout.write(json.dumps(told, indent=2, default=str))
        else:
            how = "would be put back" if options["dry_run"] else "put back"
            self.stdout.write(
                f"{outcome.changed} {how}, {outcome.unchanged} were so already, {len(outcome.faults)} refused."
            )
            for item, reason in outcome.faults[:FAULTS_SHOWN]:
                self.stdout.write(f"  refused: {item}: {reason}")
            if len(outcome.faults) > FAULTS_SHOWN:
                self.stdout.write(f"  and {len(outcome.faults) - FAULTS_SHOWN} more refused")
        if outcome.error == INTERRUPTED:
            raise KeyboardInterrupt
        if outcome.error:
            raise CommandError(outcome.error)
        if outcome.faults:
            raise CommandError("Some rows stay as they are; they are named above.")

    def _find(self, text: str | None) -> FixRun:
        run_id = parse_id(text)
        if run_id is not None:
            for tenant_id in find_tenants().values():
                with tenant_scope(tenant_id):
                    runs = FixRun.objects.filter(tenant_id=tenant_id, id=run_id)
                    run = runs.select_related("tenant").first()
                    if run is not None:
                        return run
        raise CommandError(f"There is no run {text}.")


def _described(run: FixRun, slug: str, status: str) -> dict[str, Any]:
    return {
        "run": str(run.id), "tenant": slug, "command": run.command, "arguments": run.arguments,
        "operator": run.operator, "status": status, "changed": run.changed, "failed": run.failed,
        "started_at": run.started_at, "finished_at": run.finished_at, "undo": "never" if run.is_final else "possible",
    }  # fmt: skip
