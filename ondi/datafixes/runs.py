"""Running a fix: planned, in batches, recorded, and resumed where a run was cut off."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain, islice
from operator import attrgetter
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from ondi.common.prepared import insert_many
from ondi.datafixes.batches import Pace, is_lost, wait_briefly, was_lost_with, work_off
from ondi.datafixes.fixes import Batch, DatabaseGone, Fix, FixRefused, Item, reason
from ondi.datafixes.images import rows_in
from ondi.datafixes.models import FixImage, FixRun
from ondi.tenants.scope import tenant_scope

SAMPLE = 5
FAULTS_SHOWN = 50
INTERRUPTED = "interrupted"


@dataclass(slots=True)
class Plan:
    """What a run would do: how much, an example, and a hash that tells whether it is still the same."""

    count: int = 0
    sample: list[Item] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    hash: str = ""


@dataclass(slots=True)
class Outcome:
    """What a run did. `faults`: item and reason. `error`: why it ended before its end, empty where it did not."""

    run_id: UUID
    status: str = ""
    changed: int = 0
    unchanged: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)
    resumed: bool = False
    seconds: float = 0.0
    error: str = ""

    def take(self, batch: Batch) -> None:
        self.changed += batch.changed
        self.unchanged += batch.unchanged
        self.faults += batch.faults

    @contextmanager
    def cut_off_by_anything(self) -> Iterator[None]:
        """Whatever happens in here, Ctrl-C included, becomes the `error`: what was done until then is told."""
        start = time.monotonic()
        try:
            yield
        except KeyboardInterrupt:
            self.error = INTERRUPTED
        except Exception as error:  # noqa: BLE001 - told with the run's id, which nobody would know otherwise
            self.error = reason(DatabaseGone() if was_lost_with(error) else error)
        self.seconds = time.monotonic() - start


def plan_of(fix: Fix, limit: int | None) -> Plan:
    """Read what would be done; the transaction it reads in cannot write."""
    plan, digest = Plan(), hashlib.sha256()
    with transaction.atomic(), tenant_scope(fix.tenant_id):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        for item in islice(fix.items(), limit):
            if item.fault:
                plan.faults.append((item.label, item.fault))
                continue
            if item.is_right:
                continue
            plan.count += 1
            told = json.dumps([item.key, dict(item.before), dict(item.after)], sort_keys=True, default=str)
            digest.update(told.encode())
            if len(plan.sample) < SAMPLE:
                plan.sample.append(item)
    plan.hash = digest.hexdigest()
    return plan


@contextmanager
def alone(command: str, tenant_id: UUID) -> Iterator[None]:
    """No other run of this command in this tenant meanwhile. Raises `FixRefused` where one is under way."""
    with _holding(f"{command} {tenant_id}") as held:
        if not held:
            raise FixRefused(f"Another run of {command} is under way in this tenant.")
        yield


@contextmanager
def _holding(name: str) -> Iterator[bool]:
    """Hold this name, or be told that another connection does.

    The lock is the connection's, so it is gone with the process, however that ends. A pooler gives each transaction
    another connection: then it is one past it.
    """
    if settings.DATABASE_DIRECT_URL:
        with psycopg.connect(settings.DATABASE_DIRECT_URL, autocommit=True) as own:
            yield own.execute("SELECT pg_try_advisory_lock(%s)", [_number(name)]).fetchone() == (True,)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_number(name)])
        (held,) = cursor.fetchone() or (False,)
    try:
        yield held
    finally:
        if held and not is_lost():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_number(name)])


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def status_of(runs: Sequence[FixRun]) -> dict[UUID, FixRun.Status]:
    """The status of each: one that says it is running, and whose process is gone, was cut off."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        held = {number for (number,) in cursor.fetchall()}
    return {
        run.id: FixRun.Status.CUT_OFF
        if run.status == FixRun.Status.RUNNING and _number(str(run.id)) not in held
        else FixRun.Status(run.status)
        for run in runs
    }


def apply_fix(
    fix: Fix,
    *,
    command: str,
    arguments: Mapping[str, Any],
    operator: str,
    plan: str,
    limit: int | None,
    batch_size: int,
    max_errors: int,
    progress: Callable[[int], object],
) -> Outcome:
    """Fix everything `fix.items()` names, in short transactions. A run that was cut off goes on under its record.

    `plan`: the hash of the plan this is meant to be; empty: whatever there is now. `max_errors`: end it when more
    items than that have failed, looked at before each further batch. `progress` is told how many more are done. From
    when the run begins nothing is raised: what ended it is the outcome's `error`. Before, `FixRefused`, and whatever
    `fix.items()` raises.
    """
    with alone(command, fix.tenant_id):
        now = plan_of(fix, limit).hash if plan else ""  # before the items are opened: a fix reads them once at a time
        items = _batches(fix, islice(fix.items(), limit), batch_size)
        first = next(items, ())  # what cannot even be read is no run
        at = timezone.now()
        run, outcome = _begin(fix, command, arguments, operator, plan, is_old=now != plan, at=at)
        fix.cause = f"{type(fix).cause}:{run.id}"
        with _holding(str(run.id)), outcome.cut_off_by_anything():
            pace, do = Pace(batch_size, batch_size, fix.rests), partial(_commit_batch, fix, run, at)
            for read in chain([first], items):
                if len(outcome.faults) > max_errors:
                    raise FixRefused(f"more than {max_errors} failed, and the rest was not tried")
                for done, batch in work_off(read, do, name=attrgetter("label"), pace=pace):
                    outcome.take(batch)
                    progress(done)
        run.status = _ended(outcome)
        run.finished_at = timezone.now()
        if not is_lost():  # else it says that it runs, and nobody holds it: cut off
            with tenant_scope(fix.tenant_id):
                run.save(update_fields=["status", "finished_at"])
        outcome.status = run.status
        return outcome


