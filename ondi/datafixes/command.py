"""The base of every fixing command: the same options, the same report, dry unless told otherwise."""

import getpass
import json
import os
import sys
import time
from abc import ABC, abstractmethod
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser, OutputWrapper
from tqdm import tqdm

from ondi.datafixes.fixes import Fix, reason
from ondi.datafixes.models import FixRun
from ondi.datafixes.runs import FAULTS_SHOWN, INTERRUPTED, Outcome, Plan, apply_fix, plan_of
from ondi.tenants.scope import find_tenants

SECONDS_BETWEEN_LINES = 5
GIVES_WAY = 10  # as `nice` counts
MANY = 1_000_000_000
# Options that say how and where, not what; and Django's own.
NOT_KEPT = {
    "tenant", "all_tenants", "apply", "plan", "limit", "max_errors", "batch_size", "json", "verbosity", "settings",
    "pythonpath", "traceback", "no_color", "force_color", "skip_checks", "stdout", "stderr",
}  # fmt: skip


class FixCommand(BaseCommand, ABC):
    """Derive from it: `fix_name`, `add_own_arguments`, `fix_for`.

    Exits with 1 where an item failed, or cannot be fixed (dry), or a tenant's run was refused or cut off; the other
    tenants are done all the same. With 130 for Ctrl-C, after the report of what was done until then.
    """

    final_warning = "FINAL: this cannot be undone, and nothing is kept of what was there."
    requires_system_checks: list[str] = []

    @property
    def fix_name(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    def run_from_argv(self, argv: list[str]) -> None:
        os.nice(GIVES_WAY)  # to those who wait for an answer
        super().run_from_argv(argv)

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Options beyond the common ones."""

    @abstractmethod
    def fix_for(self, tenant_id: UUID, options: dict[str, Any]) -> Fix:
        """The fix in this tenant, in whose scope this is called. Raises `CommandError` for bad arguments."""

    def name_of(self, options: dict[str, Any]) -> str:
        """Under what name the run is kept; runs of one name exclude each other."""
        return self.fix_name

    def arguments_of(self, fix: Fix, options: dict[str, Any]) -> dict[str, Any]:
        """What the record of the run says it was asked to do."""
        return {name: str(value) for name, value in options.items() if name not in NOT_KEPT and value is not None}

    def add_arguments(self, parser: CommandParser) -> None:
        scope = parser.add_mutually_exclusive_group(required=True)
        scope.add_argument("--tenant", action="append", metavar="SLUG", help="This tenant; repeatable.")
        scope.add_argument("--all-tenants", action="store_true", help="Every tenant there is.")
        parser.add_argument("--apply", action="store_true", help="Do it. Without: show what would be done.")
        parser.add_argument("--plan", default="", metavar="HASH", help="Refuse unless the plan still is this one.")
        parser.add_argument("--limit", type=positive, help="No more than so many in each tenant.")
        parser.add_argument(
            "--max-errors",
            type=natural,
            default=20,
            help="End a run, which can go on later, when more than so many items failed (20); asked after each batch.",
        )
        parser.add_argument(
            "--batch-size", type=positive, help="So many a transaction; each fix has a number of its own."
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help="The report as a JSON array on standard output, a tenant a line, each as it is done.",
        )
        self.add_own_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = find_tenants(*(options["tenant"] or ()))
        if unknown := set(options["tenant"] or ()) - set(tenants):
            raise CommandError(f"There is no tenant {', '.join(sorted(unknown))}.")
        reports: list[dict[str, Any]] = []
        with reports_to(self.stdout, options["json"]) as tell:
            for slug in sorted(tenants):
                reports.append(tell(self._report(slug, tenants[slug], options, alone=len(tenants) == 1)))
                if reports[-1]["error"] == INTERRUPTED:
                    raise KeyboardInterrupt
        if len(reports) == 1 and reports[0]["error"]:
            raise CommandError(f"{reports[0]['tenant']}: {reports[0]['error']}")
        if any(report["error"] for report in reports):
            raise CommandError("A tenant's run was refused or cut off; it is named above.")
        if any(report["failed"] for report in reports):
            raise CommandError("Some items failed; they are named above.")

    def _report(self, slug: str, tenant_id: UUID, options: dict[str, Any], *, alone: bool) -> dict[str, Any]:
        """Do one tenant. What refuses it before it begins is in the report, so that the other tenants are done.

        Raises `CommandError` instead where it is `alone` and people read it: then there is nothing to report.
        """
        try:
            return self._run_in(slug, tenant_id, options)
        except BrokenPipeError:
            raise  # nobody reads the report any more
        except Exception as error:  # one tenant must not keep the others from being done
            if options["traceback"]:
                raise
            if alone and not options["json"]:
                raise CommandError(f"{slug}: {reason(error)}") from error
            if not options["json"]:
                self.stdout.write(f"{slug}: {reason(error)}")
            return {"tenant": slug, "dry_run": not options["apply"], "run": getattr(error, "run_id", None),
                    "failed": 0, "faults": [], "error": reason(error)}  # fmt: skip

    def _run_in(self, slug: str, tenant_id: UUID, options: dict[str, Any]) -> dict[str, Any]:
        fix = self.fix_for(tenant_id, options)
        if not options["apply"]:
            return self._tell_plan(slug, fix, plan_of(fix, options["limit"]), options)
        if fix.is_final:
            self.stderr.write(self.final_warning)
        with progress_of(slug) as progress:
            outcome = apply_fix(
                fix,
                command=self.name_of(options),
                arguments=self.arguments_of(fix, options),
                operator=operator(),
                plan=options["plan"],
                limit=options["limit"],
                batch_size=options["batch_size"] or fix.at_once,
                max_errors=options["max_errors"],
                progress=progress,
            )
        return self._tell_outcome(slug, fix, outcome, options)

    def _tell_plan(self, slug: str, fix: Fix, plan: Plan, options: dict[str, Any]) -> dict[str, Any]:
        if not options["json"]:
            self.stdout.write(f"{slug}: {plan.count} would be changed, {len(plan.faults)} cannot be. Nothing was done.")
            for item in plan.sample:
                self.stdout.write(f"  {item.label}: {_shown(item.before)} -> {_shown(item.after)}")
            if plan.count > len(plan.sample):
                self.stdout.write(f"  and {plan.count - len(plan.sample)} more")
            self._tell_faults(plan.faults)
            if fix.is_final:
                self.stdout.write(self.final_warning)
            self.stdout.write(f"  plan {plan.hash}")
        sample = [{"item": one.label, "before": dict(one.before), "after": dict(one.after)} for one in plan.sample]
        return {"tenant": slug, "dry_run": True, "count": plan.count, "sample": sample, "plan": plan.hash,
                "failed": len(plan.faults), "faults": plan.faults, "error": ""}  # fmt: skip

    def _tell_outcome(self, slug: str, fix: Fix, outcome: Outcome, options: dict[str, Any]) -> dict[str, Any]:
        rate = outcome.changed / outcome.seconds if outcome.seconds else 0
        if not options["json"]:
            how = "resumed, " if outcome.resumed else ""
            self.stdout.write(
                f"{slug}: {how}{outcome.changed} changed, {outcome.unchanged} unchanged, {len(outcome.faults)} failed; "
                f"{outcome.seconds:.1f} s, {rate:.0f} a second."
            )
            self._tell_faults(outcome.faults)
            undo = self.final_warning if fix.is_final else f"To undo: manage.py data_fixes undo {outcome.run_id}"
            self.stdout.write(f"  run {outcome.run_id}. {undo}")
            if outcome.error:
                self.stdout.write(f"  {FixRun.Status(outcome.status).label}: {outcome.error}")
        return {"tenant": slug, "dry_run": False, "run": str(outcome.run_id), "status": outcome.status,
                "changed": outcome.changed, "unchanged": outcome.unchanged, "failed": len(outcome.faults),
                "faults": outcome.faults, "error": outcome.error, "resumed": outcome.resumed,
                "seconds": round(outcome.seconds, 2)}  # fmt: skip

    def _tell_faults(self, faults: list[tuple[str, str]]) -> None:
        for label, why in faults[:FAULTS_SHOWN]:
            self.stdout.write(f"  failed: {label}: {why}")
        if len(faults) > FAULTS_SHOWN:
            self.stdout.write(f"  and {len(faults) - FAULTS_SHOWN} more failed")


@contextmanager
def reports_to(stdout: OutputWrapper, as_json: bool) -> Iterator[Callable[[dict[str, Any]], dict[str, Any]]]:
    """Takes reports as they come. As JSON each is written at once, on a line of its own, all in one array."""
    before = "["

    def tell(report: dict[str, Any]) -> dict[str, Any]:
        nonlocal before
        if as_json:
            stdout.write(before + json.dumps(report, ensure_ascii=False, default=str))
            stdout.flush()
            before = ","
        return report

    try:
        yield tell
    finally:
        if as_json:
            stdout.write("[]" if before == "[" else "]")


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int], object]]:
    """A bar on a terminal; else a plain line every few seconds."""
    if sys.stderr.isatty():
        with tqdm(desc=what, unit="", file=sys.stderr) as bar:
            yield bar.update
        return
    done, told_at = 0, time.monotonic()

    def tell(more: int) -> None:
        nonlocal done, told_at
        done += more
        if time.monotonic() - told_at > SECONDS_BETWEEN_LINES:
            told_at = time.monotonic()
            sys.stderr.write(f"{what}: {done} so far\n")

    yield tell


def operator() -> str:
    """Who runs this, as the machine knows them."""
    try:
        return f"{getpass.getuser()}@{os.uname().nodename}"
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _shown(values: Any) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items()) or "nothing"


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """For argparse: a whole number from `least` to `most`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and least <= int(text) <= most):
            raise ArgumentTypeError(f"it has to be a whole number from {least} to {most}")
        return int(text)

    return read


positive, natural = whole_number(1, MANY), whole_number(0, MANY)
days = whole_number(1, 36_500)
