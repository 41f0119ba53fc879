"""Running a fix: planned, in batches, recorded, and resumed where a run was cut off."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from ondi.datafixes.batches import Pace, wait_briefly, work_off
from ondi.datafixes.fixes import Batch, Fix, Item
from ondi.datafixes.images import rows_in
from ondi.datafixes.models import FixImage, FixRun
from ondi.tenants.scope import tenant_scope

SAMPLE = 5
FAULTS_SHOWN = 50


class FixRefused(Exception):
    """The run does not begin, or does not go on; the text says why."""


@dataclass(slots=True)
class Plan:
    """What a run would do: how much, an example, and a hash that tells whether it is still the same."""

    count: int = 0
    sample: list[Item] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    hash: str = ""


@dataclass(slots=True)
class Outcome:
    """What a run did. `faults`: item and reason."""

    run_id: UUID | None = None
    changed: int = 0
    unchanged: int = 0
    faults: list[tuple[str, str]] = field(default_factory=list)
    resumed: bool = False
    seconds: float = 0.0


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
    """No other run of this command in this tenant meanwhile. Raises `FixRefused` where one is under way.

    The lock is the connection's, so it is gone with the process, however that ends.
    """
    number = int.from_bytes(hashlib.sha256(f"{command} {tenant_id}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        if not (cursor.fetchone() or [False])[0]:
            raise FixRefused(f"Another run of {command} is under way in this tenant.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


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

    `plan`: the hash of the plan this is meant to be; empty: whatever there is now. `max_errors`: stop after so
    many failed items. `progress` is told how many more are done. Raises `FixRefused`.
    """
    with alone(command, fix.tenant_id):
        run, resumed = _begin(fix, command, arguments, operator, plan, limit)
        outcome = Outcome(run_id=run.id, resumed=resumed)
        start, pace = time.monotonic(), Pace(size=batch_size, most=batch_size)
        items = islice(fix.items(), limit)
        for read in _batches(fix, items, batch_size):
            for done, batch in work_off(read, partial(_commit_batch, fix, run), name=attrgetter("label"), pace=pace):
                outcome.changed += batch.changed
                outcome.unchanged += batch.unchanged
                outcome.faults += batch.faults
                progress(done)
            if len(outcome.faults) > max_errors:
                break
        run.status = FixRun.Status.FAILED if outcome.faults else FixRun.Status.DONE
        run.finished_at = timezone.now()
        with tenant_scope(fix.tenant_id):
            run.save()
        outcome.seconds = time.monotonic() - start
        return outcome


def _begin(
    fix: Fix, command: str, arguments: Mapping[str, Any], operator: str, plan: str, limit: int | None
) -> tuple[FixRun, bool]:
    with tenant_scope(fix.tenant_id):
        same = FixRun.objects.filter(tenant_id=fix.tenant_id, command=command, arguments=dict(arguments))
        cut_off = same.filter(status=FixRun.Status.RUNNING).order_by("-started_at", "-id").first()
        if cut_off is not None and plan in ("", cut_off.plan):
            return cut_off, True
    if plan and plan_of(fix, limit).hash != plan:
        raise FixRefused("The data is no longer what the plan was made of. Look at a new plan first. Nothing was done.")
    with tenant_scope(fix.tenant_id):
        return FixRun.objects.create(
            tenant_id=fix.tenant_id,
            command=command,
            arguments=dict(arguments),
            operator=operator,
            is_final=fix.is_final,
            plan=plan,
            started_at=timezone.now(),
        ), False


def _batches(fix: Fix, items: Iterator[Item], size: int) -> Iterator[Sequence[Item]]:
    """Pieces of what there is to do, each read in a transaction of its own that ends before it is worked on."""
    while True:
        with tenant_scope(fix.tenant_id):
            batch = list(islice(items, size))
        if not batch:
            return
        yield batch


def _commit_batch(fix: Fix, run: FixRun, batch: Sequence[Item]) -> Batch:
    todo = [item for item in batch if not item.fault and not item.is_right]
    with tenant_scope(fix.tenant_id):
        wait_briefly()
        fix.hold(todo)
        parameters = {"tenant": fix.tenant_id, **fix.parameters(todo)}
        before = {} if fix.is_final else rows_in(fix.footprint, parameters)
        result = fix.apply_all(todo, at=run.started_at)
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
    FixImage.objects.bulk_create(
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
    )