def _ended(outcome: Outcome) -> FixRun.Status:
    if outcome.error:
        return FixRun.Status.CUT_OFF
    return FixRun.Status.FAILED if outcome.faults else FixRun.Status.DONE


def _begin(
    fix: Fix,
    command: str,
    arguments: Mapping[str, Any],
    operator: str,
    plan: str,
    *,
    is_old: bool,
    at: datetime,
) -> tuple[FixRun, Outcome]:
    """The record to run under: that of one like it that was cut off, or a new one; refused where the plan is old."""
    cut_off = (FixRun.Status.RUNNING, FixRun.Status.CUT_OFF)
    with tenant_scope(fix.tenant_id):
        same = FixRun.objects.filter(tenant_id=fix.tenant_id, command=command, arguments=dict(arguments))
        run = same.filter(status__in=cut_off).order_by("-started_at", "-id").first()
        if run is not None and plan in ("", run.plan):
            run.status, run.failed, run.finished_at = FixRun.Status.RUNNING, 0, None  # what failed is tried again
            run.save(update_fields=["status", "failed", "finished_at"])
            return run, Outcome(run.id, resumed=True)
    run = FixRun(
        tenant_id=fix.tenant_id,
        command=command,
        arguments=dict(arguments),
        operator=operator,
        is_final=fix.is_final,
        plan=plan,
        started_at=at,
    )
    if is_old:
        run.status, run.finished_at = FixRun.Status.REFUSED, run.started_at
    with tenant_scope(fix.tenant_id):
        run.save(force_insert=True)
    if run.status == FixRun.Status.REFUSED:
        raise FixRefused(
            "The data is no longer what the plan was made of. Look at a new plan first. Nothing was done, and that is "
            f"kept as run {run.id}.", run.id,
        )  # fmt: skip
    return run, Outcome(run.id)


def _batches(fix: Fix, items: Iterator[Item], size: int) -> Iterator[Sequence[Item]]:
    """Pieces of what there is to do, each read in a transaction of its own that ends before it is worked on."""
    while True:
        with tenant_scope(fix.tenant_id):
            batch = list(islice(items, size))
        if not batch:
            return
        yield batch


def _commit_batch(fix: Fix, run: FixRun, at: datetime, batch: Sequence[Item]) -> Batch:
    todo = [item for item in batch if not item.fault and not item.is_right]
    with tenant_scope(fix.tenant_id):
        wait_briefly()
        fix.hold(todo)
        parameters = {"tenant": fix.tenant_id, **fix.parameters(todo)}
        before = {} if fix.is_final else rows_in(fix.footprint, parameters)
        result = fix.apply_all(todo, at=at)
        result.unchanged += sum(item.is_right for item in batch)
        result.faults += [(item.label, item.fault) for item in batch if item.fault]
        if not fix.is_final and result.changed:
            _keep_images(fix, run, todo, parameters, before)
        changed, failed = run.changed + result.changed, run.failed + len(result.faults)
        FixRun.objects.filter(tenant_id=fix.tenant_id, id=run.id).update(changed=changed, failed=failed)
    run.changed, run.failed = changed, failed  # not before it is committed: a batch may be done again
    return result


def _keep_images(
    fix: Fix, run: FixRun, items: Sequence[Item], parameters: Mapping[str, Any], before: Mapping[Any, Any]
) -> None:
    """What differs, numbered on through the run: items as they were taken, in each of them parents first."""
    after = rows_in(fix.footprint, parameters)
    places = {item.key: place for place, item in enumerate(items)}
    tables = {part.table: place for place, part in enumerate(fix.footprint)}
    different = [row for row in before.keys() | after.keys() if before.get(row) != after.get(row)]
    different.sort(key=lambda row: (places.get(row[0], -1), tables[row[1]], row[2]))
    kept = FixImage.objects.filter(tenant_id=fix.tenant_id, run=run)
    first = (kept.aggregate(last=Max("position"))["last"] or 0) + 1
    images = [
        FixImage(
            tenant_id=fix.tenant_id,
            run=run,
            item=item,
            position=place,
            table_name=table,
            row_id=row_id,
            before=before.get((item, table, row_id)),
            after=after.get((item, table, row_id)),
        )
        for place, (item, table, row_id) in enumerate(different, start=first)
    ]
    insert_many(images)
